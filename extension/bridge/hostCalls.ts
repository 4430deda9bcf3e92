/**
 * Purpose: calls from Python: finds the exposed function, runs it, answers.
 * Threads: JavaScript main thread only.
 * Must not know: transports, what the functions do.
 */
import type { AsyncResource } from 'node:async_hooks';
import { types } from 'node:util';
import { FrameFlag, FrameKind } from '../protocol/frame';
import type { Callback, Callee } from './codec';
import { BridgeError, CallCancelled, type ErrorPayload, payloadFromError } from './errors';
import { minimalPayload } from './errors/toPayload';
import {
  entrust,
  isEntrusted,
  isQuestion,
  leave,
  passesArguments,
  QUESTIONS,
  type Questions,
  questions,
  share,
} from './hostObjects';
import { isMember } from './members';
import { runAtOnce, runInCall } from './scope';
import { ServedCall } from './servedCall';
import { isStrict } from './strict';
import type { IncomingFrame, Wire } from './wire';

/** Functions, or objects of functions, by name; methods of class instances count. */
export type ExposedFunctions = object;

/** The functions Python may call, by the first part of their name; a host keeps them over restarts. */
export type Exposures = Map<string, ExposedFunctions>;

type HostFunction = (...args: unknown[]) => unknown;

interface Held {
  value: unknown;
  count: number;
}

/** Says that a value goes to Python as a handle instead of by value. */
export class ByHandle {
  constructor(readonly value: unknown) {}
}

/** Answers CALL frames. */
export class HostCalls {
  private readonly running = new Map<number, ServedCall>();
  private readonly held = new Map<number, Held>();
  private readonly heldNumbers = new Map<unknown, number>();
  private readonly questions: Questions = questions();
  private nextHandle = 1;

  constructor(
    private readonly exposures: Exposures,
    private readonly wire: Wire,
    private readonly post: (frame: Uint8Array) => void,
    /** Finds the exception that an error was in Python. */
    private readonly exceptionHandle: (error: BridgeError) => number,
    /** The surroundings of one of our own calls. */
    private readonly scopeOf: (id: number) => AsyncResource | null,
  ) {}

  /** Whether Python may call anything at all. */
  get reachable(): boolean {
    return this.exposures.size > 0 || this.held.size > 0;
  }

  /** Runs the function a CALL frame names; the answer goes out as RESULT or ERROR. */
  receive(frame: IncomingFrame): void {
    let name: string;
    let run: () => unknown;
    try {
      const { callee, args, kwargs } = frame.call(this);
      name = callee.name;
      run = callee.with(args, kwargs);
    } catch (error) {
      this.postError(frame, error);
      return;
    } finally {
      this.wire.dismissArrivals();
    }
    const call = new ServedCall(name, frame.span, frame.id, this);
    this.running.set(frame.id, call);
    let outcome: unknown;
    try {
      // AsyncLocalStorage sees what it saw where TypeScript called the Python code that calls here.
      const scope = frame.within === 0 ? null : this.scopeOf(frame.within);
      outcome = scope === null ? runInCall(call, run) : scope.runInAsyncScope(() => runInCall(call, run));
    } catch (error) {
      this.finish(frame, call, () => this.postError(frame, error));
      return;
    }
    if (!isThenable(outcome)) {
      this.finish(frame, call, () => this.postResult(frame, outcome));
      return;
    }
    Promise.resolve(outcome).then(
      (value) => this.finish(frame, call, () => this.postResult(frame, value)),
      (error: unknown) => this.finish(frame, call, () => this.postError(frame, error)),
    );
  }

  /**
   * Runs a call that Python makes on this thread, inside a synchronous call, and returns its result.
   * @throws what the function throws; `deadlock` when it gives a promise, which could not settle
   */
  answerNow({ callee, flags, span, args, kwargs }: Callback<HostCallee>): unknown {
    this.wire.dismissArrivals();
    const run = callee.with(args, kwargs);
    const call = new ServedCall(callee.name, span, 0, this);
    const outcome = runAtOnce(call, run);
    if (!isThenable(outcome)) return this.resultOf(flags, outcome);
    const refused = new BridgeError(
      `${callee.name} gives a promise, and Python would wait for it on the thread that has to settle it`,
      {
        code: 'deadlock',
        hint: 'Call the Python function asynchronously (without callSync), then it may wait for promises.',
      },
    );
    call.abort(refused);
    // Nobody is left to hear how it ends.
    outcome.then(undefined, () => {});
    throw refused;
  }

