/**
 * Purpose: handles of Python objects this side holds, and when Python may hear of a release.
 * Threads: JavaScript main thread only.
 * Must not know: frames.
 *
 * Python resolves a call's handles when a worker takes it up, which may be after a release that was
 * sent later: so a release waits for the calls that use the handle.
 */
export class LiveHandles {
  private readonly live = new Set<number>();
  private readonly uses = new Map<number, number>();
  private readonly waiting = new Set<number>();
  private ready: number[] = [];

  /** @param changed called when there is something to take */
  constructor(private readonly changed: () => void) {}

  /** A handle arrived. */
  add(handle: number): void {
    this.live.add(handle);
  }

  /** Nobody here needs the handle any more. Calling it twice is harmless. */
  release(handle: number): void {
    if (!this.live.delete(handle)) return;
    if (this.uses.has(handle)) this.waiting.add(handle);
    else this.give(handle);
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

  /** Handles Python may release now; they are told once. */
  take(): number[] {
    const handles = this.ready;
    this.ready = [];
    return handles;
  }

  /** Everything that is held or waits, for the end of a session. */
  takeAll(): number[] {
    const handles = [...this.ready, ...this.waiting, ...this.live];
    this.ready = [];
    this.waiting.clear();
    this.live.clear();
    return handles;
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
    if (this.waiting.delete(handle)) this.give(handle);
  }

  private give(handle: number): void {
    this.ready.push(handle);
    this.changed();
  }
}
