/**
 * Which thread wrote which event: a ring serves one thread after the other, and says so with an event.
 *
 * Must not know: spans.
 */
import * as layout from './layout';
import type { TraceThread } from './model';
import { number64, type Ring } from './rawFile';

const NAMELESS = 'thread';

export class ThreadTable {
  readonly list: TraceThread[] = [];

  constructor(private readonly strings: readonly string[]) {}

  /** A function that, asked for a ring's events in order, gives the index of the thread that wrote each. */
  walk(ring: Ring): (at: number, index: number) => number {
    if (ring.count === 0) return () => 0;
    let current = -1;
    return (at, index) => {
      const { view } = ring;
      if (view.getUint8(at + layout.EVENT_KIND) === layout.KIND_THREAD) {
        const id = number64(view, at + layout.EVENT_SPAN);
        const name = this.nameOf(view.getUint32(at + layout.EVENT_NAME, true));
        // The same thread again has only been renamed.
        if (current >= 0 && this.list[current].id === id) this.list[current].name = name;
        else current = this.add(id, name);
      } else if (index === 0) {
        current = this.firstOwner(ring);
      }
      return current;
    };
  }

  /** Who wrote the oldest events: the next change of owner names its predecessor; without one it is the owner now. */
  private firstOwner({ view, count, at, thread, name }: Ring): number {
    for (let i = 0; i < count; i++) {
      const event = at(i);
      if (view.getUint8(event + layout.EVENT_KIND) !== layout.KIND_THREAD) continue;
      const former = this.nameOf(number64(view, event + layout.EVENT_ARG));
      return this.add(0, former);
    }
    return this.add(thread, this.nameOf(name));
  }

  private add(id: number, name: string): number {
    // Rows keep 16 bits for the thread; a recording that had more threads than that shares the last one.
    if (this.list.length >= 0xffff) return this.list.length - 1;
    this.list.push({ id, name });
    return this.list.length - 1;
  }

  private nameOf(index: number): string {
    return this.strings[index] || NAMELESS;
  }
}
