/**
 * Packer: JavaScript values → ops, nums, chars, segments.
 *
 * JavaScript thread only. Re-entrant: a getter or proxy trap that packs something must use another packer; `leasePacker`
 * sees to that. Knows nothing of frames, transports or what a reference is.
 */
import { types } from 'node:util';
import { MAX_DEPTH, Tag, WIDE_ARG } from '../../protocol/pack';
import { PyByteArray, PyDataclass, PyFrozenSet, PyTuple } from './carriers';
import { allocateChars, type CharBuffer } from './charBuffer';
import type { PathStep } from './conversionError';
import { dataclassName } from './dataclasses';
import type { RefContext } from './refContext';
import { at, DEEP, hintFor, isRealmRoot, type PathRoot, Refusal } from './refusal';
import { type Shape, ShapeTrie } from './shapes';

/** Bytes from this length on travel as their own segment. */
const SEGMENT_FROM = 64 * 1024;
/** Below this length a loop over the characters beats a call into the runtime. */
const SHORT_STRING = 24;
/** Scratch larger than this is given back after use. */
const KEEP_ELEMENTS = 1 << 22;
const FIRST_ELEMENTS = 1024;
const FIRST_CHARS = 8192;
const NOT_LATIN1 = /[^\u0000-\u00ff]/;

const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;

export class Packer {
  ops = new Int32Array(FIRST_ELEMENTS);
  nums = new Float64Array(FIRST_ELEMENTS);
  chars: CharBuffer = allocateChars(FIRST_CHARS);
  opsLen = 0;
  numsLen = 0;
  charsLen = 0;
  segments: Uint8Array[] = [];
  /** Changes whenever one of the arrays is replaced. */
  generation = 0;

  private refs!: RefContext;
  private depth = 0;
  private frame = 0;
  private shapeCount = 0;
  private readonly inline: (Shape | undefined)[] = [];
  private readonly trie = new ShapeTrie();

  /**
   * Packs one value, replacing what was packed before.
   *
   * @throws ConversionError for a value without a form in Python; what a getter throws passes unchanged
   */
  pack(value: unknown, refs: RefContext, root: PathRoot = 'value'): void {
    this.begin(refs);
    try {
      this.value(value);
    } catch (error) {
      throw error instanceof Refusal ? error.toError(root) : error;
    }
  }

  /** Starts an empty pack; the caller adds values itself with {@link value} and {@link op}. */
  begin(refs: RefContext): void {
    this.opsLen = 0;
    this.numsLen = 0;
    this.charsLen = 0;
    if (this.segments.length !== 0) this.segments = [];
    this.refs = refs;
    this.depth = 0;
    this.shapeCount = 0;
    this.frame++;
  }

  /** Packs a call's payload, (name, args, kwargs, site), without making the tuples that hold it. */
  call(
    name: string | null,
    args: readonly unknown[],
    kwargs: Record<string, unknown> | null,
    site: string | null,
    refs: RefContext,
    root: PathRoot,
  ): void {
    this.begin(refs);
    let part = 0;
    let i = 0;
    try {
      this.raw(CALL_TUPLE);
      if (name === null) this.raw(Tag.NONE);
      else this.string(name);
      part = 1;
      this.op(Tag.TUPLE, args.length);
      for (; i < args.length; i++) this.value(args[i]);
      part = 2;
      if (kwargs === null) this.raw(Tag.NONE);
      else this.plain(kwargs);
      if (site === null) this.raw(Tag.NONE);
      else this.string(site);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (part === 1) error.steps.push(i);
      error.steps.push(part);
      throw error.toError(root);
    }
  }

  /** Gives memory back after an unusually large pack. */
  trim(): void {
    if (this.segments.length !== 0) this.segments = [];
    if (this.ops.length + this.nums.length + this.chars.length < KEEP_ELEMENTS) return;
    this.ops = new Int32Array(FIRST_ELEMENTS);
    this.nums = new Float64Array(FIRST_ELEMENTS);
    this.chars = allocateChars(FIRST_CHARS);
    this.generation++;
  }

  value(v: unknown): void {
    // Comparisons one by one compile to checks of the tag; a switch over `typeof` makes the string first.
    if (typeof v === 'number') this.number(v);
    else if (typeof v === 'string') this.string(v);
    else if (typeof v === 'object') {
      if (v === null) this.raw(Tag.NONE);
      else this.object(v);
    } else if (typeof v === 'boolean') this.raw(v ? Tag.TRUE : Tag.FALSE);
    else if (v === undefined) this.raw(Tag.UNDEFINED);
    else if (typeof v === 'bigint') this.bigint(v);
    else this.reference(v);
  }

  /** Adds an op with an unsigned argument. */
  op(tag: Tag, arg: number): void {
    if (arg < WIDE_ARG) return this.raw(tag | (arg << 8));
    this.raw(tag | (WIDE_ARG << 8));
    this.raw(arg | 0);
  }

