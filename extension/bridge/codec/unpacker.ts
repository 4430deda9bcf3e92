/**
 * Unpacker: ops, nums, chars, segments → JavaScript values.
 *
 * JavaScript thread only. Trusts nothing: every count is checked against what is there, so that a broken peer gives a
 * `FrameError`. Reads one value to its end before anybody else may use it; knows nothing of frames or transports.
 */
import { MAX_DEPTH, Tag, WIDE_ARG } from '../../protocol/pack';
import { PyByteArray, PyDataclass, PyFrozenSet, PyTuple } from './carriers';
import { allocateChars, type CharBuffer } from './charBuffer';
import { FrameError } from './conversionError';
import { dataclassPrototype } from './dataclasses';
import { type Reader, type ReadShape, ReadShapes } from './readShapes';
import type { RefContext } from './refContext';

/** Strings this short are copied by the runtime; longer substrings pin the text they are cut from. */
const COPIED_ANYWAY = 13;
/** A text up to this length may be pinned by its substrings. */
const PIN_UP_TO = 32 * 1024;
const SHORT_STRING16 = 16;

/** A pack in memory. `chars` and `segments` are copied out of, never kept. */
export interface PackView {
  ops: Int32Array;
  nums: Float64Array;
  chars: CharBuffer;
  segments: readonly Uint8Array[];
  opsAt: number;
  opsEnd: number;
  numsAt: number;
  numsEnd: number;
  charsAt: number;
  charsEnd: number;
}

export class Unpacker implements Reader {
  private ops: Int32Array = NO_OPS;
  private nums: Float64Array = NO_NUMS;
  private chars: CharBuffer = NO_CHARS;
  private segments: readonly Uint8Array[] = [];
  private o = 0;
  private oEnd = 0;
  private n = 0;
  private nEnd = 0;
  private c = 0;
  private cStart = 0;
  private cEnd = 0;
  private text: string | undefined;
  private depth = 0;
  private readonly shapes: ReadShape[] = [];
  private refs!: RefContext;

  /**
   * Reads the one value of a pack.
   *
   * @throws FrameError when the pack is malformed
   */
  unpack(view: PackView, refs: RefContext): unknown {
    this.ops = view.ops;
    this.nums = view.nums;
    this.chars = view.chars;
    this.segments = view.segments;
    this.o = view.opsAt;
    this.oEnd = view.opsEnd;
    this.n = view.numsAt;
    this.nEnd = view.numsEnd;
    this.c = this.cStart = view.charsAt;
    this.cEnd = view.charsEnd;
    this.text = undefined;
    this.depth = 0;
    // Even a store of the same length goes through the runtime.
    if (this.shapes.length !== 0) this.shapes.length = 0;
    this.refs = refs;
    const value = this.value();
    if (this.o !== this.oEnd)
      throw new FrameError(`malformed pack: ${this.oEnd - this.o} ops after the value`);
    return value;
  }

  /** Reads the next value; public for the generated readers of shapes. */
  value(): unknown {
    const op = this.next();
    switch (op & 0xff) {
      case Tag.NONE:
        return null;
      case Tag.UNDEFINED:
        return undefined;
      case Tag.TRUE:
        return true;
      case Tag.FALSE:
        return false;
      case Tag.INT:
        return op >> 8;
      case Tag.INT53:
      case Tag.FLOAT:
        return this.num();
      case Tag.FLOATS:
        return this.floats(this.arg(op));
      case Tag.STR:
        return this.latin1(this.arg(op));
      case Tag.STR16:
        return this.utf16(this.arg(op));
      case Tag.BIGINT:
        return this.bigint(this.arg(op));
      case Tag.BYTES:
        return this.bytes(this.arg(op));
      case Tag.BYTEARRAY:
        return new PyByteArray(this.bytes(this.arg(op)));
      case Tag.SEGMENT:
        return this.segment(this.arg(op));
      case Tag.LIST:
        return this.list([], this.count(this.arg(op)));
      case Tag.TUPLE:
        return this.list(new PyTuple(), this.count(this.arg(op)));
      case Tag.SET:
        return this.set(new Set(), this.count(this.arg(op)));
      case Tag.FROZENSET:
        return this.set(new PyFrozenSet(), this.count(this.arg(op)));
      case Tag.MAP:
        return this.map(this.count(this.arg(op) * 2) / 2);
      case Tag.SHAPE:
        return this.object(this.define(this.count(this.arg(op))));
      case Tag.OBJECT:
        return this.object(this.shape(this.arg(op)));
      case Tag.DATACLASS:
        return this.dataclass();
      case Tag.REF:
        return this.refs.ownValue(this.num());
      case Tag.PROXY:
        return this.refs.makeProxy(this.num(), this.arg(op), this.key());
      default:
        throw new FrameError(`malformed pack: unknown tag ${op & 0xff}`);
    }
  }

  private next(): number {
    if (this.o >= this.oEnd) throw new FrameError('malformed pack: it ends inside a value');
    return this.ops[this.o++];
  }

  private arg(op: number): number {
    const arg = op >>> 8;
    return arg === WIDE_ARG ? this.next() >>> 0 : arg;
  }

