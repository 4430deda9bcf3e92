/**
 * FrameSplitter: a byte stream cut where its sender wrote it → whole frames.
 *
 * JavaScript thread only; one per connection. Knows the length field and nothing else of a frame.
 */
import { FRAME_HEADER, MAX_FRAME } from '../../protocol/frame';
import { FrameError } from './conversionError';

const NOTHING = new Uint8Array(0);

export class FrameSplitter {
  /** The frame that is incomplete; its capacity is its full length once that is known. */
  private partial: Uint8Array = NOTHING;
  private filled = 0;

  /** @param maxFrame longest frame accepted, in bytes */
  constructor(private readonly maxFrame: number = MAX_FRAME) {}

  /**
   * Takes the next bytes of the stream.
   *
   * @returns chunks of whole frames in order, for `decodeFrames`; they may share memory with `data`
   * @throws FrameError when a length makes no sense; the stream is lost then
   */
  push(data: Uint8Array): Uint8Array[] {
    const whole: Uint8Array[] = [];
    let rest = this.complete(data, whole);
    let end = 0;
    while (rest.length - end >= 4) {
      const length = this.lengthAt(rest, end);
      if (length > rest.length - end) break;
      end += length;
    }
    if (end !== 0) whole.push(rest.subarray(0, end));
    rest = rest.subarray(end);
    if (rest.length !== 0) this.keep(rest);
    return whole;
  }

  /** Bytes that wait for the rest of their frame. */
  get pending(): number {
    return this.filled;
  }

  /** Fills the partial frame from the front of data and gives what is left of data. */
  private complete(data: Uint8Array, whole: Uint8Array[]): Uint8Array {
    if (this.filled === 0) return data;
    let rest = data;
    if (this.filled < 4) {
      rest = this.fill(rest, 4);
      if (this.filled < 4) return NOTHING;
      this.grow(this.lengthAt(this.partial, 0));
    }
    rest = this.fill(rest, this.partial.length);
    if (this.filled < this.partial.length) return NOTHING;
    whole.push(this.partial);
    this.partial = NOTHING;
    this.filled = 0;
    return rest;
  }

  private keep(rest: Uint8Array): void {
    // Copied, so that the socket's buffer is free for its next use.
    this.partial = new Uint8Array(rest.length >= 4 ? this.lengthAt(rest, 0) : 4);
    this.partial.set(rest);
    this.filled = rest.length;
  }

  private fill(data: Uint8Array, upTo: number): Uint8Array {
    const n = Math.min(upTo - this.filled, data.length);
    this.partial.set(data.subarray(0, n), this.filled);
    this.filled += n;
    return data.subarray(n);
  }

  private grow(length: number): void {
    const partial = new Uint8Array(length);
    partial.set(this.partial.subarray(0, this.filled));
    this.partial = partial;
  }

  private lengthAt(bytes: Uint8Array, at: number): number {
    const length = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
    if (length < FRAME_HEADER || (length & 7) !== 0 || length > this.maxFrame) {
      throw new FrameError(`malformed frame: length ${length} (limit ${this.maxFrame})`);
    }
    return length;
  }
}
