/**
 * Packer: JavaScript values → ops, nums, chars, segments.
 *
 * JavaScript thread only. Re-entrant: a getter or proxy trap that packs something must use another packer; `leasePacker`
 * sees to that. Knows nothing of frames, transports or what a reference is.
 */
import { KEPT, MAX_DEPTH, Tag } from '../../protocol/pack';
import { BufferView, viewParts } from './buffers';
import { builtinWriters } from './builtinConverters';
import { PyByteArray, PyConverted, PyDataclass, PyFloat, PyFrozenSet, PyTuple } from './carriers';
import type { PathStep } from './conversionError';
import { converterFor, type Entry, hasEarlyConverters } from './converters';
import { dataclassName } from './dataclasses';
import { enumOfSymbol } from './enums';
import { Identity } from './identity';
import { PackWriter } from './packWriter';
import { Parts } from './parts';
import { realmTwin } from './realms';
import type { RefContext } from './refContext';
import { at, DEEP, hintFor, Passing, type PathRoot, Refusal, refusalOf } from './refusal';
import { readsAsObject, type Shape, ShapeTrie } from './shapes';

const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;

export class Packer extends PackWriter {
  /** Whether `view(x)` may lend its memory: only where the receiver answers before the caller goes on. */
  lends = false;
  private refs!: RefContext;
  private depth = 0;
  private frame = 0;
  private shapeCount = 0;
  private readonly inline: (Shape | undefined)[] = [];
  private readonly trie = new ShapeTrie();
  private readonly identity = new Identity();
  /** Starts of the containers around the current value that must be whole before they are named. */
  private readonly open: number[] = [];
  private readonly introduced = new Map<string, number>();

  /**
   * Packs one value, replacing what was packed before.
   *
   * @throws ConversionError for a value without a form in Python, or that cannot be read; what `refs` throws passes unchanged
   */
  pack(value: unknown, refs: RefContext, root: PathRoot = 'value'): void {
    this.begin(refs);
    try {
      this.value(value);
      this.checkSegments();
    } catch (error) {
      throw fail(error, root);
    } finally {
      this.end();
    }
  }