  /** A number of values to come; each takes at least one op. */
  private count(n: number): number {
    if (n > this.oEnd - this.o)
      throw new FrameError(`malformed pack: ${n} values announced, fewer are there`);
    return n;
  }

  private num(): number {
    if (this.n >= this.nEnd) throw new FrameError('malformed pack: a number is missing');
    return this.nums[this.n++];
  }

  private floats(n: number): number[] {
    const from = this.n;
    if (n > this.nEnd - from) throw new FrameError(`malformed pack: ${n} numbers announced, fewer are there`);
    this.n = from + n;
    const { nums } = this;
    const list: number[] = [];
    for (let i = 0; i < n; i++) list.push(nums[from + i]);
    return list;
  }

  /** Moves over `bytes` of chars and gives where they start. */
  private take(bytes: number): number {
    const from = this.c;
    if (bytes > this.cEnd - from)
      throw new FrameError(`malformed pack: ${bytes} characters announced, fewer are there`);
    this.c = from + bytes;
    return from;
  }

  private latin1(n: number): string {
    const from = this.take(n);
    const size = this.cEnd - this.cStart;
    // A large text is not worth making for one string, and must not be pinned by it.
    if (size > PIN_UP_TO && n >= COPIED_ANYWAY) return this.chars.latin1Slice(from, from + n);
    if (size > PIN_UP_TO * 4) return this.chars.latin1Slice(from, from + n);
    this.text ??= this.chars.latin1Slice(this.cStart, this.cEnd);
    const start = from - this.cStart;
    return this.text.substring(start, start + n);
  }

  private utf16(n: number): string {
    const from = this.take(n * 2);
    if (n > SHORT_STRING16) return this.chars.ucs2Slice(from, from + n * 2);
    let text = '';
    for (let i = from; i < from + n * 2; i += 2)
      text += String.fromCharCode(this.chars[i] | (this.chars[i + 1] << 8));
    return text;
  }

  private bigint(words: number): bigint {
    const negative = this.next() !== 0;
    this.count(words);
    let digits = '';
    for (let i = words - 1; i >= 0; i--) digits += (this.ops[this.o + i] >>> 0).toString(16).padStart(8, '0');
    this.o += words;
    const magnitude = BigInt(`0x0${digits}`);
    return negative ? -magnitude : magnitude;
  }

  private bytes(n: number): Uint8Array {
    const from = this.take(n);
    const bytes = new Uint8Array(n);
    bytes.set(this.chars.subarray(from, from + n));
    return bytes;
  }

  private segment(index: number): Uint8Array {
    if (index >= this.segments.length) throw new FrameError(`malformed pack: no segment ${index}`);
    return new Uint8Array(this.segments[index]);
  }

  private list<A extends unknown[]>(list: A, n: number): A {
    this.enter();
    for (let i = 0; i < n; i++) list.push(this.value());
    this.depth--;
    return list;
  }

  private set<S extends Set<unknown>>(set: S, n: number): S {
    this.enter();
    for (let i = 0; i < n; i++) set.add(this.value());
    this.depth--;
    return set;
  }

  private map(pairs: number): Map<unknown, unknown> {
    this.enter();
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < pairs; i++) {
      const key = this.value();
      map.set(key, this.value());
    }
    this.depth--;
    return map;
  }

  private define(n: number): ReadShape {
    const keys: string[] = [];
    for (let i = 0; i < n; i++) keys.push(this.key());
    const shape = readShapes.find(keys);
    this.shapes.push(shape);
    return shape;
  }

  private key(): string {
    const op = this.next();
    const tag = op & 0xff;
    if (tag === Tag.STR) return this.latin1(this.arg(op));
    if (tag === Tag.STR16) return this.utf16(this.arg(op));
    throw new FrameError('malformed pack: a name must be a string');
  }

  private shape(id: number): ReadShape {
    if (id >= this.shapes.length) throw new FrameError(`malformed pack: no shape ${id}`);
    return this.shapes[id];
  }

  private object(shape: ReadShape): Record<string, unknown> {
    this.enter();
    const o = shape.read(this);
    this.depth--;
    return o;
  }

  private dataclass(): object {
    const typeName = this.key();
    const op = this.next();
    const tag = op & 0xff;
    let shape: ReadShape;
    if (tag === Tag.SHAPE) shape = this.define(this.count(this.arg(op)));
    else if (tag === Tag.OBJECT) shape = this.shape(this.arg(op));
    else throw new FrameError('malformed pack: a dataclass without fields');
    const fields = this.object(shape);
    const prototype = dataclassPrototype(typeName);
    if (prototype === undefined) return new PyDataclass(typeName, fields);
    return Object.assign(Object.create(prototype), fields);
  }

  private enter(): void {
    if (++this.depth > MAX_READ_DEPTH)
      throw new FrameError(`malformed pack: nested more than ${MAX_DEPTH} levels deep`);
  }
}

/** A call's payload and an error's chain wrap values that were already at the limit. */
const MAX_READ_DEPTH = MAX_DEPTH + 16;
const NO_OPS = new Int32Array(0);
const NO_NUMS = new Float64Array(0);
const NO_CHARS = allocateChars(0);
const readShapes = new ReadShapes();
