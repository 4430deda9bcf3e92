/**
 * Identity: where each container of a pack was written, so that one met again is named instead of written twice. A few
 * are searched one by one; only more of them pay for a table.
 * Belongs to one packer.
 */

/** Up to so many, comparing beats hashing. */
const FEW = 8;
const FIRST_STARTS = 256;
/** Memory for more than this is given back after use. */
const KEEP = 1 << 14;

export class Identity {
  private count = 0;
  private readonly few: (object | undefined)[] = new Array(FEW).fill(undefined);
  /** All, once they are more than a few, in the order in which they came. */
  private readonly seen = new Set<object>();
  private starts = new Int32Array(FIRST_STARTS);
  /** Starts by object, from the first one on that was met again: few packs have any. */
  private index: Map<object, number> | null = null;

  /**
   * Where the object was written before.
   *
   * @param start where it is written now, should it be new: that is remembered
   * @returns -1 when it is new
   */
  meet(o: object, start: number): number {
    const { count } = this;
    if (count >= FEW) return this.meetMany(o, start);
    const { few } = this;
    for (let i = 0; i < count; i++) if (few[i] === o) return this.starts[i];
    few[count] = o;
    this.starts[count] = start;
    this.count = count + 1;
    return -1;
  }

  /** Forgets all, so that nothing is kept alive. */
  clear(): void {
    const { count } = this;
    if (count === 0) return;
    this.count = 0;
    this.few.fill(undefined);
    if (count < FEW) return;
    this.seen.clear();
    this.index = null;
    if (count > KEEP) this.starts = new Int32Array(FIRST_STARTS);
  }

  private meetMany(o: object, start: number): number {
    const { seen, count } = this;
    if (count === FEW) for (let i = 0; i < FEW; i++) seen.add(this.few[i] as object);
    const { size } = seen;
    // Adding tells whether it was there, for half of what asking first would cost.
    seen.add(o);
    if (seen.size === size) return this.startOf(o);
    if (count === this.starts.length) this.grow();
    this.starts[count] = start;
    this.count = count + 1;
    this.index?.set(o, start);
    return -1;
  }

  private startOf(o: object): number {
    if (this.index === null) {
      let i = 0;
      this.index = new Map();
      for (const each of this.seen) this.index.set(each, this.starts[i++]);
    }
    return this.index.get(o) as number;
  }

  private grow(): void {
    const starts = new Int32Array(this.starts.length * 2);
    starts.set(this.starts);
    this.starts = starts;
  }
}