  /**
   * Payloads that tell Python of something thrown: the best first, for the case that it cannot be packed or
   * refers to what has gone.
   */
  *describe(thrown: unknown): Iterable<ErrorPayload> {
    yield this.payloadOf(thrown);
    yield payloadFromError(thrown);
    yield minimalPayload(thrown);
  }

  /** The payload with which Python makes the exception that it was, or gives back the same object. */
  payloadOf(thrown: unknown): ErrorPayload {
    return payloadFromError(thrown, {
      handleOf: (error) => this.exceptionHandle(error),
      // By reference, so that a round trip gives back the same object; Python's release lets go of it.
      referTo: (value) => new ByHandle(value),
    });
  }

  /** Python gave up on a call: its signal aborts. */
  cancel(frame: IncomingFrame): void {
    const call = this.running.get(frame.id);
    if (!call) return;
    const reason = new CallCancelled(`Python cancelled its call to ${call.name}`);
    // Nobody listens, so nobody will end early: Python must not wait for, say, a person's answer.
    if (!call.abort(reason)) this.finish(frame, call, () => this.postError(frame, reason));
  }

  /** Aborts what runs and forgets everything; answers are no longer possible. */
  close(reason: BridgeError): void {
    for (const call of this.running.values()) call.abort(reason);
    this.running.clear();
    for (const { value } of this.held.values()) leave(value);
    this.held.clear();
    this.heldNumbers.clear();
  }

  /** The handle under which Python gets a function or object; one release per use. */
  hold(value: unknown): number {
    const known = this.heldNumbers.get(value);
    if (known !== undefined) {
      const entry = this.held.get(known);
      if (entry) entry.count += 1;
      // Whoever hands it over again has it.
      share(value);
      return known;
    }
    const handle = this.nextHandle++;
    this.held.set(handle, { value, count: 1 });
    this.heldNumbers.set(value, handle);
    // Whether anybody hears of a rejection is for Python to decide, later.
    if (types.isPromise(value)) value.catch(() => {});
    return handle;
  }

  /** The value behind one of our own handles, which Python gives back. */
  heldValue(handle: number): unknown {
    const value = this.lookUp(handle);
    share(value);
    return value;
  }

  /** What Python holds, by handle, and the tables that hold it for Python. */
  get holds(): { values: ReadonlyMap<number, { value: unknown }>; tables: readonly object[] } {
    return { values: this.held, tables: [this.held, this.heldNumbers] };
  }

  /** Values that Python holds. */
  get heldCount(): number {
    return this.held.size;
  }

  /** Python released handles of ours; a negative number says how often the one before it once more. */
  release(handles: readonly number[]): void {
    let handle = 0;
    for (const number of handles) {
      if (number >= 0) handle = number;
      this.takeBack(handle, number < 0 ? -number : 1);
    }
  }

  private takeBack(handle: number, count: number): void {
    const entry = this.held.get(handle);
    if (!entry) return;
    entry.count -= count;
    if (entry.count > 0) return;
    this.held.delete(handle);
    this.heldNumbers.delete(entry.value);
    leave(entry.value);
  }

  private lookUp(handle: number): unknown {
    const entry = this.held.get(handle);
    if (!entry)
      throw new BridgeError(`TypeScript holds nothing under handle ${handle}`, { code: 'released' });
    return entry.value;
  }

  /** What Python calls. What is wrong with it is thrown once its arguments are read, which may hold handles. */
  find(target: number, name: string | null): HostCallee {
    try {
      return target === 0 ? this.findExposed(name ?? '') : this.findIn(this.lookUp(target), name);
    } catch (problem) {
      const refuse = (): never => {
        throw problem;
      };
      return new HostCallee(name ?? 'a function', refuse, undefined, false, Manner.REFUSED);
    }
  }

  private findIn(root: unknown, name: string | null): HostCallee {
    if (name !== null && isQuestion(name)) {
      const { fn } = this.findExposed(name);
      return new HostCallee(name, fn, root, isStrict(root) && passesArguments(name), Manner.QUESTION);
    }
    const fn = findMethod(root, name);
    const strict = isStrict(root) || isStrict(fn);
    return new HostCallee(name ?? 'a function', fn, name === null ? undefined : root, strict);
  }

