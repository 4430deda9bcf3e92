/**
 * Purpose: iteration over Python objects: one step per item, so that Python never runs ahead.
 * Threads: JavaScript main thread only.
 * Must not know: frames, transports, hosts.
 */
import { Trait } from '../protocol/pack';
import type { CallOptions } from './callOptions';
import { BridgeError, CallCancelled } from './errors';
import { refOfFace } from './faces';
import type { CallHandle, Question, Ref } from './pyRef';
import { type Caller, captureCaller } from './stack';

/** Which functions of `symphony_bridge._objects` a kind of iterator is driven by. */
interface Driver {
  advance: string;
  throwInto: string;
  finish: string;
}

const SYNC: Driver = { advance: 'advance', throwInto: 'throw_into', finish: 'finish' };
const ASYNC: Driver = { advance: 'advance_async', throwInto: 'throw_into_async', finish: 'finish_async' };

/**
 * The items of a Python iterable or iterator, asked for one by one. Leaving a `for await` early closes the
 * generator and waits until its `finally` blocks have run. A generator's handle is released when it has
 * ended; an iterator with other uses is the holder's to dispose.
 *
 * Steps asked for at once happen in order. The options of `object.with(…)` hold for each step: an aborted
 * signal cancels the step that runs, and ends the stream.
 */
export class PyStream<T = unknown> implements AsyncGenerator<T, unknown, unknown> {
  private iterator: Ref | undefined;
  private ended = false;
  /** Settles when the step before the next one has. */
  private last: Promise<unknown> = Promise.resolve();
  /** Of the step that runs. */
  private readonly running: CallHandle = {};
  private stopping = false;

