/**
 * Identity: where each container of a pack was written, so that one met again is named instead of written twice. A few
 * are searched one by one; only more of them pay for a table.
 * Belongs to one packer.
 */

/** Up to so many, comparing beats hashing. */
const FEW = 8;
/** Memory for more than this is given back after use. */
const KEEP = 1 << 14;

export class Identity {
  private count = 0;
  private objects: (object | undefined)[] = [];
  private starts: number[] = [];
  private readonly seen = new Set<object>();
  /** Starts by object, from the first one on that was met again: few packs have any. */
  private index: Map<object, number> | null = null;

  /**
   * Where the object was written before.
   *
   * @param start where it is written now, should it be new: that is remembered
   * @returns -1 when it is new
   */
  meet(o: object, start: number): number {
    const { count, objects } = this;
    if (count >= FEW) return this.meetMany(o, start);
    for (let i = 0; i < count; i++) if (objects[i] === o) return this.starts[i];
    this.remember(o, start);
    return -1;
  }

  /** Forgets all, so that nothing is kept alive. */
  clear(): void {
    const { count } = this;
    if (count === 0) return;
    this.count = 0;
    if (count >= FEW) this.seen.clear();
    this.index = null;
    if (count > KEEP) {
      this.objects = [];
      this.starts = [];
    } else this.objects.fill(undefined, 0, count);
  }

  private meetMany(o: object, start: number): number {
    const { seen, count } = this;
    if (count === FEW) for (let i = 0; i < FEW; i++) seen.add(this.objects[i] as object);
    const { size } = seen;
    // Adding tells whether it was there, for half of what asking first would cost.
    seen.add(o);
    if (seen.size === size) return this.startOf(o);
    this.index?.set(o, start);
    this.remember(o, start);
    return -1;
  }

  private startOf(o: object): number {
    if (this.index === null) {
      this.index = new Map();
      for (let i = 0; i < this.count; i++) this.index.set(this.objects[i] as object, this.starts[i]);
    }
    return this.index.get(o) as number;
  }

  private remember(o: object, start: number): void {
    this.objects[this.count] = o;
    this.starts[this.count] = start;
    this.count++;
  }
}
