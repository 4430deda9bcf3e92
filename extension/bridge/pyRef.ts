/**
 * Purpose: one Python object held from TypeScript: its handle, and when the handle is released.
 * Threads: JavaScript main thread only; finalizers only enqueue a release.
 * Must not know: frames, transports, hosts, what the object looks like to TypeScript.
 */
import type { CallOptions } from './callOptions';
import { BridgeError } from './errors';
import type { Caller } from './stack';

/** What the face of a Python object needs of its session. */
export interface RefOwner {
  /** Calls `path` on the object; null calls the object itself. */
  invoke(ref: Ref, path: string | null, call: ProxyCall): Promise<unknown>;
  /** Asks Python about objects: a function of `symphony_bridge._objects`. */
  ask(question: Question): Promise<unknown>;
  /** As `ask`, waiting. Absent where Python is in another process. */
  askSync?(name: string, args: readonly unknown[], below: (...args: never[]) => unknown): unknown;
  /** An error in the form in which Python takes it. */
  describe(error: unknown): unknown;
  /** Enqueues the release of a handle that has arrived `count` times; cheap, never throws. */
  release(handle: number, count: number): void;
}

/** A call of a function of `symphony_bridge._objects`. */
export interface Question {
  name: string;
  args: readonly unknown[];
  options: CallOptions;
  caller: Caller;
  /** What messages call it. */
  label: string;
  /** Keeps the answer in Python. */
  returnRef?: boolean;
  /** Is given what cancels the call. */
  handle?: CallHandle;
}

/** By which whoever makes a call may cancel it without a signal. */
export interface CallHandle {
  /** Set while the call is under way. */
  cancel?: () => void;
}

/** The arguments of one proxied call, taken apart. */
export interface ProxyCall {
  args: unknown[];
  kwargs: Readonly<Record<string, unknown>> | null;
  options: CallOptions;
  returnRef: boolean;
  caller: Caller;
}

/**
 * A Python object under its handle. The same object has the same `Ref` while one lives, so several places
 * may have been given it: each arrival is one claim, and `dispose` gives one back.
 */
export class Ref {
  /** What code sees of the object; see `setFace`. */
  face: object | undefined;
  private claims = 1;
  private disposals = 0;
  private readonly grip: Grip;

  constructor(
    readonly owner: RefOwner,
    /** Number in Python's handle table. */
    readonly handle: number,
    /** Bits of `Trait`. */
    readonly traits: number,
    /** What it is, for messages: `statistics`, `statistics.NormalDist`. */
    public label: string,
    /** `file:line` of the TypeScript that made it. */
    public site: string | null,
  ) {
    this.grip = { owner: new WeakRef(owner), handle, count: 1 };
    finalizers.register(this, this.grip, this);
  }

  /** The object was sent once more. */
  arrive(): void {
    this.grip.count += 1;
    this.claims += 1;
  }

  /** Names what the handle is of, once the call that made it is known. */
  describe(label: string, site: string | null): void {
    if (this.claims > 1) return;
    this.label = label;
    this.site = site;
  }

  get disposed(): boolean {
    return this.disposals >= this.claims;
  }

  /** Gives back one claim; with the last one the handle is released, and later calls fail with `released`. */
  dispose(): void {
    if (this.disposed) return;
    this.disposals += 1;
    if (!this.disposed) return;
    finalizers.unregister(this);
    this.owner.release(this.handle, this.grip.count);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The handle number, for the wire. Throws when the handle is released. */
  use(): number {
    if (this.disposed) {
      throw new BridgeError(`${this.label} was released and cannot be used any more`, {
        code: 'released',
        hint: `It was made at ${this.site ?? 'an unknown place'}; keep it undisposed as long as it is used.`,
      });
    }
    return this.handle;
  }
}

/** What is left of a `Ref` that nobody holds: enough to release its handle. */
interface Grip {
  owner: WeakRef<RefOwner>;
  handle: number;
  count: number;
}

const finalizers = new FinalizationRegistry<Grip>(({ owner, handle, count }) => {
  owner.deref()?.release(handle, count);
});