  private raw(op: number): void {
    const at = this.opsLen;
    if (at === this.ops.length) this.growOps();
    this.ops[at] = op;
    this.opsLen = at + 1;
  }

  private num(v: number): void {
    const at = this.numsLen;
    if (at === this.nums.length) this.growNums(at + 1);
    this.nums[at] = v;
    this.numsLen = at + 1;
  }

  private number(v: number): void {
    const small = (v << 8) >> 8;
    if (small === v && (v !== 0 || 1 / v > 0)) return this.raw(Tag.INT | (small << 8));
    // Zero comes here only as -0, which Python has as a float alone.
    this.raw(v !== 0 && Number.isSafeInteger(v) ? Tag.INT53 : Tag.FLOAT);
    this.num(v);
  }

  private string(s: string): void {
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

  private wideString(s: string): void {
    const bytes = s.length * 2;
    const at = this.charsLen;
    if (at + bytes > this.chars.length) this.growChars(at + bytes);
    // `ucs2Write` keeps lone surrogates; it takes an odd offset.
    this.chars.ucs2Write(s, at, bytes);
    this.charsLen = at + bytes;
    this.op(Tag.STR16, s.length);
  }

  private bigint(v: bigint): void {
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

  private object(o: object): void {
    const prototype = Object.getPrototypeOf(o);
    if (prototype === objectPrototype) this.plain(o as Record<string, unknown>);
    else if (prototype === arrayPrototype) this.array(o as unknown[]);
    else this.special(o, prototype);
  }

  private plain(o: Record<string, unknown>): void {
    this.enter(o);
    const keys = Object.keys(o);
    const depth = this.depth;
    let shape = this.inline[depth];
    if (shape === undefined || !sameKeys(shape.keys, keys)) {
      shape = this.trie.find(keys);
      this.inline[depth] = shape;
    }
    if (shape.plain) {
      if (shape.frame === this.frame) this.op(Tag.OBJECT, shape.id);
      else this.define(shape);
      shape.write(this, o);
    } else this.pairs(o, keys);
    this.depth--;
  }

  /** An object whose keys would change order or meaning in an object. */
  private pairs(o: Record<string, unknown>, keys: readonly string[]): void {
    this.op(Tag.MAP, keys.length);
    let i = 0;
    try {
      for (; i < keys.length; i++) {
        this.string(keys[i]);
        this.value(o[keys[i]]);
      }
    } catch (error) {
      throw at(error, keys[i], o);
    }
  }

  private define(shape: Shape): void {
    const { keys } = shape;
    this.op(Tag.SHAPE, keys.length);
    for (let i = 0; i < keys.length; i++) this.string(keys[i]);
    shape.frame = this.frame;
    shape.id = this.shapeCount++;
  }

  private array(a: unknown[]): void {
    const n = a.length;
    if (n !== 0 && typeof a[0] === 'number' && this.floats(a, n)) return;
    this.enter(a);
    this.op(Tag.LIST, n);
    this.items(a, n);
    this.depth--;
  }

  private items(a: unknown[], n: number): void {
    let i = 0;
    try {
      for (; i < n; i++) {
        const item = a[i];
        if (item === undefined && !(i in a))
          throw new Refusal(item, 'a hole in a sparse array', 'fill it first');
        this.value(item);
      }
    } catch (error) {
      throw at(error, i, a);
    }
  }

  /** An array of numbers of which one is no integer goes as floats, as a whole. */
  private floats(a: unknown[], n: number): boolean {
    const start = this.numsLen;
    if (start + n > this.nums.length) this.growNums(start + n);
    const nums = this.nums;
    let integers = true;
    for (let i = 0; i < n; i++) {
      const v = a[i];
      if (typeof v !== 'number') return false;
      nums[start + i] = v;
      if (integers && (!Number.isSafeInteger(v) || Object.is(v, -0))) integers = false;
    }
    if (integers) return false;
    this.numsLen = start + n;
    this.op(Tag.FLOATS, n);
    return true;
  }

  private special(o: object, prototype: object | null): void {
    if (prototype === null) return this.plain(o as Record<string, unknown>);
    if (o instanceof Uint8Array) return this.bytes(o);
    if (prototype === PyTuple.prototype) return this.sequence(Tag.TUPLE, o as unknown[]);
    if (prototype === Map.prototype) return this.map(o as Map<unknown, unknown>);
    if (prototype === Set.prototype) return this.set(Tag.SET, o as Set<unknown>);
    if (prototype === PyFrozenSet.prototype) return this.set(Tag.FROZENSET, o as Set<unknown>);
    if (prototype === PyDataclass.prototype) {
      return this.dataclass((o as PyDataclass).type, (o as PyDataclass).fields, o);
    }
    const typeName = dataclassName(prototype);
    if (typeName !== undefined) return this.dataclass(typeName, o as Record<string, unknown>, o);
    if (o instanceof Float64Array || o instanceof Float32Array) return this.floatArray(o);
    this.foreign(o, prototype);
  }

  /** What may still be a reference, or a plain value made in another realm (`vm`, a debugger's evaluation). */
  private foreign(o: object, prototype: object): void {
    const ref = this.refs.refOf(o);
    if (ref !== undefined) return this.ref(ref.kind, ref.handle);
    if (Array.isArray(o) && Object.getPrototypeOf(Object.getPrototypeOf(prototype) ?? {}) === null) {
      return this.array(o);
    }
    if (types.isMap(o) && isRealmRoot(prototype, 'Map')) return this.map(o);
    if (types.isSet(o) && isRealmRoot(prototype, 'Set')) return this.set(Tag.SET, o);
    if (isRealmRoot(prototype, 'Object')) return this.plain(o as Record<string, unknown>);
    throw new Refusal(o, undefined, hintFor(o));
  }

  private reference(v: unknown): void {
    const ref = typeof v === 'symbol' ? undefined : this.refs.refOf(v);
    if (ref === undefined) throw new Refusal(v, undefined, 'pass a ref or a plain value');
    this.ref(ref.kind, ref.handle);
  }

  private ref(kind: number, handle: number): void {
    this.op(Tag.REF, kind);
    this.num(handle);
  }

  private bytes(b: Uint8Array): void {
    const n = b.byteLength;
    if (b instanceof PyByteArray) this.op(Tag.BYTEARRAY, n);
    else if (n >= SEGMENT_FROM) {
      this.op(Tag.SEGMENT, this.segments.length);
      this.segments.push(b);
      return;
    } else this.op(Tag.BYTES, n);
    const at = this.charsLen;
    if (at + n > this.chars.length) this.growChars(at + n);
    this.chars.set(b, at);
    this.charsLen = at + n;
  }

  private floatArray(a: Float64Array | Float32Array): void {
    const at = this.numsLen;
    if (at + a.length > this.nums.length) this.growNums(at + a.length);
    this.nums.set(a, at);
    this.numsLen = at + a.length;
    this.op(Tag.FLOATS, a.length);
  }

  private sequence(tag: Tag, a: unknown[]): void {
    this.enter(a);
    const n = a.length;
    this.op(tag, n);
    this.items(a, n);
    this.depth--;
  }

  private set(tag: Tag, s: Set<unknown>): void {
    this.enter(s);
    this.op(tag, s.size);
    const before = s.size;
    let i = 0;
    try {
      for (const item of s) {
        this.value(item);
        i++;
      }
      if (i !== before) throw new Refusal(s, 'changed while it was read');
    } catch (error) {
      throw at(error, `<item ${i}>`, s);
    }
    this.depth--;
  }

  private map(m: Map<unknown, unknown>): void {
    this.enter(m);
    const before = m.size;
    this.op(Tag.MAP, before);
    let i = 0;
    let step: PathStep = '<key 0>';
    try {
      for (const [key, item] of m) {
        step = `<key ${i}>`;
        this.value(key);
        step = typeof key === 'string' ? key : `<value ${i}>`;
        this.value(item);
        i++;
      }
      if (i !== before) throw new Refusal(m, 'changed while it was read');
    } catch (error) {
      throw at(error, step, m);
    }
    this.depth--;
  }

  private dataclass(typeName: string, fields: Record<string, unknown>, o: object): void {
    const keys = Object.keys(fields);
    const shape = this.trie.find(keys);
    if (!shape.plain) throw new Refusal(o, 'a field name is no identifier');
    this.enter(fields);
    this.op(Tag.DATACLASS, 0);
    this.string(typeName);
    if (shape.frame === this.frame) this.op(Tag.OBJECT, shape.id);
    else this.define(shape);
    shape.write(this, fields);
    this.depth--;
  }

  private enter(o: object): void {
    if (++this.depth > MAX_DEPTH) throw new Refusal(o, DEEP);
  }

  private growOps(): void {
    const ops = new Int32Array(this.ops.length * 2);
    ops.set(this.ops);
    this.ops = ops;
    this.generation++;
  }

  private growNums(need: number): void {
    const nums = new Float64Array(Math.max(need, this.nums.length * 2));
    nums.set(this.nums.subarray(0, this.numsLen));
    this.nums = nums;
    this.generation++;
  }

  private growChars(need: number): void {
    const chars = allocateChars(Math.max(need, this.chars.length * 2));
    chars.set(this.chars.subarray(0, this.charsLen));
    this.chars = chars;
    this.generation++;
  }
}

const CALL_TUPLE = Tag.TUPLE | (4 << 8);
function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  const n = a.length;
  if (n !== b.length) return false;
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return false;
  return true;
}

const idle: Packer[] = [];

/** Runs `use` with a packer nobody else uses meanwhile. */
export function leasePacker<R>(use: (packer: Packer) => R): R {
  const packer = idle.pop() ?? new Packer();
  try {
    return use(packer);
  } finally {
    packer.trim();
    idle.push(packer);
  }
}
