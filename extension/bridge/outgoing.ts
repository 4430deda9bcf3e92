/**
 * Purpose: calls to Python that are under way: ids, cancellation, deadlines, outcomes.
 * Threads: JavaScript main thread only.
 * Must not know: transports, proxies, hosts.
 */
import { AsyncResource } from 'node:async_hooks';
import { FrameFlag, FrameKind } from '../protocol/frame';
import { type ErrorMaker, failure, placed } from './callerBudget';
import { ConversionError as CodecError, type FrameSink } from './codec';
import { after } from './deadline';
import { Emitter } from './emitter';
import { BridgeError, CallCancelled, type ErrorContext, errorFromPayload, type JoinedFrame } from './errors';
import { type CancelReport, IgnoredCancels } from './ignoredCancels';
import type { LiveHandles } from './liveHandles';
import type { CallHandle, CallOptions } from './refs';
import { servedCall } from './scope';
import type { ServedCall } from './servedCall';
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
  handle?: CallHandle;
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
  /** Where AsyncLocalStorage finds what surrounds the call, for functions that Python calls back. */
  scope: AsyncResource | null = null;

  constructor(
    readonly call: OutgoingCall,
    readonly resolve: (value: unknown) => void,
    private readonly rejectWith: (error: unknown) => void,
    /** Handles of Python objects that the call needs until it is over, beside its target. */
    readonly uses: readonly number[],
    readonly id: number,
  ) {}

  /** Fails the call; `make` gets the frames of its caller. */
  fail(make: ErrorMaker): void {
    this.rejectWith(failure(this.call.caller, make));
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
    private readonly callbacks: { readonly reachable: boolean },
  ) {
    this.id = firstId;
  }

  /** Calls that went on after their cancellation; see `IgnoredCancels`. */
  readonly ignored = new IgnoredCancels();

  private readonly givenUp = new Emitter<void>();
  /** A caller gave up, and Python was told. */
  readonly onDidCancel = this.givenUp.on;

  /** Whether a call that its caller gave up has not been answered. */
  get hasCancelled(): boolean {
    for (const { cancelled } of this.pending.values()) if (cancelled) return true;
    return false;
  }

  /** The surroundings in which the call was made; null when nothing is known of it. */
  scopeOf(id: number): AsyncResource | null {
    return this.pending.get(id)?.scope ?? null;
  }

  /** Python tells of a cancelled call that goes on. */
  reportIgnored({ call, name, seconds, stack }: CancelReport): void {
    const pending = this.pending.get(call);
    const label = pending?.call.label ?? name;
    this.ignored.begin(call, label, seconds, stack);
    if (!pending?.cancelled || !pending.call.options.giveUp) return;
    this.take(call);
    const message = `${label} ${pending.cancelled.message} but does not end; it is at:\n${stack}`;
    pending.fail((frames) => new BridgeError(message, { code: 'abandoned', frames, hint: ABANDONED }));
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
    const served = servedCall();
    if (signal?.aborted) {
      const why = { ...reasonOf(signal), message: BEFORE };
      return Promise.reject(cancelError(call, why, call.caller.frames()));
    }
    const id = this.takeId();
    try {
      this.encode(id, call, served);
    } catch (error) {
      return Promise.reject(conversionError(error, call.caller.frames()));
    }
    const outcome = new Promise((resolve, reject) => {
      this.pending.set(id, new Pending(call, resolve, reject, this.wire.used(), id));
    });
    if (this.callbacks.reachable) this.keepScope(id);
    this.handles.use(call.target, this.wire.used());
    const outer = signal === null ? undefined : served;
    if (signal || deadlineMs !== undefined || outer) this.listen(id, signal, deadlineMs, outer);
    if (call.handle) {
      call.handle.cancel = () =>
        this.cancel(id, { code: 'cancelled', message: 'was cancelled', cause: undefined });
    }
    this.changed();
    return placed(call.caller, outcome);
  }

  /** A RESULT or ERROR frame; one for a call that is not known is late and means nothing. */
  settle(frame: IncomingFrame): void {
    const pending = this.take(frame.id);
    if (!pending) return this.forget(frame);
    let payload: unknown;
    try {
      // An error's own fields are no result.
      payload = frame.payload(
        frame.kind === FrameKind.RESULT && (pending.call.flags & FrameFlag.STRICT) !== 0,
      );
    } catch (error) {
      this.wire.dismissArrivals();
      if (error instanceof CodecError) {
        pending.fail((frames) => conversionError(error, frames));
        return;
      }
      const message = `the answer of ${pending.call.label} cannot be read: ${(error as Error).message}`;
      pending.fail((frames) => new BridgeError(message, { code: 'protocol', frames, cause: error }));
      return;
    }
    this.place(frame, pending);
    if (frame.kind === FrameKind.RESULT) pending.resolve(payload);
    else pending.fail((caller) => this.errorOf(pending, payload, caller));
  }

  /** Objects that come with a result came to the line of its call. */
  private place(frame: IncomingFrame, { call }: Pending): void {
    // The line of a result that stays in Python went there with the call; exceptions have their own.
    const isKnown = frame.kind === FrameKind.ERROR || (call.flags & FrameFlag.RETURN_REF) !== 0;
    if (isKnown) return this.wire.dismissArrivals();
    if (!this.wire.hasArrivals) return;
    for (const located of this.wire.locate(call.caller)) this.outbox.push(located);
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

  private encode(id: number, call: OutgoingCall, served: ServedCall | undefined): void {
    const parent = this.traced && served ? served.span : 0;
    const within = served?.owner === this.callbacks ? served.id : 0;
    const head = { flags: call.flags, id, target: call.target, parent, within };
    const wantsSite = this.traced || (call.flags & FrameFlag.RETURN_REF) !== 0;
    this.wire.encodeCall(this.outbox, head, call.name, call.args, call.kwargs, call.caller, wantsSite);
  }

  /** What a late answer refers to is let go of. */
  private forget(frame: IncomingFrame): void {
    try {
      frame.payload();
    } catch {
      // Nobody waits for it.
    }
    this.wire.dismissArrivals();
  }

  private keepScope(id: number): void {
    (this.pending.get(id) as Pending).scope = new AsyncResource('symphony.call', SCOPE);
  }

  private listen(
    id: number,
    signal: AbortSignal | null | undefined,
    deadlineMs: number | undefined,
    outer: ServedCall | undefined,
  ): void {
    const onAbort = (): void => this.cancel(id, reasonOf(signal as AbortSignal));
    signal?.addEventListener('abort', onAbort, { once: true });
    const onDeadline = (): void =>
      this.cancel(id, {
        code: 'deadline',
        message: `was cancelled: its deadline of ${deadlineMs} ms passed`,
        cause: undefined,
      });
    const stopTimer = deadlineMs === undefined ? undefined : after(deadlineMs, onDeadline);
    const stopFollowing = outer?.follow((reason) =>
      this.cancel(id, { code: 'cancelled', message: `was cancelled: ${reason.message}`, cause: reason }),
    );
    const pending = this.pending.get(id) as Pending;
    pending.stopListening = () => {
      signal?.removeEventListener('abort', onAbort);
      stopTimer?.();
      stopFollowing?.();
    };
  }

  private cancel(id: number, cancelled: Cancellation): void {
    const pending = this.pending.get(id);
    if (!pending || pending.cancelled) return;
    pending.cancelled = cancelled;
    const reason = `${pending.call.label} ${cancelled.message}`;
    this.outbox.push(this.wire.encode({ kind: FrameKind.CANCEL, id }, reason));
    this.givenUp.fire();
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    if (!pending) return undefined;
    this.pending.delete(id);
    pending.stopListening?.();
    // Whoever hooks into async resources, as node:test does, keeps an entry for each until it hears of its end.
    pending.scope?.emitDestroy();
    if (pending.call.handle) pending.call.handle.cancel = undefined;
    this.handles.unuse(pending.call.target, pending.uses);
    this.changed();
    return pending;
  }

  private errorOf(pending: Pending, payload: unknown, caller: readonly JoinedFrame[]): BridgeError {
    const error = errorFromPayload(payload, { ...this.errorContext, caller });
    if (error instanceof CallCancelled && pending.cancelled) {
      return cancelError(pending.call, pending.cancelled, error.frames.length > 0 ? error.frames : caller);
    }
    if (error.code === 'abandoned' && pending.cancelled)
      this.ignored.abandoned(pending.id, pending.call.label);
    return error;
  }
}

const BEFORE = 'was not sent: its signal was already aborted';

const ABANDONED =
  'Its end is told when it comes. Run such code in the subprocess host, where Stop always works.';

/** What surrounds a call ends with the call, not when it is collected. */
const SCOPE = { requireManualDestroy: true };

/** `AbortSignal.timeout` is a deadline, too. */
function reasonOf({ reason }: AbortSignal): Cancellation {
  if (isTimeout(reason)) {
    return { code: 'deadline', message: 'was cancelled: the time of its signal is over', cause: undefined };
  }
  return { code: 'cancelled', message: 'was cancelled', cause: reason };
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}

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
