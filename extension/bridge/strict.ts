/**
 * Purpose: which functions and objects of ours want the exact types of what Python passes to them.
 * Threads: JavaScript main thread only.
 * Must not know: calls, handles, packs.
 */

const marked = new WeakSet<object>();
/** Most programs never ask, and then nothing is looked up. */
let isAnyMarked = false;

/**
 * Marks what Python calls: a function, a class, an object with methods, or what `expose` takes. Arguments, and what
 * Python sends to a generator, then keep their exact types: integral floats arrive as `PyFloat`, NumPy's scalars as
 * `NdArray`, as results do with the call option of the same name. See `docs/types.md`.
 *
 * @returns the same function or object; it stays marked
 */
export function strict<T extends object>(receiver: T): T {
  marked.add(receiver);
  isAnyMarked = true;
  return receiver;
}

/** Whether {@link strict} has marked it. */
export function isStrict(value: unknown): boolean {
  return isAnyMarked && marked.has(value as object);
}
