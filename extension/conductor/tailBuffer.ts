/**
 * Purpose: the last bytes of a stream, in bounded memory.
 * Threads: any one.
 * Must not know: what the bytes are of.
 */
export class TailBuffer {
  private chunks: Buffer[] = [];
  private length = 0;

  /** @param limit bytes kept */
  constructor(private readonly limit: number) {}

  push(data: Buffer): void {
    this.chunks.push(data.length > this.limit ? data.subarray(data.length - this.limit) : data);
    this.length += this.chunks[this.chunks.length - 1].length;
    // Whole chunks are dropped from the front while what follows is enough.
    while (this.length - this.chunks[0].length >= this.limit) {
      this.length -= this.chunks[0].length;
      this.chunks.shift();
    }
  }

  /** At most `limit` bytes, read as UTF-8. */
  toString(): string {
    const all = Buffer.concat(this.chunks);
    return all.subarray(Math.max(0, all.length - this.limit)).toString('utf8');
  }
}
