/**
 * Purpose: calls over a transport, in both directions: one protocol for the embedded host, the
 * child process and the tests.
 * Threads: JavaScript main thread only. Frames leave once per microtask turn, together.
 * Must not know: which host it talks to, sockets, VS Code.
 */
import { FrameFlag, FrameKind } from '../protocol/frame';
import { AnswerWatch } from './answerWatch';
import { callerOf } from './callerBudget';
import { closedError } from './closedError';
import { giveBack, isLong } from './codec';
import { CrossingObjects } from './crossingObjects';
import { CYCLES, type CycleReport, findCycles } from './cycles';
import { Emitter } from './emitter';
import { BridgeClosed, BridgeError, type ErrorContext } from './errors';
import { registerErrors } from './errorValues';
import { type ExposedFunctions, type Exposures, HostCalls } from './hostCalls';
import { checkExposedName } from './hostObjects';
import {
  CANCEL_ENDED,
  CANCEL_IGNORED,
  type CancelReport,
  describeIgnored,
  type IgnoredCancel,
} from './ignoredCancels';
import { LiveHandles } from './liveHandles';
import { Outbox } from './outbox';
import { type OutgoingCall, OutgoingCalls } from './outgoing';
import { Pings } from './pings';
import {
  type CallOptions,
  type ProxyCall,
  type PyObject,
  type Question,
  type Ref,
  type RefOwner,
  unwrapProxy,
} from './refs';
import { type Caller, captureCaller } from './stack';
import type { Transport } from './transport';
import { type IncomingFrame, Wire } from './wire';

export type { ExposedFunctions, Exposures } from './hostCalls';

/** Settings of a session. */
export interface SessionOptions {
  /** Turns a path of an error frame into one an editor can open. */
  resolveFile?(file: string): string;
  /** First call id; a transport that outlives sessions needs ids that were never used. */
  firstCallId?: number;
  /** Functions exposed before there was a session; shared, so that a restart keeps them. */
  exposures?: Exposures;
  /** Whether Python records crossings; default true. */
  traced?: boolean;
  /** Told whenever the number of calls in flight changes: a host keeps the process alive by it. */
  onInFlight?(count: number): void;
}

/** How a call by name is made. */
export interface NamedCallOptions extends CallOptions {
  kwargs?: Readonly<Record<string, unknown>> | null;
}

/** A piece of what Python printed. */
export interface SessionOutput {
  stream: 'stdout' | 'stderr';
  text: string;
}

/** An event of Python's runtime, for instance `ready`. */
export interface SessionEvent {
  name: string;
  value: unknown;
}

registerErrors();

/** One connection with one Python. Promises reject with `BridgeError`s only. */
export class Session implements RefOwner {
  readonly exposures: Exposures;
  private readonly outputs = new Emitter<SessionOutput>();
  private readonly events = new Emitter<SessionEvent>();
  private readonly ended = new Emitter<BridgeError>();
  /** What Python printed, where the host sends it in frames. */
  readonly onDidOutput = this.outputs.on;
  readonly onDidEvent = this.events.on;
  /** Fires once, with the reason. */
  readonly onDidClose = this.ended.on;

  protected readonly wire: Wire;
  protected readonly errorContext: ErrorContext;
  private readonly calls: OutgoingCalls;
  protected readonly hostCalls: HostCalls;
  private readonly pings = new Pings();
  private readonly imports = new Map<string, PyObject>();
  protected readonly outbox: Outbox;
  private readonly watch: AnswerWatch | null;
  protected readonly traced: boolean;
  private readonly handles = new LiveHandles(() => this.outbox.plan());
  private reason: BridgeError | null = null;

  constructor(
    private readonly transport: Transport,
    options: SessionOptions = {},
  ) {
    this.exposures = options.exposures ?? new Map();
    this.traced = options.traced ?? true;
    const objects = new CrossingObjects(this, this.handles, () => this.hostCalls);
    this.wire = new Wire(objects, this.traced);
    this.outbox = new Outbox(
      (frames) => this.send(frames),
      () => this.postReleases(),
      transport.inParts,
    );
    const look = (stay: boolean): boolean => this.look(stay);
    this.watch = transport.poll ? new AnswerWatch(look, () => this.calls.size) : null;
    const post = (frame: Uint8Array): void => this.post(frame);
    this.hostCalls = new HostCalls(
      this.exposures,
      this.wire,
      post,
      (error) => objects.exceptionHandle(error),
      (id) => this.calls.scopeOf(id),
    );
    this.errorContext = { resolveFile: options.resolveFile };
    const changed = (): void => options.onInFlight?.(this.inFlight);
    this.calls = new OutgoingCalls(
      this.wire,
      this.outbox,
      options.firstCallId ?? 1,
      this.errorContext,
      this.handles,
      changed,
      this.traced,
      this.hostCalls,
    );
    this.onDidIgnoreCancel((ignored) =>
      this.outputs.fire({ stream: 'stderr', text: describeIgnored(ignored) }),
    );
    transport.onData((frames, now) => {
      this.watch?.woken();
      this.receive(frames);
      if (now) this.outbox.hurry();
    });
  }

