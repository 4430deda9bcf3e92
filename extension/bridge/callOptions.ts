/**
 * Purpose: how a call of Python is made: keyword arguments, cancellation, deadline.
 * Threads: JavaScript main thread only.
 * Must not know: objects, frames.
 */

/** How one call is made; everything is optional. */
export interface CallOptions {
  /**
   * Aborting it cancels the call in Python; the promise rejects once Python has cleaned up. A call that an exposed
   * function makes is cancelled along with the call that the function answers; null lets it go on.
   */
  signal?: AbortSignal | null;
  /** Cancels the call after this many milliseconds. */
  deadlineMs?: number;
  /**
   * Does not wait for a coroutine that goes on a second after its cancellation: the promise then rejects with code
   * `abandoned`. What runs on a thread is given up in any case.
   */
  giveUp?: boolean;
  /** Subprocess host only: run on Python's main thread, where signals and some libraries live. */
  mainThread?: boolean;
  /**
   * The result keeps its exact types: integral floats arrive as `PyFloat`, NumPy's scalars as `NdArray`. See
   * `docs/types.md`.
   */
  strict?: boolean;
}

/** Keyword arguments of a Python call; made by `kw()`. */
export class Kwargs {
  constructor(
    readonly values: Readonly<Record<string, unknown>>,
    readonly options: CallOptions | undefined,
  ) {}
}

/**
 * Marks keyword arguments: `stats.quantiles(data, kw({ n: 10 }), { deadlineMs: 500 })`.
 * An object right after `kw(…)` is taken as call options, never as an argument.
 */
export function kw(values: Record<string, unknown>, options?: CallOptions): Kwargs {
  return new Kwargs({ ...values }, options);
}

/** A proxy's argument list, taken apart. */
export interface SplitArguments {
  args: unknown[];
  kwargs: Readonly<Record<string, unknown>> | null;
  options: CallOptions;
}

/** Takes a proxy's argument list apart into arguments, keywords and call options. */
export function splitArguments(args: unknown[], bound: CallOptions): SplitArguments {
  const count = args.length;
  // An element at -1 is looked up by name, the slow way.
  if (count === 0) return { args, kwargs: null, options: bound };
  const last = args[count - 1];
  if (last instanceof Kwargs) {
    const options = { ...bound, ...last.options };
    return { args: args.slice(0, -1), kwargs: last.values, options };
  }
  const beforeLast = count > 1 ? args[count - 2] : undefined;
  if (beforeLast instanceof Kwargs) {
    const options = { ...bound, ...beforeLast.options, ...(last as CallOptions) };
    return { args: args.slice(0, -2), kwargs: beforeLast.values, options };
  }
  if (isOptions(last)) {
    return { args: args.slice(0, -1), kwargs: null, options: { ...bound, ...last } };
  }
  return { args, kwargs: null, options: bound };
}

/** Whether nothing can be keywords or options: the usual case, and then nothing is looked for. */
export function isPlain(args: readonly unknown[]): boolean {
  const count = args.length;
  if (count === 0) return true;
  return typeof args[count - 1] !== 'object' && !(count > 1 && args[count - 2] instanceof Kwargs);
}

/** Without `kw()`, only an object that holds an AbortSignal is options: it could not be a value. */
function isOptions(value: unknown): value is CallOptions {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'signal')) return false;
  return (value as CallOptions).signal instanceof AbortSignal;
}
