/**
 * Why a value is refused, and the names to say it with. Gathers its path on the way out of the containers, so that
 * packing itself keeps none. JavaScript thread only; knows nothing of packs.
 */
import { types } from 'node:util';
import { MAX_DEPTH } from '../../protocol/pack';
import { ConversionError, formatPath, type PathStep } from './conversionError';

/** Names the root of a path: fixed, or by the first step for a call's (name, args, kwargs, site). */
export type PathRoot = string | ((steps: PathStep[]) => string);

/** Reason for a value below the depth limit, which a cycle always meets. */
export const DEEP = `nested more than ${MAX_DEPTH} levels deep`;

export class Refusal {
  readonly steps: PathStep[] = [];
  private cyclic = false;

  constructor(
    private readonly subject: unknown,
    private readonly reason = 'no conversion for this type',
    private readonly hint: string | undefined = undefined,
  ) {}

  leave(step: PathStep, container: object): void {
    this.steps.push(step);
    if (this.reason === DEEP && container === this.subject) {
      this.cyclic = true;
      this.steps.length = 0;
    }
  }

  toError(root: PathRoot): ConversionError {
    const steps = this.steps.reverse();
    const rootName = typeof root === 'string' ? root : root(steps);
    // A path of a thousand steps helps nobody.
    const shown = steps.length > 12 ? [...steps.slice(0, 12), '<…>'] : steps;
    const path = formatPath(rootName, shown);
    const type = typeName(this.subject);
    const reason = this.cyclic ? 'it contains itself' : this.reason;
    const hint = this.hint === undefined ? '' : `; ${this.hint}`;
    return new ConversionError(`cannot convert ${path} (type '${type}'): ${reason}${hint}`, path, type);
  }
}

/** Adds a step to a refusal that passes; other errors pass as they are. */
export function at(error: unknown, step: PathStep, container: object): unknown {
  if (error instanceof Refusal) error.leave(step, container);
  return error;
}

/** True for `Object.prototype`, `Map.prototype`, … of another realm. */
export function isRealmRoot(prototype: object, name: string): boolean {
  const made = prototype.constructor;
  if (typeof made !== 'function' || made.name !== name || made.prototype !== prototype) return false;
  const parent = Object.getPrototypeOf(prototype);
  return name === 'Object' ? parent === null : parent !== null && Object.getPrototypeOf(parent) === null;
}

function typeName(v: unknown): string {
  if (v === null || (typeof v !== 'object' && typeof v !== 'function')) return typeof v;
  if (typeof v === 'function') return 'function';
  const made = v.constructor;
  return typeof made === 'function' && made.name !== '' ? made.name : 'object';
}

/** What to do instead, for types people try to pass. */
export function hintFor(o: object): string {
  if (types.isAnyArrayBuffer(o)) return 'wrap it in new Uint8Array(…)';
  if (ArrayBuffer.isView(o)) return 'pass Array.from(…), a Float64Array or a Uint8Array';
  if (types.isPromise(o)) return 'await it first';
  if (o instanceof Date) return 'pass toISOString() or getTime()';
  return 'pass a ref, a plain value, or register its class as a dataclass';
}
