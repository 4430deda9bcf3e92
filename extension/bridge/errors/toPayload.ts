/**
 * Purpose: the wire form of anything that was thrown.
 * Threads: JavaScript main thread only.
 * Must not know: how frames travel.
 *
 * What is thrown may be anything: its getters may throw, its causes may lead back to itself.
 */
import { types } from 'node:util';
import { framesOfError } from '../stack';
import { BridgeError } from './classes';
import type { ErrorPayload } from './fromPayload';
import { printable } from './story';

/** What `payloadFromError` needs of the session; without it nothing is referred to. */
export interface PayloadContext {
  /** The handle under which Python keeps the exception that the error was there; 0 = none. */
  handleOf?(error: BridgeError): number;
  /** What stands for a thrown object in a value for Python, so that it can come back. */
  referTo?(thrown: unknown): unknown;
}

const MOST_ERRORS = 64;
const DEEPEST = 24;
const MOST_DETAILS = 32;

/** Describes what was thrown, with causes and members. Never throws. */
export function payloadFromError(thrown: unknown, context: PayloadContext = {}): ErrorPayload {
  return new Description(context).of(thrown, 0) ?? minimalPayload(thrown);
}

/** What can always be said and sent. */
export function minimalPayload(thrown: unknown): ErrorPayload {
  const name = attempt(() => (thrown as Error).name);
  const message = attempt(() => (thrown as Error).message);
  return {
    type: typeof name === 'string' ? name : typeof thrown,
    message: typeof message === 'string' ? message : printable(thrown),
    code: 'host-error',
    frames: [],
  };
}

/** The walk over one graph of errors. */
class Description {
  private readonly open = new Set<unknown>();
  private left = MOST_ERRORS;

  constructor(private readonly context: PayloadContext) {}

  /** Null for what leads back to itself, and for what is too far away. */
  of(thrown: unknown, depth: number): ErrorPayload | null {
    if (this.open.has(thrown) || depth > DEEPEST || --this.left < 0) return null;
    this.open.add(thrown);
    const payload = attempt(() => this.payload(thrown, depth)) ?? minimalPayload(thrown);
    this.open.delete(thrown);
    return payload;
  }

  private payload(thrown: unknown, depth: number): ErrorPayload {
    const original = this.context.referTo ? [this.context.referTo(thrown)] : null;
    if (thrown instanceof BridgeError) return { ...this.ofBridge(thrown, depth), original };
    if (isError(thrown)) return { ...this.ofError(thrown, depth), original };
    const message = typeof thrown === 'string' ? thrown : `a value was thrown: ${printable(thrown)}`;
    return { type: typeof thrown, message, code: 'host-error', frames: [], stack: message, original };
  }

  private ofBridge(error: BridgeError, depth: number): ErrorPayload {
    return {
      type: error.type,
      message: error.message,
      code: error.code,
      hint: error.tellingHint,
      frames: error.frames.map((frame) => ({ ...frame })),
      cause: this.causeOf(error, depth),
      errors: this.membersOf(error, depth),
      notes: [...error.notes],
      details: plainFields(error.details ?? {}),
      ref: this.context.handleOf?.(error) ?? 0,
      stack: error.stack,
    };
  }

  private ofError(error: Error, depth: number): ErrorPayload {
    const type = textOf(() => error.name) || 'Error';
    const message = textOf(() => error.message);
    return {
      type,
      message,
      code: codeOf(error),
      hint: null,
      frames: attempt(() => framesOfError(error)) ?? [],
      cause: this.causeOf(error, depth),
      errors: this.membersOf(error, depth),
      notes: [],
      details: plainFields(error),
      stack: textOf(() => error.stack) || `${type}: ${message}`,
    };
  }

  private causeOf(error: Error, depth: number): ErrorPayload | null {
    const cause = attempt(() => error.cause);
    return cause === undefined || cause === null ? null : this.of(cause, depth + 1);
  }

  private membersOf(error: Error, depth: number): ErrorPayload[] | null {
    const members = attempt(() => (error instanceof AggregateError ? [...error.errors] : null));
    if (!members) return null;
    return members.map((member) => this.of(member, depth + 1)).filter((member) => member !== null);
  }
}

function isError(thrown: unknown): thrown is Error {
  return types.isNativeError(thrown) || (attempt(() => thrown instanceof Error) ?? false);
}

function codeOf(error: Error): string {
  if (attempt(() => error.name) === 'AbortError') return 'cancelled';
  const code = attempt(() => (error as { code?: unknown }).code);
  return typeof code === 'string' && /^[a-z][a-z0-9-]*$/.test(code) ? code : 'host-error';
}

/** Fields of an error that are plain, such as Node's `code`, `errno`, `syscall` and `path`. */
function plainFields(error: object): Record<string, unknown> | null {
  const fields: Record<string, unknown> = {};
  for (const key of (attempt(() => Object.keys(error)) ?? []).slice(0, MOST_DETAILS)) {
    const value = attempt(() => (error as Record<string, unknown>)[key]);
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) fields[key] = value;
  }
  return Object.keys(fields).length > 0 ? fields : null;
}

function textOf(read: () => unknown): string {
  const value = attempt(read);
  return typeof value === 'string' ? value : value === undefined ? '' : printable(value);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
