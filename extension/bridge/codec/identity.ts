/**
 * Identity: where each container of a pack was written, so that one met again is named instead of written twice. A few
 * are searched one by one; only more of them pay for a table.
 * Belongs to one packer.
 */

/** Up to so many, comparing beats hashing. */
const FEW = 8;

export class Identity {
  private count = 0;
  private readonly objects: object[] = [];
  private readonly starts: number[] = [];
  private readonly table = new Map<object, number>();
  /** The table was found to be wrong once in this pack, and has been looked up before every change since. */
  private shared = false;

  /**
   * Where the object was written before.
   *
   * @param start where it is written now, should it be new: that is remembered
   * @returns -1 when it is new
   */
  meet(o: object, start: number): number {
    const { count, objects } = this;
    if (count >= FEW) return this.meetInTable(o, start);
    for (let i = 0; i < count; i++) if (objects[i] === o) return this.starts[i];
    this.remember(o, start);
    return -1;
  }

  /** Forgets all, so that nothing is kept alive. */
  clear(): void {
    if (this.count === 0) return;
    this.count = 0;
    this.objects.length = 0;
    this.starts.length = 0;
    if (this.table.size !== 0) this.table.clear();
    this.shared = false;
  }

  private meetInTable(o: object, start: number): number {
    const { table } = this;
    if (this.count === FEW) for (let i = 0; i < FEW; i++) table.set(this.objects[i], this.starts[i]);
    if (this.shared) {
      const before = table.get(o);
      if (before !== undefined) return before;
    }
    const { size } = table;
    // Objects that are met twice are rare: setting at once costs half of looking first.
    table.set(o, start);
    if (table.size === size) return this.restore(o);
    this.remember(o, start);
    return -1;
  }

  /** Puts back what was overwritten. */
  private restore(o: object): number {
    this.shared = true;
    const start = this.starts[this.objects.indexOf(o)];
    this.table.set(o, start);
    return start;
  }

  private remember(o: object, start: number): void {
    this.objects.push(o);
    this.starts.push(start);
    this.count++;
  }
}
