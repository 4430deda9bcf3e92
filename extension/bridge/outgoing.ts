/**
 * Purpose: calls to Python that are under way: ids, cancellation, deadlines, outcomes.
 * Threads: JavaScript main thread only.
 * Must not know: transports, proxies, hosts.
 */
import { FrameFlag, FrameKind } from '../protocol/frame';
import { type ErrorMaker, placed, SharedCaller, unplaced } from './callerBudget';
import { ConversionError as CodecError, type FrameSink } from './codec';
import { after } from './deadline';
import { BridgeError, CallCancelled, type ErrorContext, errorFromPayload, type JoinedFrame } from './errors';
import type { LiveHandles } from './liveHandles';
import type { CallOptions } from './refs';
import { currentSpan } from './scope';
import type { Caller } from './stack';
import { conversionError, type IncomingFrame, type Wire } from './wire';

/** A call, ready to be sent. */
export interface OutgoingCall {
  /** `module:attribute` for target 0, else the attribute path; null calls the target itself. */
  name: string | null;
  /** Handle of a Python object; 0 for none. */
  target: number;
  flags: number;
  args: readonly unknown[];
  kwargs: Readonly<Record<string, unknown>> | null;
  options: CallOptions;
  caller: Caller;
  /** What messages call it. */
  label: string;
}

/** Why a caller gave up. */
interface Cancellation {
  code: string;
  message: string;
  cause: unknown;
}

/** One object, and no function, for each call: there may be many thousands. */
class Pending {
  /** Set once the caller gave up; the call stays until Python has cleaned up. */
  cancelled: Cancellation | null = null;
  stopListening: (() => void) | null = null;

  constructor(
    readonly call: OutgoingCall,
    readonly resolve: (value: unknown) => void,
    private readonly rejectWith: (error: unknown) => void,
    /** Handles of Python objects that the call needs until it is over, beside its target. */
    readonly uses: readonly number[],
  ) {}

  /** Fails the call; `make` gets the frames of its caller. */
  fail(make: ErrorMaker): void {
    const { caller } = this.call;
    this.rejectWith(caller instanceof SharedCaller ? unplaced(caller, make) : make(caller.frames()));
  }
}

/** The table of calls without an answer. */
export class OutgoingCalls {
  private readonly pending = new Map<number, Pending>();
  private id: number;

  constructor(
    private readonly wire: Wire,
    private readonly outbox: FrameSink & { push(frame: Uint8Array): void },
    firstId: number,
    private readonly errorContext: ErrorContext,
    private readonly handles: LiveHandles,
    private readonly changed: () => void,
    /** Whether Python records crossings: only then, and for handles, does it want call sites. */
    private readonly traced: boolean,
  ) {
    this.id = firstId;
  }

  get size(): number {
    return this.pending.size;
  }

  /** First id that no call has used. */
  get nextId(): number {
    return this.id;
  }

  /** Sends the call; the promise settles with Python's answer. */
  start(call: OutgoingCall): Promise<unknown> {
    const { signal, deadlineMs } = call.options;
    if (signal?.aborted) {
      const why = { code: 'cancelled', message: BEFORE, cause: signal.reason };
      return Promise.reject(cancelError(call, why, call.caller.frames()));
    }
    const id = this.takeId();
    try {
      this.encode(id, call);
    } catch (error) {
      return Promise.reject(conversionError(error, call.caller.frames()));
    }
    const outcome = new Promise((resolve, reject) => {
      this.pending.set(id, new Pending(call, resolve, reject, this.wire.used()));
    });
    this.handles.use(call.target, this.wire.used());
    if (signal || deadlineMs !== undefined) this.listen(id, signal, deadlineMs);
    this.changed();
    return call.caller instanceof SharedCaller ? placed(outcome) : outcome;
  }