  private findExposed(name: string): HostCallee {
    const [prefix, ...rest] = name.split('.');
    const root = prefix === QUESTIONS ? this.questions : this.exposures.get(prefix);
    if (root !== undefined) {
      const found = walk(root, rest, name);
      if (found) return found;
    }
    const known = [...this.exposures.keys()].sort().join(', ') || 'nothing';
    throw new BridgeError(`the host exposes no function ${name}`, {
      code: 'host-unavailable',
      hint: `Exposed here: ${known}.`,
    });
  }

  private finish(frame: IncomingFrame, call: ServedCall, answer: () => void): void {
    // A call that was answered for already (cancelled, or the session closed) is not in the map.
    if (this.running.get(frame.id) !== call) return;
    this.running.delete(frame.id);
    answer();
  }

  private postResult(frame: IncomingFrame, value: unknown): void {
    let encoded: Uint8Array;
    try {
      const result = this.resultOf(frame.flags, value);
      encoded = this.wire.encode({ kind: FrameKind.RESULT, id: frame.id }, result);
    } catch (error) {
      this.postError(frame, error);
      return;
    }
    this.post(encoded);
  }

  /** Only functions are handed out by handle on their own; an object is when Python asks for it, or for an iterator. */
  private resultOf(flags: number, value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (types.isGeneratorObject(value)) entrust(value);
    const asRef = (flags & FrameFlag.RETURN_REF) !== 0 || isEntrusted(value);
    return asRef ? new ByHandle(value) : value;
  }

  private postError(frame: IncomingFrame, thrown: unknown): void {
    const head = { kind: FrameKind.ERROR, id: frame.id };
    for (const description of this.describe(thrown)) {
      try {
        return this.post(this.wire.encode(head, description));
      } catch {
        // The next description says less.
      }
    }
  }
}

/** How what Python calls is run. */
enum Manner {
  CALL,
  /** `self` is what the question is about: the first argument. */
  QUESTION,
  /** There is nothing to call: `fn` throws what is wrong. */
  REFUSED,
}

/** What a call of Python's is meant for. */
export class HostCallee implements Callee {
  constructor(
    readonly name: string,
    readonly fn: HostFunction,
    private readonly self: unknown,
    readonly strict: boolean,
    private readonly manner: Manner = Manner.CALL,
  ) {}

  /** The call with its arguments. @throws what is wrong with the callee */
  with(args: unknown[], kwargs: Record<string, unknown> | null): () => unknown {
    const { fn, self, manner } = this;
    if (manner === Manner.REFUSED) fn();
    if (manner === Manner.QUESTION) return () => callExposed(fn, undefined, [self, ...args]);
    const all = kwargs && Object.keys(kwargs).length > 0 ? [...args, kwargs] : args;
    return () => callExposed(fn, self, all);
  }
}

/** Its name in a stack marks where TypeScript's part of it begins: what is outside is Python's caller. */
function callExposed(fn: HostFunction, self: unknown, args: unknown[]): unknown {
  return fn.apply(self, args);
}

function findMethod(object: unknown, name: string | null): HostFunction {
  if (name === null) {
    if (typeof object === 'function') return object as HostFunction;
    throw new BridgeError('the object is not a function', { code: 'host-error' });
  }
  const method = isMember(object, name) ? (object as Record<string, unknown>)[name] : undefined;
  if (typeof method === 'function') return method as HostFunction;
  throw new BridgeError(`the object has no method ${name}`, { code: 'host-error' });
}

/** The function at a path of names below what was exposed. It is strict where anything on the way there is. */
function walk(root: unknown, path: readonly string[], name: string): HostCallee | null {
  let self: unknown;
  let value: unknown = root;
  let strict = isStrict(root);
  for (const part of path) {
    if (value === null || value === undefined || !isExposed(value, part)) return null;
    self = value;
    value = (value as Record<string, unknown>)[part];
    strict ||= isStrict(value);
  }
  return typeof value === 'function' ? new HostCallee(name, value as HostFunction, self, strict) : null;
}

/** What Object, Function and Array give every value is no part of an exposed object. */
function isExposed(value: unknown, name: string): boolean {
  for (
    let owner: unknown = value;
    owner && !BUILT_IN.has(owner as object);
    owner = Object.getPrototypeOf(owner)
  ) {
    if (Object.hasOwn(owner as object, name)) return name !== 'constructor';
  }
  return false;
}

const BUILT_IN = new Set<object>([Object.prototype, Function.prototype, Array.prototype]);

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === undefined || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
