/**
 * Packer: JavaScript values → ops, nums, chars, segments.
 *
 * JavaScript thread only. Re-entrant: a getter or proxy trap that packs something must use another packer; `leasePacker`
 * sees to that. Knows nothing of frames, transports or what a reference is.
 */
import { Tag } from '../../protocol/pack';
import { BufferView, viewParts } from './buffers';
import { builtinWriters } from './builtinConverters';
import { PyByteArray, PyConverted, PyDataclass, PyFloat, PyFrozenSet, PyTuple } from './carriers';
import { ContainerWriter } from './containerWriter';
import { type Entry, earlyConverter, hasEarlyConverters, lastConverter, usualConverter } from './converters';
import { dataclassName } from './dataclasses';
import { enumOfSymbol } from './enums';
import { fitsAsKey } from './keys';
import { Parts } from './parts';
import { realmTwin } from './realms';
import type { CallSite, RefContext } from './refContext';
import { at, hintFor, Passing, type PathRoot, Refusal, refusalOf } from './refusal';
import { readsAsObject } from './shapes';

const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;

export class Packer extends ContainerWriter {
  /** Whether `view(x)` may lend its memory: only where the receiver answers before the caller goes on. */
  lends = false;
  private refs!: RefContext;
  /** The pack gives the receiver something to hold. */
  private gives = false;

  /**
   * Packs one value, replacing what was packed before.
   *
   * @throws ConversionError for a value without a form in Python, or that cannot be read; what `refs` throws passes unchanged
   */
  pack(value: unknown, refs: RefContext, root: PathRoot = 'value'): void {
    this.begin();
    this.refs = refs;
    try {
      this.value(value);
      this.checkSegments();
    } catch (error) {
      throw fail(error, root);
    } finally {
      this.end();
    }
  }

  /**
   * Packs a call's payload, (name, args, kwargs, site), without making the tuples that hold it. The site is looked for
   * if it is `wanted`, or something is given that the receiver may hold.
   */
  call(
    name: string | null,
    args: readonly unknown[],
    kwargs: Record<string, unknown> | null,
    site: CallSite,
    wanted: boolean,
    refs: RefContext,
    root: PathRoot,
  ): void {
    this.begin();
    this.refs = refs;
    this.gives = false;
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
      const line = wanted || this.gives ? site.site() : null;
      if (line === null) this.raw(Tag.NONE);
      else this.string(line);
      this.checkSegments();
    } catch (error) {
      throw fail(at(part === 1 ? at(error, i) : error, part), root);
    } finally {
      this.end();
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
    if (hasEarlyConverters() && this.converted(o, earlyConverter(o))) return;
    if (prototype === objectPrototype || prototype === null) {
      if (!this.met(o)) this.properties(o as Record<string, unknown>);
    } else if (prototype === arrayPrototype) this.array(o as unknown[]);
    else if (!this.special(o, prototype)) this.foreign(o, prototype);
  }

  private array(a: unknown[]): void {
    const n = a.length;
    const floats = n !== 0 && typeof a[0] === 'number' && this.floats(a, n);
    // What goes by reference is no container that could be met again.
    if (!floats) for (let i = 0; i < n; i++) if (a[i] === undefined && !(i in a)) return this.sparse(a, i);
    if (this.met(a)) return;
    if (!floats) return this.sequence(Tag.LIST, a);
    this.numsLen += n;
    this.op(Tag.FLOATS, n);
  }

  /** Whether an array holds numbers of which one is no integer: they go as floats, as a whole, and lie ready. */
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
    return !integers;
  }

  /** Values of the classes that have a conversion. */
  private special(o: object, prototype: object): boolean {
    if (prototype === uint8Prototype) this.bytes(o as Uint8Array);
    else if (prototype === PyFloat.prototype) this.float((o as PyFloat).value);
    else if (prototype === PyTuple.prototype) this.whole(Tag.TUPLE, o);
    else if (prototype === Map.prototype) this.mapOrConverted(o as Map<unknown, unknown>);
    else if (prototype === Set.prototype) {
      const items = o as Set<unknown>;
      if (!this.keptApart(items, setKeys.call(items), setHas) && !this.met(o)) this.set(Tag.SET, items);
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
    return false;
  }

  /** A value of a class of its own, or of another realm (`vm`, a debugger's evaluation): then it may be plain. */
  private foreign(o: object, prototype: object): void {
    if (this.converted(o, usualConverter(o))) return;
    const typeName = dataclassName(prototype);
    if (typeName !== undefined) return this.dataclass(typeName, o as Record<string, unknown>, o);
    if (this.converted(o, lastConverter(o))) return;
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
    if (ref.own) return true;
    this.string(ref.label);
    this.gives = true;
    return true;
  }

  /** True for a Map or Set that no dict or set can be made of: it stays here, and Python gets a reference. */
  private keptApart<A extends object>(
    all: A,
    keys: Iterable<unknown>,
    has: (this: A, key: unknown) => boolean,
  ): boolean {
    const isKey = (key: unknown): boolean => has.call(all, key);
    for (const key of keys) if (!fitsAsKey(key, isKey)) return this.referenceTo(all);
    return false;
  }

  /** Many a Map would come back as an object, did it not say what it is. */
  private mapOrConverted(m: Map<unknown, unknown>): void {
    if (this.keptApart(m, mapKeys.call(m), mapHas) || this.met(m)) return;
    if (readsAsObject(mapKeys.call(m))) this.extension('js:Map', m, () => this.map(m));
    else this.map(m);
  }
}

const uint8Prototype = Uint8Array.prototype;
const CALL_TUPLE = Tag.TUPLE | (4 << 8);
const mapKeys = Map.prototype.keys;
const mapHas = Map.prototype.has;
const setKeys = Set.prototype.values;
const setHas = Set.prototype.has;
const NOT_LENT = 'only a synchronous call can lend memory';

function fail(error: unknown, root: PathRoot): unknown {
  return error instanceof Passing ? error.error : refusalOf(error).toError(root);
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
