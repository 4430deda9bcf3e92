/**
 * Purpose: frames on their way out: those of one turn leave together.
 * Threads: JavaScript main thread only.
 * Must not know: what a frame means.
 */
import type { FrameSink } from './codec';

/** A run of frames that lie side by side in memory. */
interface Run {
  memory: ArrayBufferLike;
  start: number;
  end: number;
}

/** Bytes that are joined, to leave together, sooner than sent one after the other. */
const WORTH_A_COPY = 256 * 1024;

export class Outbox implements FrameSink {
  private runs: Run[] = [];
  private planned = false;
  private readonly atEnd = (): void => this.flush();

  /**
   * @param send takes whole frames
   * @param last called right before frames leave, to add what has been waiting for the end of the turn
   * @param inParts whether `send` takes parts of frames, too
   */
  constructor(
    private readonly send: (frames: Uint8Array) => void,
    private readonly last: () => void,
    private readonly inParts = false,
  ) {}

  push(frame: Uint8Array): void {
    this.wrote(frame.buffer, frame.byteOffset, frame.byteOffset + frame.byteLength);
  }

  /** Frames of one turn mostly lie side by side in the codec's memory: then nothing is copied, and nothing made. */
  wrote(memory: ArrayBufferLike, start: number, end: number): void {
    const { runs } = this;
    const last = runs.length === 0 ? undefined : runs[runs.length - 1];
    if (last !== undefined && last.memory === memory && last.end === start) last.end = end;
    else runs.push({ memory, start, end });
    this.plan();
  }

  /** The other side makes room for a long frame while the rest of it is copied here. */
  begun(memory: ArrayBufferLike, start: number, end: number): boolean {
    if (!this.inParts) return false;
    this.wrote(memory, start, end);
    this.flush();
    return true;
  }

  /** Makes sure that a flush comes at the end of this turn. */
  plan(): void {
    if (this.planned) return;
    this.planned = true;
    queueMicrotask(this.atEnd);
  }

  /** Sends now what would leave at the end of the turn: the turn is held up. */
  hurry(): void {
    if (this.planned) this.flush();
  }

  /** Sends what waits, now. */
  flush(): void {
    this.last();
    this.planned = false;
    const { runs } = this;
    if (runs.length === 0) return;
    this.runs = [];
    const parts = runs.map(({ memory, start, end }) => new Uint8Array(memory, start, end - start));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (parts.length === 1 || length > WORTH_A_COPY) for (const part of parts) this.send(part);
    else this.send(Buffer.concat(parts));
  }

  /** Forgets what waits. */
  clear(): void {
    this.runs = [];
  }
}
