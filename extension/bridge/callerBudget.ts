/**
 * Purpose: whose stack a call carries when very many are made at once.
 * Threads: JavaScript main thread only.
 * Must not know: calls, transports.
 *
 * Capturing a stack takes as long as all the rest of a call. So the first calls of a turn of the event loop carry
 * theirs, and those that follow, at once or one after the other, share the last one. Should one of these fail, it is
 * found out who awaits it: V8 follows the chain of promises, which costs nothing before.
 */
import type { BridgeError } from './errors';
import { asyncFrames, type Caller, captureCaller, captureSite, type JoinedFrame } from './stack';

/** Calls of one turn whose stacks are captured. */
const EXACT = 16;

let captured = 0;
let shared: SharedCaller | null = null;

/** As `captureCaller`, for calls that may come in thousands. `sited`: each tells its own line, whatever its stack. */
export function captureInTurn(below: (...args: never[]) => unknown, sited: boolean): Caller {
  if (captured >= EXACT && shared !== null) {
    return sited ? new SharedCaller(shared, captureSite(below)) : shared;
  }
  if (captured === 0) setImmediate(endTurn);
  captured += 1;
  const caller = captureCaller(below);
  if (captured === EXACT) shared = new SharedCaller(caller);
  return caller;
}

function endTurn(): void {
  captured = 0;
  shared = null;
}

/** Stands for the callers of all calls of a turn behind the first ones. */
export class SharedCaller implements Caller {
  /**
   * @param last the last caller of the turn that was captured
   * @param own knows the line of the call itself
   */
  constructor(
    private readonly last: Caller,
    private readonly own: Caller = last,
  ) {}

  site(): string | null {
    return this.own.site() ?? this.last.site();
  }

  frames(): JoinedFrame[] {
    return this.last.frames();
  }
}

/** Makes an error from the frames of the call's caller. */
export type ErrorMaker = (frames: readonly JoinedFrame[]) => BridgeError;

/** Why a call with a `SharedCaller` failed, until it is known who awaits it. */
class Unplaced {
  constructor(
    readonly caller: Caller,
    readonly make: ErrorMaker,
  ) {}
}

/** The promise of a call with a `SharedCaller`: fails with the stack of who awaits it. */
export function placed<T>(outcome: Promise<T>): Promise<T> {
  return outcome.catch(place);
}

/** What the promise behind `placed` is rejected with. */
export function unplaced(caller: Caller, make: ErrorMaker): unknown {
  return new Unplaced(caller, make);
}

function place(reason: unknown): never {
  if (!(reason instanceof Unplaced)) throw reason;
  const frames = asyncFrames();
  throw reason.make(frames.length > 0 ? frames : reason.caller.frames());
}
