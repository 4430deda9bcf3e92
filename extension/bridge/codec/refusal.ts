/**
 * Why a value is refused, and the names to say it with. Gathers its path on the way out of the containers, so that
 * packing itself keeps none. JavaScript thread only; knows nothing of packs.
 */
import { types } from 'node:util';
import { MAX_DEPTH } from '../../protocol/pack';
import { ConversionError, formatPath, type PathStep } from './conversionError';

/** Names the root of a path: fixed, or by the first step for a call's (name, args, kwargs, site). */
export type PathRoot = string | ((steps: PathStep[]) => string);

/** Reason for a value below the depth limit. */
export const DEEP = `nested more than ${MAX_DEPTH} levels deep`;

export class Refusal {
  readonly steps: PathStep[] = [];

  constructor(
    private readonly subject: unknown,
    private readonly reason = 'no conversion for this type',
    private readonly hint: string | undefined = undefined,
    private readonly cause: unknown = undefined,
  ) {}

  toError(root: PathRoot): ConversionError {
    const steps = this.steps.reverse();
    const rootName = typeof root === 'string' ? root : root(steps);
    // A path of a thousand steps helps nobody.
    const shown = steps.length > 12 ? [...steps.slice(0, 12), '<…>'] : steps;
    const path = formatPath(rootName, shown);
    const type = this.subject === UNREAD ? 'unknown' : typeName(this.subject);
    const named = this.subject === UNREAD ? '' : ` (type '${type}')`;
    const hint = this.hint === undefined ? '' : `; ${this.hint}`;
    const error = new ConversionError(`cannot convert ${path}${named}: ${this.reason}${hint}`, path, type);
    if (this.cause !== undefined) error.cause = this.cause;
    return error;
  }
}

/** Carries an error that is none of the value's, such as one of a released reference, unchanged out of the packer. */
export class Passing {
  constructor(readonly error: unknown) {}
}

/** What goes on to the packer's caller: a refusal with one more step. Errors of getters and traps become refusals. */
export function at(error: unknown, step: PathStep): unknown {
  if (error instanceof Passing) return error;
  const refusal = refusalOf(error);
  refusal.steps.push(step);
  return refusal;
}

/** The refusal of a value whose reading failed. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  // The stack may end before the limit, where the caller was deep in it already.
  if (error instanceof RangeError && /call stack/.test(error.message)) return new Refusal(UNREAD, DEEP);
  return new Refusal(UNREAD, `reading it failed: ${messageOf(error)}`, undefined, error);
}

/** Stands for a value that could not be had. */
const UNREAD = Symbol('unread');

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return 'with an error that cannot be read either';
  }
}

function typeName(v: unknown): string {
  if (v === null || (typeof v !== 'object' && typeof v !== 'function')) return typeof v;
  if (typeof v === 'function') return 'function';
  try {
    const made = v.constructor;
    const name = typeof made === 'function' ? made.name : undefined;
    return typeof name === 'string' && name !== '' ? name : 'object';
  } catch {
    return types.isProxy(v) ? 'Proxy' : 'object';
  }
}

/** What to do instead, for types people try to pass. */
export function hintFor(o: object): string {
  if (types.isPromise(o)) return 'await it first';
  return 'pass a ref, a plain value, or register a converter for its class';
}
