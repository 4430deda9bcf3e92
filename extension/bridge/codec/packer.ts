/**
 * Packer: JavaScript values → ops, nums, chars, segments.
 *
 * JavaScript thread only. Re-entrant: a getter or proxy trap that packs something must use another packer; `leasePacker`
 * sees to that. Knows nothing of frames, transports or what a reference is.
 */
import { types } from 'node:util';
import { MAX_DEPTH, Tag } from '../../protocol/pack';
import { PyDataclass, PyFrozenSet, PyTuple } from './carriers';
import type { PathStep } from './conversionError';
import { dataclassName } from './dataclasses';
import { PackWriter } from './packWriter';
import type { RefContext, WireRef } from './refContext';
import { at, DEEP, hintFor, isRealmRoot, type PathRoot, Refusal } from './refusal';
import { type Shape, ShapeTrie } from './shapes';

const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;

export class Packer extends PackWriter {
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
    if (ref !== undefined) return this.ref(ref);
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
    this.ref(ref);
  }

  private ref(ref: WireRef): void {
    this.op(ref.own ? Tag.REF : Tag.PROXY, ref.own ? 0 : ref.traits);
    this.num(ref.handle);
    if (!ref.own) this.string(ref.label);
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
