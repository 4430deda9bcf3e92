/**
 * Purpose: a timer for any number of milliseconds.
 * Threads: JavaScript main thread only.
 * Must not know: calls.
 */

/** Node's timers count in 31 bits and fire at once when asked for more. */
const LONGEST_MS = 2 ** 31 - 1;

/** Runs `act` after `ms` milliseconds; never for `Infinity`. Returns what stops it. */
export function after(ms: number, act: () => void): () => void {
  if (ms === Number.POSITIVE_INFINITY) return () => {};
  const end = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const wait = (left: number): void => {
    if (left > LONGEST_MS) timer = setTimeout(() => wait(end - performance.now()), LONGEST_MS);
    else timer = setTimeout(act, Math.max(0, left));
  };
  wait(ms);
  return () => clearTimeout(timer);
}