  /** Starts an empty pack. */
  begin(refs: RefContext): void {
    this.opsLen = 0;
    this.numsLen = 0;
    this.charsLen = 0;
    if (this.segments.length !== 0) this.segments = [];
    this.refs = refs;
    this.depth = 0;
    this.shapeCount = 0;
    this.frame++;
    this.end();
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
      else this.properties(kwargs, true);
      if (site === null) this.raw(Tag.NONE);
      else this.string(site);
      this.checkSegments();
    } catch (error) {
      throw fail(at(part === 1 ? at(error, i) : error, part), root);
    } finally {
      this.end();
    }
  }

  /** Packs the payload of a call of the target itself without arguments: it gives nothing out. */
  bareCall(): void {
    if (this.segments.length !== 0) this.segments = [];
    const { ops } = this;
    ops[0] = CALL_TUPLE;
    ops[1] = Tag.NONE;
    ops[2] = Tag.TUPLE;
    ops[3] = Tag.NONE;
    ops[4] = Tag.NONE;
    this.opsLen = 5;
    this.numsLen = 0;
    this.charsLen = 0;
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
    if (hasEarlyConverters() && this.converted(o, converterFor(o, true))) return;
    if (prototype === objectPrototype || prototype === null) {
      if (!this.met(o)) this.properties(o as Record<string, unknown>);
    } else if (prototype === arrayPrototype) this.array(o as unknown[]);
    else if (!this.special(o, prototype)) this.foreign(o, prototype);
  }

  /**
   * An object's own properties. One named `__proto__` would set the prototype of an object that is read, so it goes as
   * pairs; not among keyword arguments, which no object is made of.
   */
  private properties(o: Record<string, unknown>, keywords = false): void {
    this.enter(o);
    const keys = Object.keys(o);
    const depth = this.depth;
    let shape = this.inline[depth];
    if (shape === undefined || !sameKeys(shape.keys, keys)) {
      shape = this.trie.find(keys);
      this.inline[depth] = shape;
    }
    if (shape.plain || keywords) this.shaped(shape, o);
    else this.extension('js:object', o, () => this.pairs(o, keys));
    this.depth--;
  }

  private shaped(shape: Shape, o: Record<string, unknown>): void {
    if (shape.frame === this.frame) this.op(Tag.OBJECT, shape.id);
    else {
      const { keys } = shape;
      this.op(Tag.SHAPE, keys.length);
      for (let i = 0; i < keys.length; i++) this.string(keys[i]);
      shape.frame = this.frame;
      shape.id = this.shapeCount++;
    }
    shape.write(this, o);
  }

  private pairs(o: Record<string, unknown>, keys: readonly string[]): void {
    this.op(Tag.MAP, keys.length);
    let i = 0;
    try {
      for (; i < keys.length; i++) {
        this.string(keys[i]);
        this.value(o[keys[i]]);
      }
    } catch (error) {
      throw at(error, keys[i]);
    }
  }

  private array(a: unknown[]): void {
    if (this.met(a)) return;
    const n = a.length;
    if (n !== 0 && typeof a[0] === 'number' && this.floats(a, n)) return;
    for (let i = 0; i < n; i++) if (a[i] === undefined && !(i in a)) return this.sparse(a, i);
    this.sequence(Tag.LIST, a);
  }

  private sequence(tag: Tag, a: unknown[]): void {
    this.enter(a);
    const n = a.length;
    this.op(tag, n);
    let i = 0;
    try {
      for (; i < n; i++) this.value(a[i]);
    } catch (error) {
      throw at(error, i);
    }
    if (a.length !== n) throw new Refusal(a, CHANGED);
    this.depth--;
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

  /** Values of the classes that have a conversion. */
  private special(o: object, prototype: object): boolean {
    if (prototype === uint8Prototype) this.bytes(o as Uint8Array);
    else if (prototype === PyFloat.prototype) this.float((o as PyFloat).value);
    else if (prototype === PyTuple.prototype) this.whole(Tag.TUPLE, o);
    else if (prototype === Map.prototype) this.mapOrConverted(o as Map<unknown, unknown>);
    else if (prototype === Set.prototype) {
      if (!this.met(o)) this.set(Tag.SET, o as Set<unknown>);
    } else if (prototype === PyFrozenSet.prototype) this.whole(Tag.FROZENSET, o);
    else if (prototype === PyByteArray.prototype) {
      if (!this.met(o)) this.bytes(o as Uint8Array);
    } else if (prototype === PyDataclass.prototype) {
      this.dataclass((o as PyDataclass).type, (o as PyDataclass).fields, o);
    } else return this.byName(o, prototype);
    return true;
  }

  private byName(o: object, prototype: object): boolean {
    const writer = builtinWriters.get(prototype);
    if (writer !== undefined) {
      if (!this.met(o)) this.extension(writer.name, o, () => this.payload(writer.toPlain(o)));
      return true;
    }
    if (prototype === PyConverted.prototype) {
      const { converter, plain } = o as PyConverted;
      if (!this.met(o)) this.extension(converter, o, () => this.value(plain));
      return true;
    }
    if (prototype === BufferView.prototype) {
      this.lend(o as BufferView);
      return true;
    }
    const typeName = dataclassName(prototype);
    if (typeName === undefined) return false;
    this.dataclass(typeName, o as Record<string, unknown>, o);
    return true;
  }

  /** A value of a class of its own, or of another realm (`vm`, a debugger's evaluation): then it may be plain. */
  private foreign(o: object, prototype: object): void {
    if (this.converted(o, converterFor(o, false))) return;
    const twin = realmTwin(o, prototype);
    if (twin === arrayPrototype) return this.array(o as unknown[]);
    if (twin === objectPrototype) {
      if (!this.met(o)) this.properties(o as Record<string, unknown>);
      return;
    }
    if (twin !== undefined && this.special(o, twin)) return;
    this.reference(o, hintFor(o));
  }

  private converted(o: object, entry: Entry | undefined): boolean {
    if (entry === undefined) return false;
    if (entry.direct) this.value(entry.toPlain(o));
    else if (!this.met(o)) this.extension(entry.name, o, () => this.value(entry.toPlain(o)));
    return true;
  }

  /** A value by a converter. */
  private extension(name: string, o: object, write: () => void): void {
    this.enter(o);
    this.open.push(this.opsLen);
    const known = this.introduced.get(name);
    if (known !== undefined) this.op(Tag.EXT, known);
    else {
      this.introduced.set(name, this.introduced.size + 1);
      this.op(Tag.EXT, 0);
      this.string(name);
    }
    write();
    this.open.pop();
    this.depth--;
  }

  /** The form of a built-in converter: tuples made for it, which nobody else knows. */
  private payload(plain: unknown): void {
    if (!(plain instanceof Parts)) return this.value(plain);
    const { items } = plain;
    this.enter(plain);
    this.op(Tag.TUPLE, items.length);
    for (let i = 0; i < items.length; i++) this.payload(items[i]);
    this.depth--;
  }

  private lend(marked: BufferView): void {
    if (!this.lends) throw new Refusal(marked.source, NOT_LENT, 'pass it without view(), as a copy');
    if (this.met(marked)) return;
    const { facts, bytes } = viewParts(marked);
    this.extension('view', marked, () => {
      this.op(Tag.TUPLE, facts.length + 1);
      for (const fact of facts) this.payload(fact);
      this.segment(bytes);
    });
  }

  private sparse(a: unknown[], hole: number): void {
    const ref = this.referenceTo(a);
    if (ref) return;
    throw at(new Refusal(undefined, 'a hole in a sparse array', 'fill it first'), hole);
  }

  private reference(v: unknown, hint = 'pass a ref or a plain value'): void {
    const member = typeof v === 'symbol' ? enumOfSymbol(v) : undefined;
    if (member !== undefined) return this.value(member);
    if (!this.referenceTo(v)) throw new Refusal(v, undefined, hint);
  }

  private referenceTo(v: unknown): boolean {
    let ref: ReturnType<RefContext['refOf']>;
    try {
      ref = this.refs.refOf(v);
    } catch (error) {
      throw new Passing(error);
    }
    if (ref === undefined) return false;
    this.op(ref.own ? Tag.REF : Tag.PROXY, ref.own ? 0 : ref.traits);
    this.num(ref.handle);
    if (!ref.own) this.string(ref.label);
    return true;
  }

  private set(tag: Tag, s: Set<unknown>): void {
    this.enter(s);
    const before = sizeOfSet.call(s);
    this.op(tag, before);
    let i = 0;
    try {
      for (const item of setItems.call(s)) {
        // A getter that adds would keep this going for ever.
        if (i++ === before) break;
        this.value(item);
      }
    } catch (error) {
      throw at(error, `<item ${i - 1}>`);
    }
    if (i !== before) throw new Refusal(s, CHANGED);
    this.depth--;
  }

  /** Many a Map would come back as an object, did it not say what it is. */
  private mapOrConverted(m: Map<unknown, unknown>): void {
    if (this.met(m)) return;
    if (readsAsObject(mapKeys.call(m))) this.extension('js:Map', m, () => this.map(m));
    else this.map(m);
  }

  private map(m: Map<unknown, unknown>): void {
    this.enter(m);
    const before = sizeOfMap.call(m);
    this.op(Tag.MAP, before);
    let i = 0;
    let step: PathStep = '<key 0>';
    try {
      for (const [key, item] of mapEntries.call(m)) {
        step = `<key ${i}>`;
        if (i++ === before) break;
        this.value(key);
        step = typeof key === 'string' ? key : `<value ${i - 1}>`;
        this.value(item);
      }
    } catch (error) {
      throw at(error, step);
    }
    if (i !== before) throw new Refusal(m, CHANGED);
    this.depth--;
  }

  private dataclass(typeName: string, fields: Record<string, unknown>, o: object): void {
    if (this.met(o)) return;
    const shape = this.trie.find(Object.keys(fields));
    this.enter(o);
    this.open.push(this.opsLen);
    this.op(Tag.DATACLASS, 0);
    this.string(typeName);
    this.shaped(shape, fields);
    this.open.pop();
    this.depth--;
  }

  /** A container that has to be whole before it is named. */
  private whole(tag: Tag.TUPLE | Tag.FROZENSET, o: object): void {
    if (this.met(o)) return;
    this.open.push(this.opsLen);
    if (tag === Tag.TUPLE) this.sequence(tag, o as unknown[]);
    else this.set(tag, o as Set<unknown>);
    this.open.pop();
  }

  /** True when the container was written before: then it is named. Else it must be written now. */
  private met(o: object): boolean {
    const start = this.identity.meet(o, this.opsLen);
    if (start < 0) return false;
    const { ops } = this;
    if (this.open.includes(start)) {
      // Only an instance can be made before its parts.
      if ((ops[start] & 0xff & ~KEPT) !== Tag.DATACLASS) throw new Refusal(o, IN_ITSELF);
      ops[start] |= CYCLIC;
    }
    ops[start] |= KEPT;
    this.op(Tag.BACK, start);
    return true;
  }

  private enter(o: object): void {
    if (++this.depth > MAX_DEPTH) throw new Refusal(o, DEEP);
  }

  /** Forgets what only the pack under way needs. */
  private end(): void {
    this.identity.clear();
    if (this.introduced.size !== 0) this.introduced.clear();
    // Even a store of the same length goes through the runtime.
    if (this.open.length !== 0) this.open.length = 0;
  }
}

const uint8Prototype = Uint8Array.prototype;
const CALL_TUPLE = Tag.TUPLE | (4 << 8);
/** arg 1 of a DATACLASS. */
const CYCLIC = 1 << 8;
const CHANGED = 'it changed while it was read';
const IN_ITSELF = 'it contains itself, which a tuple, a frozenset or a converted value cannot';
const NOT_LENT = 'only a synchronous call can lend memory';

// The originals: an instance may have properties of the same names.
const setItems = Set.prototype.values;
const mapKeys = Map.prototype.keys;
const mapEntries = Map.prototype.entries;
const sizeOfSet = sizeGetter<Set<unknown>>(Set.prototype);
const sizeOfMap = sizeGetter<Map<unknown, unknown>>(Map.prototype);

function sizeGetter<T>(prototype: object): (this: T) => number {
  return Object.getOwnPropertyDescriptor(prototype, 'size')?.get as (this: T) => number;
}

function fail(error: unknown, root: PathRoot): unknown {
  return error instanceof Passing ? error.error : refusalOf(error).toError(root);
}

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