  /** A cancelled call goes on for more than a second, or has ended after that. It is printed, too. */
  get onDidIgnoreCancel(): (listener: (ignored: IgnoredCancel) => void) => { dispose(): void } {
    return this.calls.ignored.on;
  }

  /** A caller gave a call up. */
  get onDidCancel(): (listener: () => void) => { dispose(): void } {
    return this.calls.onDidCancel;
  }

  get closed(): boolean {
    return this.reason !== null;
  }

  /** Whether a call that its caller gave up has not been answered. */
  get hasCancelled(): boolean {
    return this.calls.hasCancelled;
  }

  /** Calls and pings that Python has not answered yet. */
  get inFlight(): number {
    return this.calls.size + this.pings.size;
  }

  /** The call id that the next session over the same Python may start with. */
  get nextCallId(): number {
    return this.calls.nextId;
  }

  /**
   * Calls `module:attribute.attribute`, importing the module.
   * @throws BridgeError of the kind that tells what went wrong
   */
  call<T = unknown>(
    name: string,
    args: readonly unknown[] = [],
    options: NamedCallOptions = {},
    caller: Caller = callerOf(this.call),
  ): Promise<T> {
    return this.start(this.named(name, args, options, 0, caller)) as Promise<T>;
  }

  /** As `call`, but the result stays in Python. */
  callRef(
    name: string,
    args: readonly unknown[] = [],
    options: NamedCallOptions = {},
    caller: Caller = captureCaller(this.callRef),
  ): Promise<PyObject> {
    return this.start(this.named(name, args, options, FrameFlag.RETURN_REF, caller)) as Promise<PyObject>;
  }

  /** Imports a module. Its handle lives as long as the session and never counts as a leak. */
  async import(
    module: string,
    options: CallOptions = {},
    caller: Caller = captureCaller(this.import),
  ): Promise<PyObject> {
    const known = this.imports.get(module);
    if (known && !this.reason && !unwrapProxy(known)?.ref.disposed) return known;
    const flags = FrameFlag.RETURN_REF | FrameFlag.LONG_LIVED;
    const call = this.named(module, [], options, flags, caller);
    const imported = (await this.start(call)) as PyObject;
    this.imports.set(module, imported);
    return imported;
  }

  /**
   * Lets Python call functions as `name.function`. Replaces what had the name.
   * The functions may be async, and see their call through `currentCall()`.
   */
  expose(name: string, functions: ExposedFunctions): { dispose(): void } {
    checkExposedName(name);
    this.exposures.set(name, functions);
    return {
      dispose: () => {
        if (this.exposures.get(name) === functions) this.exposures.delete(name);
      },
    };
  }

  /** Round trip to the native side of Python's process, answered whatever Python does; milliseconds. */
  ping(): Promise<number> {
    return this.timed(0);
  }

  /** Round trip to the interpreter, answered even while scripts are busy, but not while one holds the GIL; milliseconds. */
  pingInterpreter(): Promise<number> {
    return this.timed(FrameFlag.INTERPRETER);
  }

  /** The Python stacks of all threads in the words of `faulthandler`, whatever Python does; empty when they are not known. */
  async stacks(): Promise<string> {
    return (await this.question(FrameFlag.STACKS)) ?? '';
  }

  /** The cycles over the border that no collector frees; see `findCycles`. */
  cycles(caller: Caller = captureCaller(this.cycles)): Promise<CycleReport> {
    return findCycles(
      this.hostCalls.holds,
      () => this.handles.held(),
      (handles) => this.call(CYCLES, [handles], {}, caller),
    );
  }

  /** Ends the session: every call in flight fails with `BridgeClosed`. Safe to call twice. */
  close(): void {
    if (this.reason) return;
    // Python outlives an embedded session: nothing of ours must stay in its table.
    const handles = this.handles.takeAll();
    if (handles.length > 0) this.post(this.wire.encode({ kind: FrameKind.RELEASE }, handles));
    this.post(this.wire.encode({ kind: FrameKind.CLOSE }));
    this.outbox.flush();
    this.end(new BridgeClosed());
  }

  /** Ends the session for a reason; calls in flight fail with the same code and words. */
  fail(reason: BridgeError): void {
    if (!this.reason) this.end(reason);
  }

