/**
 * Purpose: the Python objects this side holds, and when Python may hear of a release.
 * Threads: JavaScript main thread only.
 * Must not know: frames.
 *
 * The same handle gives the same `Ref` while one lives. Python counts how often it has sent a handle, and
 * is told how many of these are released: one that is on its way meanwhile keeps the object.
 *
 * Python resolves a call's handles when a worker takes it up, which may be after a release that was
 * sent later: so a release waits for the calls that use the handle.
 */
import type { Ref } from './pyRef';

export class LiveHandles {
  private readonly refs = new Map<number, WeakRef<Ref>>();
  /** Arrivals that are not released yet. */
  private readonly live = new Map<number, number>();
  private readonly uses = new Map<number, number>();
  private readonly waiting = new Map<number, number>();
  private ready: number[] = [];

  /** @param changed called when there is something to take */
  constructor(private readonly changed: () => void) {}

  /** A handle arrived: the `Ref` that has it, or what `make` makes. */
  arrive(handle: number, make: () => Ref): Ref {
    this.live.set(handle, (this.live.get(handle) ?? 0) + 1);
    const known = this.refs.get(handle)?.deref();
    if (known !== undefined && !known.disposed) {
      known.arrive();
      return known;
    }
    const made = make();
    this.refs.set(handle, new WeakRef(made));
    return made;
  }

  /** Those that are not released. */
  held(): Ref[] {
    return [...this.refs.values()].flatMap((weak) => weak.deref() ?? []).filter((ref) => !ref.disposed);
  }

  /** Nobody here needs `count` arrivals of the handle any more. */
  release(handle: number, count: number): void {
    const left = this.live.get(handle);
    if (left === undefined) return;
    // The newest `Ref` of a handle may be another one than the one that went.
    const newest = this.refs.get(handle)?.deref();
    if (newest === undefined || newest.disposed) this.refs.delete(handle);
    const released = Math.min(left, count);
    if (left > released) this.live.set(handle, left - released);
    else this.live.delete(handle);
    if (this.uses.has(handle)) this.waiting.set(handle, (this.waiting.get(handle) ?? 0) + released);
    else this.give(handle, released);
  }

  /** A call of `target` (0: none) that is under way uses it and the handles. */
  use(target: number, handles: readonly number[]): void {
    if (target !== 0) this.useOne(target);
    for (const handle of handles) this.useOne(handle);
  }

  /** The call is over. */
  unuse(target: number, handles: readonly number[]): void {
    if (target !== 0) this.unuseOne(target);
    for (const handle of handles) this.unuseOne(handle);
  }

  /** Releases Python may hear of now, as a RELEASE frame tells them; they are told once. */
  take(): number[] {
    const handles = this.ready;
    this.ready = [];
    return handles;
  }

  /** Everything that is held or waits, for the end of a session. */
  takeAll(): number[] {
    for (const held of [this.waiting, this.live]) {
      for (const [handle, count] of held) tell(this.ready, handle, count);
      held.clear();
    }
    this.refs.clear();
    return this.take();
  }

  private useOne(handle: number): void {
    this.uses.set(handle, (this.uses.get(handle) ?? 0) + 1);
  }

  private unuseOne(handle: number): void {
    const left = (this.uses.get(handle) ?? 1) - 1;
    if (left > 0) {
      this.uses.set(handle, left);
      return;
    }
    this.uses.delete(handle);
    const count = this.waiting.get(handle);
    if (count === undefined) return;
    this.waiting.delete(handle);
    this.give(handle, count);
  }

  private give(handle: number, count: number): void {
    tell(this.ready, handle, count);
    this.changed();
  }
}

/** A RELEASE frame lists handles; a negative number says how often the one before it is released once more. */
function tell(list: number[], handle: number, count: number): void {
  list.push(handle);
  if (count > 1) list.push(1 - count);
}
