/**
 * Purpose: calls to Python that are under way: ids, cancellation, deadlines, outcomes.
 * Threads: JavaScript main thread only.
 * Must not know: transports, proxies, hosts.
 */
import { FrameFlag, FrameKind } from '../protocol/frame';
import { ConversionError as CodecError } from './codec';
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

interface Pending {
  call: OutgoingCall;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Set once the caller gave up; the call stays until Python has cleaned up. */
  cancelled: { code: string; message: string; cause: unknown } | null;
  stopListening(): void;
  /** Handles of Python objects that the call needs until it is over. */
  uses: readonly number[];
}

/** The table of calls without an answer. */
export class OutgoingCalls {
  private readonly pending = new Map<number, Pending>();
  private id: number;

  constructor(
    private readonly wire: Wire,
    private readonly post: (frame: Uint8Array) => void,
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
    return new Promise((resolve, reject) => {
      const { signal, deadlineMs } = call.options;
      if (signal?.aborted) {
        reject(cancelError(call, { code: 'cancelled', message: BEFORE, cause: signal.reason }, []));
        return;
      }
      const id = this.takeId();
      const frame = this.encode(id, call, reject);
      if (!frame) return;
      const pending: Pending = {
        call,
        resolve,
        reject,
        cancelled: null,
        stopListening: () => {},
        uses: this.wire.used(call.target),
      };
      this.handles.use(pending.uses);
      this.pending.set(id, pending);
      if (signal || deadlineMs !== undefined) pending.stopListening = this.listen(id, signal, deadlineMs);
      this.post(frame);
      this.changed();
    });
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
        pending.reject(conversionError(error, pending.call.caller.frames()));
        return;
      }
      pending.reject(
        new BridgeError(`the answer of ${pending.call.label} cannot be read: ${(error as Error).message}`, {
          code: 'protocol',
          frames: pending.call.caller.frames(),
          cause: error,
        }),
      );
      return;
    }
    if (frame.kind === FrameKind.RESULT) pending.resolve(payload);
    else pending.reject(this.errorOf(pending, payload));
  }

  /** Fails every call in flight; none is ever sent again. */
  failAll(make: (call: OutgoingCall) => BridgeError): void {
    for (const id of [...this.pending.keys()]) {
      const pending = this.take(id);
      pending?.reject(make(pending.call));
    }
  }

  private takeId(): number {
    let id = this.id;
    while (this.pending.has(id)) id = nextId(id);
    this.id = nextId(id);
    return id;
  }

  private encode(id: number, call: OutgoingCall, reject: (error: unknown) => void): Uint8Array | null {
    const head = { flags: call.flags, id, target: call.target, parent: currentSpan() };
    const wantsSite = this.traced || (call.flags & FrameFlag.RETURN_REF) !== 0;
    const site = wantsSite ? call.caller.site() : null;
    try {
      return this.wire.encodeCall(head, call.name, call.args, call.kwargs, site);
    } catch (error) {
      reject(conversionError(error, call.caller.frames()));
      return null;
    }
  }

  private listen(id: number, signal: AbortSignal | undefined, deadlineMs: number | undefined) {
    const onAbort = (): void =>
      this.cancel(id, { code: 'cancelled', message: 'was cancelled', cause: signal?.reason });
    signal?.addEventListener('abort', onAbort, { once: true });
    const onDeadline = (): void =>
      this.cancel(id, {
        code: 'deadline',
        message: `was cancelled: its deadline of ${deadlineMs} ms passed`,
        cause: undefined,
      });
    const timer = deadlineMs === undefined ? undefined : setTimeout(onDeadline, Math.max(0, deadlineMs));
    return () => {
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    };
  }

  private cancel(id: number, cancelled: NonNullable<Pending['cancelled']>): void {
    const pending = this.pending.get(id);
    if (!pending || pending.cancelled) return;
    pending.cancelled = cancelled;
    this.post(this.wire.encode({ kind: FrameKind.CANCEL, id }));
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    if (!pending) return undefined;
    this.pending.delete(id);
    pending.stopListening();
    this.handles.unuse(pending.uses);
    this.changed();
    return pending;
  }

  private errorOf(pending: Pending, payload: unknown): BridgeError {
    const caller = pending.call.caller.frames();
    const error = errorFromPayload(payload, { ...this.errorContext, caller });
    if (error instanceof CallCancelled && pending.cancelled) {
      return cancelError(pending.call, pending.cancelled, error.frames);
    }
    return error;
  }
}

const BEFORE = 'was not sent: its signal was already aborted';

function cancelError(
  call: OutgoingCall,
  why: { code: string; message: string; cause: unknown },
  frames: readonly JoinedFrame[],
): CallCancelled {
  // The reason an AbortController makes by itself says nothing that the message does not say.
  const plain = why.cause instanceof DOMException && why.cause.name === 'AbortError';
  return new CallCancelled(`${call.label} ${why.message}`, {
    code: why.code,
    frames: frames.length > 0 ? frames : call.caller.frames(),
    cause: plain ? undefined : why.cause,
  });
}

/** Ids are u32 on the wire; 0 means none. */
function nextId(id: number): number {
  return id >= 0xffff_ffff ? 1 : id + 1;
}
