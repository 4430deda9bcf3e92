/**
 * Purpose: synchronous calls, for Python in this process only.
 * Threads: JavaScript main thread, which runs Python until it returns. Python may call functions of
 * TypeScript meanwhile: they run at once, on this thread, so a promise of theirs is refused. Prefer
 * asynchronous calls: these block the whole extension host.
 * Must not know: how the addon was loaded.
 */
import { type CallbackAddon, CallbackCodec, type CallSite, type SyncAddon, SyncCodec } from './codec';
import { BridgeClosed, BridgeError, errorFromPayload } from './errors';
import { type CallOptions, Kwargs, type PyObject, unwrapProxy } from './refs';
import { currentSpan } from './scope';
import { PYTHON_QUESTIONS, Session, type SessionOptions } from './session';
import { captureCaller, captureSite } from './stack';
import type { Transport } from './transport';
import { conversionError } from './wire';

/** Calls that return instead of promising. */
export interface SyncCalls {
  /**
   * Calls Python and waits. `fn` is a Python object or `module:attribute`; `kw()` may come last, with `{strict: true}`
   * as its only option here.
   * @throws BridgeError; code `deadlock` where waiting could never end, `unsupported` for options that give up
   */
  callSync<T = unknown>(fn: PyObject | string, ...args: unknown[]): T;
  /** A plain synchronous function; cheaper than `callSync` where it is called often. */
  sync<T = unknown>(fn: PyObject | string): (...args: unknown[]) => T;
}

/** A session whose Python is in this process. */
export class SyncSession extends Session implements SyncCalls {
  private readonly codec: SyncCodec;

  constructor(transport: Transport, addon: SyncAddon & CallbackAddon, options: SessionOptions = {}) {
    super(transport, options);
    const toError = (payload: unknown): Error => new RaisedInPython(payload);
    this.codec = new SyncCodec(addon, this.wire.refs, toError, this.wire);
    const { codec } = this;
    new CallbackCodec(
      addon,
      this.wire.refs,
      {
        find: (target, name) => this.hostCalls.find(target, name),
        run: (call) =>
          codec.nested(() => {
            const value = this.hostCalls.answerNow(call);
            // Python may go on to wait for calls that were started here.
            this.outbox.hurry();
            return value;
          }),
        describe: (thrown) => this.hostCalls.describe(thrown),
      },
      this.wire,
    );
  }

  callSync<T = unknown>(fn: PyObject | string, ...args: unknown[]): T {
    return this.callSyncBelow<T>(this.callSync, fn, args);
  }

  /** As `callSync`, for the caller of `below`. */
  callSyncBelow<T>(below: (...args: never[]) => unknown, fn: PyObject | string, args: readonly unknown[]): T {
    const found = typeof fn === 'string' ? undefined : unwrapProxy(fn);
    if (found) refuseWaiting(found.options);
    const target = found ? found.ref.use() : 0;
    return this.run(target, found ? found.path : String(fn), args, below, found?.options.strict) as T;
  }

  sync<T = unknown>(fn: PyObject | string): (...args: unknown[]) => T {
    const found = typeof fn === 'string' ? undefined : unwrapProxy(fn);
    if (found) refuseWaiting(found.options);
    const name = found ? found.path : String(fn);
    const strict = found?.options.strict;
    const call = (...args: unknown[]): T =>
      this.run(found ? found.ref.use() : 0, name, args, call, strict) as T;
    return call;
  }

  /** As `ask`, waiting; see `Question`. */
  askSync(name: string, args: readonly unknown[], below: (...args: never[]) => unknown): unknown {
    return this.run(0, `${PYTHON_QUESTIONS}${name}`, args, below);
  }

  private run(
    target: number,
    name: string | null,
    args: readonly unknown[],
    below: (...args: never[]) => unknown,
    strict = false,
  ): unknown {
    if (this.closed) throw new BridgeClosed();
    // Python may wait for calls that were started before.
    this.outbox.hurry();
    const parent = this.traced ? currentSpan() : 0;
    try {
      const value =
        args.length === 0 && name === null && !strict
          ? this.codec.callBare(target, parent)
          : this.runWith(target, name, args, parent, below, strict);
      if (this.wire.hasArrivals) this.locate(below);
      return value;
    } catch (error) {
      this.wire.dismissArrivals();
      const caller = captureCaller(below).frames();
      if (error instanceof RaisedInPython) {
        throw errorFromPayload(error.payload, { ...this.errorContext, caller });
      }
      throw conversionError(error, caller);
    }
  }

  private runWith(
    target: number,
    name: string | null,
    args: readonly unknown[],
    parent: number,
    below: (...args: never[]) => unknown,
    bound: boolean,
  ): unknown {
    const last = args.length === 0 ? null : args[args.length - 1];
    const keywords = last instanceof Kwargs ? last : null;
    const plain = keywords === null ? args : args.slice(0, -1);
    const kwargs = keywords === null ? null : keywords.values;
    if (keywords?.options) refuseWaiting(keywords.options);
    const site = new SiteBelow(below);
    const strict = keywords?.options?.strict ?? bound;
    return this.codec.call(target, name, plain, kwargs, site, parent, strict);
  }

  private locate(below: (...args: never[]) => unknown): void {
    for (const located of this.wire.locate(new SiteBelow(below))) this.post(located);
  }
}

/** What nobody could act upon while this thread waits. */
function refuseWaiting({ signal, deadlineMs, giveUp }: CallOptions): void {
  if (!signal && deadlineMs === undefined && !giveUp) return;
  throw new BridgeError(
    'a synchronous call cannot be given up: signal, deadlineMs and giveUp have no effect',
    {
      code: 'unsupported',
      hint: 'Call the function asynchronously, without callSync.',
    },
  );
}

/** The line of a synchronous call, which is still on the stack when somebody asks. */
class SiteBelow implements CallSite {
  constructor(private readonly below: (...args: never[]) => unknown) {}

  site(): string | null {
    return captureSite(this.below).site();
  }
}

/** Carries an error payload out of the codec; never leaves this file. */
class RaisedInPython extends Error {
  constructor(readonly payload: unknown) {
    super('raised in Python');
  }
}