  invoke(ref: Ref, path: string | null, call: ProxyCall): Promise<unknown> {
    const { args, kwargs, options, caller } = call;
    const label = path === null ? ref.label : `${ref.label}.${path}`;
    const flags = (call.returnRef ? FrameFlag.RETURN_REF : 0) | callFlags(options);
    let target: number;
    try {
      target = ref.use();
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return this.start({ name: path, target, flags, args, kwargs, options, caller, label });
  }

  /** Asks about Python objects; see `Question`. */
  ask({ name, args, options, caller, label, returnRef, handle }: Question): Promise<unknown> {
    const flags = (returnRef ? FrameFlag.RETURN_REF : 0) | callFlags(options);
    const question = `${PYTHON_QUESTIONS}${name}`;
    const kwargs = null;
    return this.start({ name: question, target: 0, flags, args, kwargs, options, caller, label, handle });
  }

  describe(error: unknown): unknown {
    return this.hostCalls.payloadOf(error);
  }

  release(handle: number, count: number): void {
    this.handles.release(handle, count);
  }

  private named(
    name: string,
    args: readonly unknown[],
    options: NamedCallOptions,
    flags: number,
    caller: Caller,
  ): OutgoingCall {
    const { kwargs = null, ...rest } = options;
    return {
      name,
      target: 0,
      flags: flags | callFlags(rest),
      args,
      kwargs,
      options: rest,
      caller,
      label: name,
    };
  }

  private start(call: OutgoingCall): Promise<unknown> {
    if (this.reason) return Promise.reject(closedError(this.reason, call, call.caller.frames()));
    const sent = this.calls.start(call);
    if ((call.flags & FrameFlag.RETURN_REF) === 0) return sent;
    return sent.then((value) => {
      unwrapProxy(value)?.ref.describe(call.label, call.caller.site());
      return value;
    });
  }

  private async timed(flags: number): Promise<number> {
    const sent = performance.now();
    await this.question(flags);
    return performance.now() - sent;
  }

  private question(flags: number): Promise<string | null> {
    if (this.reason) return Promise.reject(this.reason);
    return this.pings.start((id) => this.post(this.wire.encode({ kind: FrameKind.PING, flags, id })));
  }

  protected post(frame: Uint8Array): void {
    if (!this.reason) this.outbox.push(frame);
  }

  private postReleases(): void {
    const handles = this.handles.take();
    if (handles.length > 0) this.post(this.wire.encode({ kind: FrameKind.RELEASE }, handles));
  }

  private send(frames: Uint8Array): void {
    if (isLong(frames)) this.transport.send(frames, () => giveBack(frames));
    else this.transport.send(frames);
    this.watch?.sent();
  }

  private look(stay: boolean): boolean {
    if (this.reason) return false;
    const frames = this.transport.poll?.(stay);
    if (frames) this.receive(frames);
    return frames !== undefined;
  }

  private receive(chunk: Uint8Array): void {
    if (this.reason) return;
    try {
      this.wire.decode(chunk, (frame) => this.handle(frame));
    } catch (error) {
      this.fail(
        new BridgeError(`Python sent something that is not understood: ${(error as Error).message}`, {
          code: 'protocol',
          hint: 'The TypeScript and the native side are of different builds; rebuild and restart.',
          cause: error,
        }),
      );
    }
  }

  private handle(frame: IncomingFrame): void {
    switch (frame.kind) {
      case FrameKind.RESULT:
      case FrameKind.ERROR:
        return this.calls.settle(frame);
      case FrameKind.CALL:
        return this.hostCalls.receive(frame);
      case FrameKind.CANCEL:
        return this.hostCalls.cancel(frame);
      case FrameKind.RELEASE:
        return this.hostCalls.release(frame.payload() as number[]);
      case FrameKind.OUTPUT: {
        const [stream, text] = frame.payload() as [SessionOutput['stream'], string];
        return this.outputs.fire({ stream, text });
      }
      case FrameKind.EVENT: {
        const [name, value] = frame.payload() as [string, unknown];
        this.wire.dismissArrivals();
        if (name === CANCEL_IGNORED) return this.calls.reportIgnored(value as CancelReport);
        if (name === CANCEL_ENDED) return this.calls.ignored.end((value as CancelReport).call);
        return this.events.fire({ name, value });
      }
      case FrameKind.PING:
        return this.post(this.wire.encode({ kind: FrameKind.PONG, id: frame.id }));
      case FrameKind.PONG:
        return this.pings.answered(
          frame.id,
          frame.flags & FrameFlag.STACKS ? (frame.payload() as string) : null,
        );
      case FrameKind.CLOSE:
        return this.fail(new BridgeClosed('Python closed the bridge'));
      default:
        throw new Error(`frame kind ${frame.kind}`);
    }
  }

  private end(reason: BridgeError): void {
    this.reason = reason;
    this.outbox.clear();
    this.calls.failAll((call, frames) => closedError(reason, call, frames));
    this.pings.failAll(reason);
    this.hostCalls.close(reason);
    this.transport.close();
    this.ended.fire(reason);
  }
}

/** Module whose functions answer questions about objects. */
export const PYTHON_QUESTIONS = 'symphony_bridge._objects:';

function callFlags(options: CallOptions): number {
  return (options.mainThread ? FrameFlag.MAIN_THREAD : 0) | (options.strict ? FrameFlag.STRICT : 0);
}
