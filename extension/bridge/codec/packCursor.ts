/**
 * PackCursor: the place in a pack that is read, and the values that hold no others.
 *
 * JavaScript thread only. Trusts nothing: every count is checked against what is there, so that a broken peer gives a
 * `FrameError`. Knows nothing of containers, shapes or references.
 */
import { Tag, WIDE_ARG } from '../../protocol/pack';
import { allocateChars, type CharBuffer } from './charBuffer';
import { FrameError } from './conversionError';

/** Strings this short are copied by the runtime; longer substrings pin the text they are cut from. */
const COPIED_ANYWAY = 13;
/** A text up to this length may be pinned by its substrings. */
const PIN_UP_TO = 32 * 1024;
const SHORT_STRING16 = 16;

/** A pack in memory. `chars` is copied out of, never kept; so are `segments`, unless they are `ours`. */
export interface PackView {
  ops: Int32Array;
  nums: Float64Array;
  chars: CharBuffer;
  segments: readonly Uint8Array<ArrayBuffer>[];
  /** The segments are copies made for this reader, which may hand them out. */
  ours: boolean;
  opsAt: number;
  opsEnd: number;
  numsAt: number;
  numsEnd: number;
  charsAt: number;
  charsEnd: number;
}

export class PackCursor {
  protected ops: Int32Array = NO_OPS;
  protected o = 0;
  protected oStart = 0;
  protected oEnd = 0;
  private nums: Float64Array = NO_NUMS;
  private chars: CharBuffer = NO_CHARS;
  private segments: readonly Uint8Array<ArrayBuffer>[] = [];
  private handedOut: Set<number> | null = null;
  private ours = false;
  private n = 0;
  private nEnd = 0;
  private c = 0;
  private cStart = 0;
  private cEnd = 0;
  private text: string | undefined;

  protected start(view: PackView): void {
    this.ops = view.ops;
    this.nums = view.nums;
    this.chars = view.chars;
    this.segments = view.segments;
    this.ours = view.ours;
    this.handedOut = null;
    this.o = this.oStart = view.opsAt;
    this.oEnd = view.opsEnd;
    this.n = view.numsAt;
    this.nEnd = view.numsEnd;
    this.c = this.cStart = view.charsAt;
    this.cEnd = view.charsEnd;
    this.text = undefined;
  }

  protected next(): number {
    if (this.o >= this.oEnd) throw new FrameError('malformed pack: it ends inside a value');
    return this.ops[this.o++];
  }

  protected arg(op: number): number {
    const arg = op >>> 8;
    return arg === WIDE_ARG ? this.next() >>> 0 : arg;
  }

  /** A number of values to come; each takes at least one op. */
  protected count(n: number): number {
    if (n > this.oEnd - this.o)
      throw new FrameError(`malformed pack: ${n} values announced, fewer are there`);
    return n;
  }

  protected num(): number {
    if (this.n >= this.nEnd) throw new FrameError('malformed pack: a number is missing');
    return this.nums[this.n++];
  }

  /** A list of numbers. Made here: so the runtime learns that its lists hold nothing else. */
  protected floats(n: number): number[] {
    const from = this.n;
    if (n > this.nEnd - from) throw new FrameError(`malformed pack: ${n} numbers announced, fewer are there`);
    this.n = from + n;
    const { nums } = this;
    const list: number[] = [];
    for (let i = 0; i < n; i++) list.push(nums[from + i]);
    return list;
  }

  /** Moves over `bytes` of chars and gives where they start. */
  protected take(bytes: number): number {
    const from = this.c;
    if (bytes > this.cEnd - from)
      throw new FrameError(`malformed pack: ${bytes} characters announced, fewer are there`);
    this.c = from + bytes;
    return from;
  }

  protected latin1(n: number): string {
    const from = this.take(n);
    const size = this.cEnd - this.cStart;
    // A large text is not worth making for one string, and must not be pinned by it.
    if (size > PIN_UP_TO && n >= COPIED_ANYWAY) return this.chars.latin1Slice(from, from + n);
    if (size > PIN_UP_TO * 4) return this.chars.latin1Slice(from, from + n);
    this.text ??= this.chars.latin1Slice(this.cStart, this.cEnd);
    const start = from - this.cStart;
    return this.text.substring(start, start + n);
  }

  protected utf16(n: number): string {
    const from = this.take(n * 2);
    if (n > SHORT_STRING16) return this.chars.ucs2Slice(from, from + n * 2);
    let text = '';
    for (let i = from; i < from + n * 2; i += 2)
      text += String.fromCharCode(this.chars[i] | (this.chars[i + 1] << 8));
    return text;
  }

  protected bigint(words: number): bigint {
    const negative = this.next() !== 0;
    this.count(words);
    let digits = '';
    for (let i = words - 1; i >= 0; i--) digits += (this.ops[this.o + i] >>> 0).toString(16).padStart(8, '0');
    this.o += words;
    const magnitude = BigInt(`0x0${digits}`);
    return negative ? -magnitude : magnitude;
  }

  protected bytes(n: number): Uint8Array<ArrayBuffer> {
    const from = this.take(n);
    const bytes = new Uint8Array(n);
    bytes.set(this.chars.subarray(from, from + n));
    return bytes;
  }

  protected segment(index: number): Uint8Array<ArrayBuffer> {
    if (index >= this.segments.length) throw new FrameError(`malformed pack: no segment ${index}`);
    const segment = this.segments[index];
    if (!this.ours || this.handedOut?.has(index)) return new Uint8Array(segment);
    this.handedOut ??= new Set();
    this.handedOut.add(index);
    return segment;
  }

  /** A name: a string, and nothing else. */
  protected key(): string {
    const op = this.next();
    const tag = op & 0xff;
    if (tag === Tag.STR) return this.latin1(this.arg(op));
    if (tag === Tag.STR16) return this.utf16(this.arg(op));
    throw new FrameError('malformed pack: a name must be a string');
  }
}

const NO_OPS = new Int32Array(0);
const NO_NUMS = new Float64Array(0);
const NO_CHARS = allocateChars(0);
