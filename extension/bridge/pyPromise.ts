/**
 * Purpose: Python's coroutines, tasks and futures inside values, as promises.
 * Threads: JavaScript main thread only.
 * Must not know: frames, transports.
 */
import { refOfFace, setFace } from './faces';
import type { Ref } from './pyRef';
import { captureCaller } from './stack';

/**
 * What Python awaits. As there, a coroutine does nothing until somebody awaits it: the first `then` starts it.
 * Sent back to Python, it is the awaitable itself. `Symbol.dispose` releases the handle.
 */
export class PyPromise<T = unknown> extends Promise<T> {
  private begin: (() => void) | null = null;

  /** Promises made from this one are plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** The promise of the awaitable that `ref` holds. */
  static of(ref: Ref): PyPromise {
    let settle: { resolve(value: unknown): void; reject(error: unknown): void } | undefined;
    const promise = new PyPromise<unknown>((resolve, reject) => {
      settle = { resolve, reject };
    });
    setFace(promise, ref);
    promise.begin = () => {
      const label = `wait of ${ref.label}`;
      const caller = captureCaller(promise.then);
      ref.owner
        .ask({ name: 'wait', args: [ref], options: {}, caller, label })
        .then(settle?.resolve, settle?.reject);
    };
    return promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  override then<R = T, E = never>(
    fulfilled?: ((value: T) => R | PromiseLike<R>) | null,
    rejected?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    const { begin } = this;
    this.begin = null;
    begin?.();
    return super.then(fulfilled, rejected);
  }

  [Symbol.dispose](): void {
    refOfFace(this)?.dispose();
  }

  /** Node prints where it comes from, without a crossing. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `[Python awaitable ${refOfFace(this)?.label ?? ''}]`;
  }
}
