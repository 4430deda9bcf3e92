/**
 * ContainerWriter: what holds other values → ops, nums, chars. Sees to order, depth and identity: a container that is met
 * again is named, not written twice, and one that changes while it is read is refused.
 *
 * JavaScript thread only. Knows neither which form a value takes nor what a reference is.
 */
import { KEPT, MAX_DEPTH, Tag } from '../../protocol/pack';
import type { PathStep } from './conversionError';
import { Identity } from './identity';
import { PackWriter } from './packWriter';
import { at, DEEP, Refusal } from './refusal';
import { type Shape, ShapeTrie } from './shapes';

export abstract class ContainerWriter extends PackWriter {
  protected depth = 0;
  private frame = 0;
  private shapeCount = 0;
  /** The shape of the last object: what followed it before is what to expect. */
  private last: Shape | undefined;
  private readonly trie = new ShapeTrie();
  private readonly identity = new Identity();
  /** Starts of the containers around the current value that must be whole before they are named. */
  private readonly open: number[] = [];
  private readonly introduced = new Map<string, number>();

  /** Writes a value in the form it takes. */
  abstract value(v: unknown): void;

  /** Starts an empty pack. */
  begin(): void {
    this.opsLen = 0;
    this.numsLen = 0;
    this.charsLen = 0;
    if (this.segments.length !== 0) this.segments = [];
    this.depth = 0;
    this.shapeCount = 0;
    this.frame++;
    this.end();
  }

  /** Forgets what only the pack under way needs. */
  protected end(): void {
    this.identity.clear();
    if (this.introduced.size !== 0) this.introduced.clear();
    // Even a store of the same length goes through the runtime.
    if (this.open.length !== 0) this.open.length = 0;
  }

  /**
   * An object's own properties. One named `__proto__` would set the prototype of an object that is read, so it goes as
   * pairs; not among keyword arguments, which no object is made of.
   */
  protected properties(o: Record<string, unknown>, keywords = false): void {
    this.enter(o);
    const keys = Object.keys(o);
    const { last } = this;
    let shape = last?.follower;
    if (shape === undefined || !sameKeys(shape.keys, keys)) {
      shape = this.trie.find(keys);
      if (last !== undefined) last.follower = shape;
    }
    this.last = shape;
    if (shape.plain || keywords) this.shaped(shape, o);
    else this.extension('js:object', o, () => this.pairs(o, keys));
    this.depth--;
  }

  protected shaped(shape: Shape, o: Record<string, unknown>): void {
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

  protected pairs(o: Record<string, unknown>, keys: readonly string[]): void {
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

  protected sequence(tag: Tag, a: unknown[]): void {
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

  protected set(tag: Tag, s: Set<unknown>): void {
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

  protected map(m: Map<unknown, unknown>): void {
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

  protected dataclass(typeName: string, fields: Record<string, unknown>, o: object): void {
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
  protected whole(tag: Tag.TUPLE | Tag.FROZENSET, o: object): void {
    if (this.met(o)) return;
    this.open.push(this.opsLen);
    if (tag === Tag.TUPLE) this.sequence(tag, o as unknown[]);
    else this.set(tag, o as Set<unknown>);
    this.open.pop();
  }

  /** A value by a converter. */
  protected extension(name: string, o: object, write: () => void): void {
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

  /** True when the container was written before: then it is named. Else it must be written now. */
  protected met(o: object): boolean {
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

  protected enter(o: object): void {
    if (++this.depth > MAX_DEPTH) throw new Refusal(o, DEEP);
  }
}

/** arg 1 of a DATACLASS. */
const CYCLIC = 1 << 8;
const CHANGED = 'it changed while it was read';
const IN_ITSELF = 'it contains itself, which a tuple, a frozenset or a converted value cannot';

// The originals: an instance may have properties of the same names.
const setItems = Set.prototype.values;
const mapEntries = Map.prototype.entries;
const sizeOfSet = sizeGetter<Set<unknown>>(Set.prototype);
const sizeOfMap = sizeGetter<Map<unknown, unknown>>(Map.prototype);

function sizeGetter<T>(prototype: object): (this: T) => number {
  return Object.getOwnPropertyDescriptor(prototype, 'size')?.get as (this: T) => number;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  const n = a.length;
  if (n !== b.length) return false;
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return false;
  return true;
}
