/**
 * Unpacker: ops, nums, chars, segments → JavaScript values.
 *
 * JavaScript thread only. Reads one value to its end before anybody else may use it; knows nothing of frames or
 * transports.
 */
import { KEPT, MAX_DEPTH, Tag } from '../../protocol/pack';
import { readBuiltin, SCALAR } from './builtinConverters';
import { PyByteArray, PyConverted, PyDataclass, PyFloat, PyFrozenSet, PyTuple } from './carriers';
import { FrameError } from './conversionError';
import { readConverted } from './converters';
import { dataclassPrototype } from './dataclasses';
import { PackCursor, type PackView } from './packCursor';
import { type Reader, type ReadShape, ReadShapes } from './readShapes';
import type { RefContext } from './refContext';

/** What a call is meant for, as far as reading its arguments depends on it. */
export interface Callee {
  /** Integral floats arrive as `PyFloat`, NumPy's scalars as `NdArray`. */
  readonly strict: boolean;
}

/** Who knows what is called. */
export interface CalleeFinder<C extends Callee> {
  /** Finds what a call is meant for: an object by its handle, 0 for an exposed function. Never throws. */
  find(target: number, name: string | null): C;
}

/** A call as it was read. */
export interface ReadCall<C extends Callee> {
  callee: C;
  args: unknown[];
  kwargs: Record<string, unknown> | null;
}

export class Unpacker extends PackCursor implements Reader {
  private depth = 0;
  private strict = false;
  private readonly shapes: ReadShape[] = [];
  private readonly converters: string[] = [];
  /** Containers that are met again, by the index of their op; those that must be whole first are {@link UNFINISHED}. */
  private readonly kept = new Map<number, unknown>();
  private refs!: RefContext;

  /**
   * Reads the one value of a pack.
   *
   * @param strict integral floats arrive as `PyFloat`
   * @throws FrameError when the pack is malformed; ConversionError when a user's converter fails
   */
  unpack(view: PackView, refs: RefContext, strict = false): unknown {
    this.begin(view, refs, strict);
    return this.ended(this.value());
  }

  /** Reads the payload of a call, (name, args, kwargs, site): first what is called. @throws as {@link unpack} */
  unpackCall<C extends Callee>(
    view: PackView,
    refs: RefContext,
    target: number,
    finder: CalleeFinder<C>,
  ): ReadCall<C> {
    this.begin(view, refs, false);
    if (this.tupleLength() !== CALL_PARTS) throw new FrameError('malformed pack: a call has four parts');
    const callee = finder.find(target, this.value() as string | null);
    this.strict = callee.strict;
    const args = this.plainTuple() as unknown[];
    const kwargs = this.value() as Record<string, unknown> | null;
    this.value();
    return this.ended({ callee, args, kwargs });
  }

  private begin(view: PackView, refs: RefContext, strict: boolean): void {
    this.start(view);
    this.depth = 0;
    this.strict = strict;
    // Even a store of the same length goes through the runtime.
    if (this.shapes.length !== 0) this.shapes.length = 0;
    if (this.converters.length !== 0) this.converters.length = 0;
    if (this.kept.size !== 0) this.kept.clear();
    this.refs = refs;
  }

  private ended<T>(value: T): T {
    if (this.o !== this.oEnd)
      throw new FrameError(`malformed pack: ${this.oEnd - this.o} ops after the value`);
    if (this.kept.size !== 0) this.kept.clear();
    return value;
  }

  /** The length of a tuple that is no value of its own: its parts follow. */
  private tupleLength(): number {
    const op = this.next();
    if ((op & 0xff) !== Tag.TUPLE) throw new FrameError('malformed pack: a call without its parts');
    const n = this.arg(op);
    this.count(n);
    return n;
  }