  /** A RESULT or ERROR frame; one for a call that is not known is late and means nothing. */
  settle(frame: IncomingFrame): void {
    const pending = this.take(frame.id);
    if (!pending) return;
    let payload: unknown;
    try {
      // An error's own fields are no result.
      payload = frame.payload(
        frame.kind === FrameKind.RESULT && (pending.call.flags & FrameFlag.STRICT) !== 0,
      );
    } catch (error) {
      if (error instanceof CodecError) {
        pending.fail((frames) => conversionError(error, frames));
        return;
      }
      const message = `the answer of ${pending.call.label} cannot be read: ${(error as Error).message}`;
      pending.fail((frames) => new BridgeError(message, { code: 'protocol', frames, cause: error }));
      return;
    }
    if (frame.kind === FrameKind.RESULT) pending.resolve(payload);
    else pending.fail((caller) => this.errorOf(pending, payload, caller));
  }

  /** Fails every call in flight; none is ever sent again. */
  failAll(make: (call: OutgoingCall, caller: readonly JoinedFrame[]) => BridgeError): void {
    for (const id of [...this.pending.keys()]) {
      const pending = this.take(id);
      pending?.fail((frames) => make(pending.call, frames));
    }
  }

  private takeId(): number {
    let id = this.id;
    while (this.pending.has(id)) id = nextId(id);
    this.id = nextId(id);
    return id;
  }

  private encode(id: number, call: OutgoingCall): void {
    const parent = this.traced ? currentSpan() : 0;
    const head = { flags: call.flags, id, target: call.target, parent };
    const wantsSite = this.traced || (call.flags & FrameFlag.RETURN_REF) !== 0;
    const site = wantsSite ? call.caller.site() : null;
    this.wire.encodeCall(this.outbox, head, call.name, call.args, call.kwargs, site);
  }

  private listen(id: number, signal: AbortSignal | undefined, deadlineMs: number | undefined): void {
    const onAbort = (): void =>
      this.cancel(id, { code: 'cancelled', message: 'was cancelled', cause: signal?.reason });
    signal?.addEventListener('abort', onAbort, { once: true });
    const onDeadline = (): void =>
      this.cancel(id, {
        code: 'deadline',
        message: `was cancelled: its deadline of ${deadlineMs} ms passed`,
        cause: undefined,
      });
    const stopTimer = deadlineMs === undefined ? undefined : after(deadlineMs, onDeadline);
    const pending = this.pending.get(id) as Pending;
    pending.stopListening = () => {
      signal?.removeEventListener('abort', onAbort);
      stopTimer?.();
    };
  }

  private cancel(id: number, cancelled: Cancellation): void {
    const pending = this.pending.get(id);
    if (!pending || pending.cancelled) return;
    pending.cancelled = cancelled;
    this.outbox.push(this.wire.encode({ kind: FrameKind.CANCEL, id }));
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    if (!pending) return undefined;
    this.pending.delete(id);
    pending.stopListening?.();
    this.handles.unuse(pending.call.target, pending.uses);
    this.changed();
    return pending;
  }

  private errorOf(pending: Pending, payload: unknown, caller: readonly JoinedFrame[]): BridgeError {
    const error = errorFromPayload(payload, { ...this.errorContext, caller });
    if (error instanceof CallCancelled && pending.cancelled) {
      return cancelError(pending.call, pending.cancelled, error.frames.length > 0 ? error.frames : caller);
    }
    return error;
  }
}

const BEFORE = 'was not sent: its signal was already aborted';

function cancelError(call: OutgoingCall, why: Cancellation, frames: readonly JoinedFrame[]): CallCancelled {
  // The reason an AbortController makes by itself says nothing that the message does not say.
  const plain = why.cause instanceof DOMException && why.cause.name === 'AbortError';
  return new CallCancelled(`${call.label} ${why.message}`, {
    code: why.code,
    frames,
    cause: plain ? undefined : why.cause,
  });
}

/** Ids are u32 on the wire; 0 means none. */
function nextId(id: number): number {
  return id >= 0xffff_ffff ? 1 : id + 1;
}
