/**
 * Purpose: frames on their way out: those of one turn leave together.
 * Threads: JavaScript main thread only.
 * Must not know: what a frame means.
 */
export class Outbox {
  private frames: Uint8Array[] = [];
  private planned = false;

  /**
   * @param send takes whole frames
   * @param last called right before frames leave, to add what has been waiting for the end of the turn
   */
  constructor(
    private readonly send: (frames: Uint8Array) => void,
    private readonly last: () => void,
  ) {}

  push(frame: Uint8Array): void {
    this.frames.push(frame);
    this.plan();
  }

  /** Makes sure that a flush comes at the end of this turn. */
  plan(): void {
    if (this.planned) return;
    this.planned = true;
    queueMicrotask(() => this.flush());
  }

  /** Sends now what would leave at the end of the turn: the turn is held up. */
  hurry(): void {
    if (this.planned) this.flush();
  }

  /** Sends what waits, now. */
  flush(): void {
    this.last();
    this.planned = false;
    if (this.frames.length === 0) return;
    const frames = this.frames;
    this.frames = [];
    this.send(join(frames));
  }

  /** Forgets what waits. */
  clear(): void {
    this.frames = [];
  }
}

/** Frames of one turn mostly lie side by side in the codec's memory: then nothing is copied. */
function join(frames: readonly Uint8Array[]): Uint8Array {
  const [first] = frames;
  let end = first.byteOffset;
  for (const frame of frames) {
    if (frame.buffer !== first.buffer || frame.byteOffset !== end) return Buffer.concat(frames);
    end += frame.byteLength;
  }
  return frames.length === 1 ? first : new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset);
}