  constructor(
    private readonly source: Ref,
    private readonly path: string | null,
    private readonly options: CallOptions,
  ) {
    if (path === null && (source.traits & ANY_ITERATOR) !== 0) this.iterator = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Asks for the next item; `sent` becomes the result of the generator's `yield`. */
  next(...sent: [unknown?]): Promise<IteratorResult<T, unknown>> {
    const caller = captureCaller(this.next);
    return this.inTurn(async () => {
      if (this.ended || this.stopping) return { done: true, value: undefined };
      const iterator = await this.begin(caller);
      if (this.stopping) return { done: true, value: undefined };
      const args = sent[0] === undefined ? [iterator] : [iterator, sent[0]];
      return this.step(driverOf(iterator).advance, args, caller);
    });
  }

  /**
   * Closes the generator: its `finally` blocks have run when this settles. A step that runs is cancelled; it, and
   * those behind it, find the stream at its end.
   */
  return(value?: unknown): Promise<IteratorResult<T, unknown>> {
    const caller = captureCaller(this.return);
    this.stopping = true;
    this.running.cancel?.();
    return this.inTurn(async () => {
      await this.close(caller);
      return { done: true, value };
    });
  }

  /** Raises `error` in Python where the generator waits, as `HostError` unless it came from there. */
  throw(error: unknown): Promise<IteratorResult<T, unknown>> {
    const caller = captureCaller(this.throw);
    return this.inTurn(async () => {
      if (this.ended) throw error;
      const iterator = await this.begin(caller);
      if ((iterator.traits & Trait.GENERATOR) === 0) {
        await this.close(caller);
        throw error;
      }
      return this.step(driverOf(iterator).throwInto, [iterator, iterator.owner.describe(error)], caller);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  private inTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = this.last.then(work, work);
    this.last = turn;
    return turn;
  }

  private async begin(caller: Caller): Promise<Ref> {
    if (this.iterator) return this.iterator;
    const made = await this.ask('iterate', [this.source, this.path], caller, true);
    this.iterator = refOfFace(made);
    if (!this.iterator) throw new BridgeError('the iterator is no object of Python', { code: 'protocol' });
    return this.iterator;
  }

  private async step(
    name: string,
    args: readonly unknown[],
    caller: Caller,
  ): Promise<IteratorResult<T, unknown>> {
    let outcome: readonly [boolean, unknown];
    try {
      outcome = (await this.ask(name, args, caller, false, this.options, this.running)) as [boolean, unknown];
    } catch (error) {
      // The generator has ended with its error, unless the step never reached it.
      await this.close(caller).catch(() => {});
      if (this.stopping && error instanceof CallCancelled) return { done: true, value: undefined };
      throw error;
    }
    const [done, value] = outcome;
    if (!done) return { done, value: value as T };
    this.end();
    return { done, value };
  }

  private async close(caller: Caller): Promise<void> {
    if (this.ended) return;
    const { iterator } = this;
    try {
      if (iterator && !iterator.disposed && (iterator.traits & Trait.GENERATOR) !== 0) {
        // Without the stream's signal: the clean-up is what remains to be done after it.
        await this.ask(driverOf(iterator).finish, [iterator], caller, false, {});
      }
    } finally {
      this.end();
    }
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    const { iterator } = this;
    // An iterator that was made for this stream is nobody else's; an ended generator is no use to anybody.
    if (iterator && (iterator !== this.source || (iterator.traits & Trait.GENERATOR) !== 0))
      iterator.dispose();
  }

  private ask(
    name: string,
    args: readonly unknown[],
    caller: Caller,
    returnRef = false,
    options = this.options,
    handle?: CallHandle,
  ): Promise<unknown> {
    const label = `${name} of ${labelOf(this.source, this.path)}`;
    const question: Question = { name, args, options, caller, label, returnRef, handle };
    return this.source.owner.ask(question);
  }
}

function driverOf({ traits }: Ref): Driver {
  return (traits & Trait.ITERATOR) === 0 ? ASYNC : SYNC;
}

const ANY_ITERATOR = Trait.ITERATOR | Trait.ASYNC_ITERATOR;

/**
 * The items of a Python iterable or iterator for `for … of`: each step waits for Python, so Python has to be
 * in this process. Leaving the loop early closes the generator.
 */
export class PyItems<T = unknown> implements Generator<T, unknown, unknown> {
  private iterator: Ref | undefined;
  private ended = false;

  constructor(
    private readonly source: Ref,
    private readonly path: string | null,
  ) {
    if (path === null && (source.traits & Trait.ITERATOR) !== 0) this.iterator = source;
  }

  [Symbol.iterator](): this {
    return this;
  }

  get [Symbol.toStringTag](): string {
    return 'PyItems';
  }

  next(...sent: [unknown?]): IteratorResult<T, unknown> {
    if (this.ended) return { done: true, value: undefined };
    const iterator = this.begin();
    const args = sent[0] === undefined ? [iterator] : [iterator, sent[0]];
    return this.step('advance', args);
  }

  return(value?: unknown): IteratorResult<T, unknown> {
    if (this.ended) return { done: true, value };
    try {
      if (this.iterator && (this.iterator.traits & Trait.GENERATOR) !== 0)
        this.ask('finish', [this.iterator]);
    } finally {
      this.end();
    }
    return { done: true, value };
  }

  throw(error: unknown): IteratorResult<T, unknown> {
    if (this.ended) throw error;
    const iterator = this.begin();
    if ((iterator.traits & Trait.GENERATOR) !== 0) {
      return this.step('throw_into', [iterator, iterator.owner.describe(error)]);
    }
    this.end();
    throw error;
  }

  [Symbol.dispose](): void {
    this.return();
  }

  private begin(): Ref {
    if (this.iterator) return this.iterator;
    this.iterator = refOfFace(this.ask('iterate', [this.source, this.path]));
    if (!this.iterator) throw new BridgeError('the iterator is no object of Python', { code: 'protocol' });
    return this.iterator;
  }

  private step(name: string, args: readonly unknown[]): IteratorResult<T, unknown> {
    let outcome: readonly [boolean, unknown];
    try {
      outcome = this.ask(name, args) as [boolean, unknown];
    } catch (error) {
      this.end();
      throw error;
    }
    const [done, value] = outcome;
    if (done) this.end();
    return done ? { done, value } : { done, value: value as T };
  }

  private end(): void {
    this.ended = true;
    const { iterator } = this;
    if (iterator && (iterator !== this.source || (iterator.traits & Trait.GENERATOR) !== 0))
      iterator.dispose();
  }

  private ask(name: string, args: readonly unknown[]): unknown {
    const { owner } = this.source;
    if (!owner.askSync) {
      throw new BridgeError(
        `${labelOf(this.source, this.path)} cannot be waited for: Python is in another process`,
        {
          code: 'unsupported',
          hint: 'Use `for await … of`.',
        },
      );
    }
    return owner.askSync(name, args, this.ask);
  }
}

function labelOf(ref: Ref, path: string | null): string {
  return path === null ? ref.label : `${ref.label}.${path}`;
}
