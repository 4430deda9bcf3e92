/**
 * Purpose: whose stack a call carries when very many are made.
 * Threads: JavaScript main thread only.
 * Must not know: calls, transports.
 *
 * Capturing a stack takes as long as all the rest of a call. So only the first calls of every stretch of time carry
 * theirs. Should one of the others fail, it is found out who awaits it: V8 follows the chain of promises, which costs
 * nothing before.
 */
import type { BridgeError } from './errors';
import { asyncFrames, type Caller, captureCaller, captureSite, type JoinedFrame } from './stack';

/** Calls whose stacks are captured in a stretch of time. */
const EXACT = 16;
/** That stretch: capturing takes about a hundredth of it. */
const STRETCH_MS = 10;

let left = EXACT;

/** Who called `below`, for calls that may come in thousands. */
export function callerOf(below: AnyFunction): Caller {
  if (left === 0) return new PassingCaller(below);
  if (left === EXACT) setTimeout(refill, STRETCH_MS).unref();
  left -= 1;
  return captureCaller(below);
}

function refill(): void {
  left = EXACT;
}

type AnyFunction = (...args: never[]) => unknown;

/** A caller whose stack was not captured: it is known as long as the call is being made, and then what was asked for. */
class PassingCaller implements Caller {
  private line: string | null = null;

  constructor(private readonly below: AnyFunction) {}

  site(): string | null {
    this.line ??= captureSite(this.below).site();
    return this.line;
  }

  frames(): JoinedFrame[] {
    return captureCaller(this.below).frames();
  }
}

/** Makes an error from the frames of the call's caller. */
export type ErrorMaker = (frames: readonly JoinedFrame[]) => BridgeError;

/** Why a call failed whose caller's stack was not captured, until it is known who awaits it. */
class Unplaced {
  constructor(readonly make: ErrorMaker) {}
}

/** What a call that has been made is rejected with: its error, or what `placed` makes one of. */
export function failure(caller: Caller, make: ErrorMaker): unknown {
  return caller instanceof PassingCaller ? new Unplaced(make) : make(caller.frames());
}

/** The promise of a call; fails with the stack of who awaits it where that of its caller was not captured. */
export function placed<T>(caller: Caller, outcome: Promise<T>): Promise<T> {
  return caller instanceof PassingCaller ? outcome.catch(place) : outcome;
}

function place(reason: unknown): never {
  throw reason instanceof Unplaced ? reason.make(asyncFrames()) : reason;
}
