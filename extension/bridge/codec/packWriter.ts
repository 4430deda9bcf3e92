/**
 * PackWriter: ops, nums, chars and segments that grow, and the values that hold no others.
 *
 * JavaScript thread only. Knows nothing of containers, shapes or references: those are the packer's.
 */
import { MAX_FRAME } from '../../protocol/frame';
import { Tag, WIDE_ARG } from '../../protocol/pack';
import { bytesOf } from './buffers';
import { PyByteArray } from './carriers';
import { allocateChars, type CharBuffer } from './charBuffer';
import { Refusal } from './refusal';

/** Bytes from this length on travel as their own segment. */
const SEGMENT_FROM = 64 * 1024;
/** Below this length a loop over the characters beats a call into the runtime. */
const SHORT_STRING = 24;
/** Scratch larger than this is given back after use. */
const KEEP_ELEMENTS = 1 << 22;
const FIRST_ELEMENTS = 1024;
const FIRST_CHARS = 8192;
const NOT_LATIN1 = /[^\u0000-\u00ff]/;

export class PackWriter {
  ops = new Int32Array(FIRST_ELEMENTS);
  nums = new Float64Array(FIRST_ELEMENTS);
  chars: CharBuffer = allocateChars(FIRST_CHARS);
  opsLen = 0;
  numsLen = 0;
  charsLen = 0;
  segments: Uint8Array[] = [];
  private segmentBytes = 0;
  /** Changes whenever one of the arrays is replaced. */
  generation = 0;

  /** Gives memory back after an unusually large pack. */
  trim(): void {
    if (this.segments.length !== 0) this.segments = [];
    if (this.ops.length + this.nums.length + this.chars.length < KEEP_ELEMENTS) return;
    this.ops = new Int32Array(FIRST_ELEMENTS);
    this.nums = new Float64Array(FIRST_ELEMENTS);
    this.chars = allocateChars(FIRST_CHARS);
    this.generation++;
  }

  /** Adds an op with an unsigned argument. */
  op(tag: Tag, arg: number): void {
    if (arg < WIDE_ARG) return this.raw(tag | (arg << 8));
    this.raw(tag | (WIDE_ARG << 8));
    this.raw(arg | 0);
  }

  protected raw(op: number): void {
    const at = this.opsLen;
    if (at === this.ops.length) this.growOps();
    this.ops[at] = op;
    this.opsLen = at + 1;
  }

  protected num(v: number): void {
    const at = this.numsLen;
    if (at === this.nums.length) this.growNums(at + 1);
    this.nums[at] = v;
    this.numsLen = at + 1;
  }

  /** An int, or a float where it is none. */
  number(v: number): void {
    const small = (v << 8) >> 8;
    if (small === v && (v !== 0 || 1 / v > 0)) return this.raw(Tag.INT | (small << 8));
    // Zero comes here only as -0, which Python has as a float alone.
    this.raw(v !== 0 && Number.isSafeInteger(v) ? Tag.INT53 : Tag.FLOAT);
    this.num(v);
  }

  string(s: string): void {
    const n = s.length;
    const at = this.charsLen;
    if (at + n > this.chars.length) this.growChars(at + n);
    const chars = this.chars;
    if (n < SHORT_STRING) {
      for (let i = 0; i < n; i++) {
        const c = s.charCodeAt(i);
        if (c > 255) return this.wideString(s);
        chars[at + i] = c;
      }
    } else {
      if (NOT_LATIN1.test(s)) return this.wideString(s);
      chars.latin1Write(s, at, n);
    }
    this.charsLen = at + n;
    this.op(Tag.STR, n);
  }

  protected wideString(s: string): void {
    const bytes = s.length * 2;
    const at = this.charsLen;
    if (at + bytes > this.chars.length) this.growChars(at + bytes);
    // `ucs2Write` keeps lone surrogates; it takes an odd offset.
    this.chars.ucs2Write(s, at, bytes);
    this.charsLen = at + bytes;
    this.op(Tag.STR16, s.length);
  }

  protected bigint(v: bigint): void {
    let rest = v < 0n ? -v : v;
    const words: number[] = [];
    if (rest < 1n << 4096n) {
      for (; rest !== 0n; rest >>= 32n) words.push(Number(rest & 0xffffffffn) | 0);
    } else {
      // Shifting is quadratic; digits are not.
      const digits = rest.toString(16);
      for (let end = digits.length; end > 0; end -= 8) {
        words.push(Number.parseInt(digits.slice(Math.max(0, end - 8), end), 16) | 0);
      }
    }
    this.op(Tag.BIGINT, words.length);
    this.raw(v < 0n ? 1 : 0);
    for (const word of words) this.raw(word);
  }

  /** A float, integral or not. */
  protected float(v: number): void {
    this.raw(Tag.FLOAT);
    this.num(v);
  }

  protected bytes(b: Uint8Array): void {
    const n = b.byteLength;
    // Memory that is gone has no length, too.
    if (n === 0) bytesOf(b);
    if (b instanceof PyByteArray) this.op(Tag.BYTEARRAY, n);
    else if (n >= SEGMENT_FROM) return this.segment(b);
    else this.op(Tag.BYTES, n);
    const at = this.charsLen;
    if (at + n > this.chars.length) this.growChars(at + n);
    this.chars.set(b, at);
    this.charsLen = at + n;
  }

  /** Bytes that stay where they are until the pack is sent. */
  protected segment(b: Uint8Array): void {
    if (this.segments.length === 0) this.segmentBytes = 0;
    this.op(Tag.SEGMENT, this.segments.length);
    // A view of its own keeps its length when the memory grows.
    this.segments.push(new Uint8Array(b.buffer, b.byteOffset, b.byteLength));
    this.segmentBytes += b.byteLength;
  }

  /** @throws Refusal when a getter took the memory of a segment away while the pack was written */
  protected checkSegments(): void {
    if (this.segments.length === 0) return;
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.byteLength;
    if (bytes !== this.segmentBytes) throw new Refusal(this.segments[0], 'it changed while it was read');
  }

  private growOps(): void {
    checkSize(this.ops.length * 8);
    const ops = new Int32Array(this.ops.length * 2);
    ops.set(this.ops);
    this.ops = ops;
    this.generation++;
  }

  protected growNums(need: number): void {
    checkSize(need * 8);
    const nums = new Float64Array(Math.max(need, this.nums.length * 2));
    nums.set(this.nums.subarray(0, this.numsLen));
    this.nums = nums;
    this.generation++;
  }

  private growChars(need: number): void {
    checkSize(need);
    const chars = allocateChars(Math.max(need, this.chars.length * 2));
    chars.set(this.chars.subarray(0, this.charsLen));
    this.chars = chars;
    this.generation++;
  }
}

function checkSize(bytes: number): void {
  if (bytes > MAX_FRAME) throw new Refusal(undefined, `the whole is larger than ${MAX_FRAME / 2 ** 20} MiB`);
}