  /** The arguments of a call: an array, because a tuple would have to be frozen. */
  private plainTuple(): unknown {
    // A tuple that is met again, maybe inside itself, has to be one.
    if ((this.ops[this.o] & 0xff) !== Tag.TUPLE) return this.value();
    const items: unknown[] = [];
    const n = this.tupleLength();
    for (let i = 0; i < n; i++) items.push(this.value());
    return items;
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
        return this.num();
      case Tag.FLOAT:
        return this.strict ? exactFloat(this.num()) : this.num();
      case Tag.FLOATS:
        return this.numbers(this.arg(op));
      case Tag.STR:
        return this.latin1(this.arg(op));
      case Tag.STR16:
        return this.utf16(this.arg(op));
      case Tag.BIGINT:
        return this.bigint(this.arg(op));
      case Tag.BYTES:
        return this.bytes(this.arg(op));
      case Tag.BYTEARRAY:
        return new PyByteArray(this.bytes(this.arg(op)).buffer);
      case Tag.SEGMENT:
        return this.segment(this.arg(op));
      case Tag.LIST:
        return this.list([], this.arg(op));
      case Tag.TUPLE:
        return Object.freeze(this.list(new PyTuple(), this.arg(op)));
      case Tag.SET:
        return this.set(new Set(), this.arg(op));
      case Tag.FROZENSET:
        return this.set(new PyFrozenSet(), this.arg(op));
      case Tag.MAP:
        return this.map(new Map(), this.arg(op));
      case Tag.SHAPE:
      case Tag.OBJECT:
        return this.object(this.shape(op));
      case Tag.DATACLASS:
        return this.dataclass(-1);
      case Tag.REF:
        return this.refs.ownValue(this.num());
      case Tag.PROXY:
        return this.refs.makeProxy(this.num(), this.arg(op), this.key());
      case Tag.BACK:
        return this.back(this.arg(op));
      case Tag.EXT:
        return this.extension(this.arg(op));
      default:
        if ((op & KEPT) !== 0) return this.keep(op, this.o - 1 - this.oStart);
        throw new FrameError(`malformed pack: unknown tag ${op & 0xff}`);
    }
  }

  /** A container that is met again later, maybe inside itself. */
  private keep(op: number, index: number): unknown {
    const { kept } = this;
    const early = <T>(container: T): T => {
      kept.set(index, container);
      return container;
    };
    const tag = op & 0xff & ~KEPT;
    switch (tag) {
      case Tag.LIST:
        return this.list(early([]), this.arg(op));
      case Tag.FLOATS:
        return early(this.numbers(this.arg(op)));
      case Tag.SET:
        return this.set(early(new Set()), this.arg(op));
      case Tag.MAP:
        return this.map(early(new Map()), this.arg(op));
      case Tag.SHAPE:
      case Tag.OBJECT:
        return this.fill(this.shape(op & ~KEPT), early({}));
      case Tag.DATACLASS:
        return this.dataclass(index);
    }
    if (!WHOLE.has(tag)) throw new FrameError(`malformed pack: unknown tag ${op & 0xff}`);
    kept.set(index, UNFINISHED);
    // Read as if it were met once: its op is the one before.
    const value = this.whole(tag, op);
    kept.set(index, value);
    return value;
  }

  private whole(tag: number, op: number): unknown {
    if (tag === Tag.TUPLE) return Object.freeze(this.list(new PyTuple(), this.arg(op)));
    if (tag === Tag.FROZENSET) return this.set(new PyFrozenSet(), this.arg(op));
    if (tag === Tag.EXT) return this.extension(this.arg(op));
    return new PyByteArray(this.bytes(this.arg(op)).buffer);
  }

  private back(index: number): unknown {
    const value = this.kept.get(index);
    if (value === undefined || value === UNFINISHED) {
      throw new FrameError(`malformed pack: no container at op ${index}`);
    }
    return value;
  }

  private extension(arg: number): unknown {
    if (arg === 0) this.converters.push(this.key());
    const name = this.converters[arg === 0 ? this.converters.length - 1 : arg - 1];
    if (name === undefined) throw new FrameError(`malformed pack: no converter ${arg}`);
    this.enter();
    const plain = this.value();
    this.depth--;
    if (name === SCALAR) return this.scalar(plain);
    const made = readBuiltin(name, plain, this.strict) ?? readConverted(name, plain);
    return made === undefined ? new PyConverted(name, plain) : made.value;
  }

  /** A number of NumPy's, told both as a plain one and as it is. */
  private scalar(plain: unknown): unknown {
    if (!Array.isArray(plain) || plain.length !== 2)
      throw new FrameError('malformed pack: a scalar has two forms');
    return plain[this.strict ? 1 : 0];
  }

  private numbers(n: number): unknown[] {
    const list = this.floats(n);
    return this.strict ? list.map(exactFloat) : list;
  }

  private list<A extends unknown[]>(list: A, n: number): A {
    this.count(n);
    this.enter();
    for (let i = 0; i < n; i++) list.push(this.value());
    this.depth--;
    if (this.strict && !(list instanceof PyTuple)) keepMixed(list);
    return list;
  }

  private set<S extends Set<unknown>>(set: S, n: number): S {
    this.count(n);
    this.enter();
    for (let i = 0; i < n; i++) addToSet.call(set, this.value());
    this.depth--;
    return set;
  }

  private map(map: Map<unknown, unknown>, pairs: number): Map<unknown, unknown> {
    this.count(pairs * 2);
    this.enter();
    for (let i = 0; i < pairs; i++) {
      const key = this.value();
      map.set(key, this.value());
    }
    this.depth--;
    return map;
  }

  /** The shape of an OBJECT or SHAPE. */
  private shape(op: number): ReadShape {
    const arg = this.arg(op);
    if ((op & 0xff) === Tag.SHAPE) {
      const keys: string[] = [];
      this.count(arg);
      for (let i = 0; i < arg; i++) keys.push(this.key());
      const shape = readShapes.find(keys);
      this.shapes.push(shape);
      return shape;
    }
    if (arg >= this.shapes.length) throw new FrameError(`malformed pack: no shape ${arg}`);
    return this.shapes[arg];
  }

  private object(shape: ReadShape): Record<string, unknown> {
    this.enter();
    const o = shape.read(this);
    this.depth--;
    return o;
  }

  /** An object that must exist before its values. */
  private fill<O extends object>(shape: ReadShape, o: O): O {
    this.enter();
    shape.fill(this, o);
    this.depth--;
    return o;
  }

  /** @param index of its op, when it is met again; else -1 */
  private dataclass(index: number): object {
    const typeName = this.key();
    const op = this.next();
    const tag = op & 0xff;
    if (tag !== Tag.SHAPE && tag !== Tag.OBJECT)
      throw new FrameError('malformed pack: a dataclass without fields');
    const shape = this.shape(op);
    const prototype = dataclassPrototype(typeName);
    if (prototype !== undefined) {
      const instance: object = Object.create(prototype);
      if (index >= 0) this.kept.set(index, instance);
      return this.fill(shape, instance);
    }
    if (index < 0) return new PyDataclass(typeName, this.object(shape));
    const fields = {};
    const carrier = new PyDataclass(typeName, fields);
    this.kept.set(index, carrier);
    this.fill(shape, fields);
    return carrier;
  }

  private enter(): void {
    if (++this.depth > MAX_READ_DEPTH)
      throw new FrameError(`malformed pack: nested more than ${MAX_DEPTH} levels deep`);
  }
}

function exactFloat(v: number): number | PyFloat {
  return Number.isSafeInteger(v) && !Object.is(v, -0) ? new PyFloat(v) : v;
}

/** A list of numbers with a fraction goes back as floats, all of them; where some are ints, the fractions must say so. */
function keepMixed(list: unknown[]): void {
  let ints = false;
  let fractions = false;
  for (const item of list) {
    if (typeof item !== 'number') return;
    if (Number.isSafeInteger(item) && !Object.is(item, -0)) ints = true;
    else fractions = true;
  }
  if (!ints || !fractions) return;
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as number;
    if (!Number.isSafeInteger(item) || Object.is(item, -0)) list[i] = new PyFloat(item);
  }
}

/** A call's payload and an error's chain wrap values that were already at the limit. */
const MAX_READ_DEPTH = MAX_DEPTH + 16;
const WHOLE: ReadonlySet<number> = new Set([Tag.TUPLE, Tag.FROZENSET, Tag.EXT, Tag.BYTEARRAY]);
const CALL_PARTS = 4;
const UNFINISHED = Symbol('unfinished');
const addToSet = Set.prototype.add;
const readShapes = new ReadShapes();
