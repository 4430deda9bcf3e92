/**
 * Purpose: what surrounds the running exposed function: its span, and its cancellation.
 * Threads: JavaScript main thread; follows `await` through AsyncLocalStorage. A call that is over when its function
 * returns needs no following, and so does without: that costs a fifth of such a call.
 * Must not know: frames, sessions.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServedCall } from './servedCall';

/** The call from Python that the current code works for. */
export interface CurrentCall {
  /** Name the function was called by, for instance `editor.ask`. */
  readonly name: string;
  /** Span id of the crossing; calls to Python from here become its children. 0 = not traced. */
  readonly span: number;
  /**
   * Aborted when Python cancels the call. Whoever takes it promises to end soon after, and Python waits for that.
   * Calls to Python that are made meanwhile are cancelled along, and waited for, too. A function that does
   * neither is answered for at once.
   */
  readonly signal: AbortSignal;
}

const storage = new AsyncLocalStorage<ServedCall>();
/** The call that is being answered on the spot. */
let immediate: ServedCall | undefined;

/** The call being answered, or undefined outside exposed functions. */
export function currentCall(): CurrentCall | undefined {
  return servedCall();
}

/** As `currentCall`, with what the bridge needs of it. */
export function servedCall(): ServedCall | undefined {
  return immediate ?? storage.getStore();
}

/** Span id that new crossings are children of; 0 outside. */
export function currentSpan(): number {
  return servedCall()?.span ?? 0;
}

/** Runs `work` as the answer to `call`, and what it leaves to run later. */
export function runInCall<T>(call: ServedCall, work: () => T): T {
  const outer = immediate;
  immediate = undefined;
  try {
    return storage.run(call, work);
  } finally {
    immediate = outer;
  }
}

/** Runs `work` as the answer to `call`, which is over when `work` returns. */
export function runAtOnce<T>(call: ServedCall, work: () => T): T {
  const outer = immediate;
  immediate = call;
  try {
    return work();
  } finally {
    immediate = outer;
  }
}
