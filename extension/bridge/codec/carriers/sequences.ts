/**
 * Carriers of tuples, named tuples, ranges and slices. Pure data; any thread; know nothing of packs.
 */
import { type AnyInt, Carrier, quoted, written } from './carrier';

/** A Python tuple. An array in every respect; `map`, `filter` and `slice` give plain arrays. */
export class PyTuple<T = unknown> extends Array<T> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** How Python would write it. */
  override toString(): string {
    return `(${this.map(written).join(', ')}${this.length === 1 ? ',' : ''})`;
  }
}

/** Makes a {@link PyTuple} of its arguments; it cannot be changed, as in Python. */
export function tuple<T extends unknown[]>(...items: T): Readonly<PyTuple<T[number]>> {
  return Object.freeze(tupleOf(items));
}

/** A tuple of these items that may still be changed. */
export function tupleOf<T>(items: Iterable<T>): PyTuple<T> {
  // The constructor takes one number for a length.
  const made = new PyTuple<T>();
  for (const item of items) made.push(item);
  return made;
}

/** A Python named tuple: a tuple whose items have names, `point.get('x')`. */
export class PyNamedTuple<T = unknown> extends PyTuple<T> {
  /** `module:qualname` of the Python class. */
  declare readonly type: string;
  /** Names of the items, in order. */
  declare readonly names: readonly string[];

  /**
   * @throws TypeError unless there are as many names as values
   */
  static make<T>(type: string, names: Iterable<string>, values: Iterable<T>): PyNamedTuple<T> {
    const made = new PyNamedTuple<T>();
    for (const value of values) made.push(value);
    const all = Object.freeze([...names]);
    if (all.length !== made.length) {
      throw new TypeError(`${type} has ${all.length} names for ${made.length} values`);
    }
    Object.defineProperty(made, 'type', { value: type });
    Object.defineProperty(made, 'names', { value: all });
    return Object.freeze(made) as PyNamedTuple<T>;
  }

  /** The item of that name; undefined when there is none. */
  get(name: string): T | undefined {
    const at = this.names.indexOf(name);
    return at < 0 ? undefined : this[at];
  }

  /** Names and items as an object. */
  toObject(): Record<string, T> {
    return Object.fromEntries(this.names.map((name, i) => [name, this[i]]));
  }

  override toString(): string {
    const items = this.names.map((name, i) => `${name}=${written(this[i])}`);
    return `${this.type.slice(this.type.lastIndexOf(':') + 1)}(${items.join(', ')})`;
  }
}

/** A Python range: iterable, as long as it says. */
export class PyRange extends Carrier implements Iterable<AnyInt> {
  constructor(
    readonly start: AnyInt,
    readonly stop: AnyInt,
    readonly step: AnyInt = 1,
  ) {
    super();
    if (BigInt(step) === 0n) throw new RangeError('the step of a range cannot be 0');
    Object.freeze(this);
  }

  /** Number of its items. */
  get length(): number {
    const step = BigInt(this.step);
    const span = step > 0n ? BigInt(this.stop) - BigInt(this.start) : BigInt(this.start) - BigInt(this.stop);
    const size = step > 0n ? step : -step;
    return span <= 0n ? 0 : Number((span + size - 1n) / size);
  }

  /** The item at a position, from the end when negative; undefined outside. */
  at(position: number): AnyInt | undefined {
    const { length } = this;
    const i = position < 0 ? position + length : position;
    return i >= 0 && i < length ? plainInt(BigInt(this.start) + BigInt(i) * BigInt(this.step)) : undefined;
  }

  *[Symbol.iterator](): Iterator<AnyInt> {
    const { length } = this;
    for (let i = 0; i < length; i++) yield this.at(i) as AnyInt;
  }

  toString(): string {
    const step = BigInt(this.step) === 1n ? '' : `, ${this.step}`;
    return `range(${this.start}, ${this.stop}${step})`;
  }
}

/** A Python slice: `slice(start, stop, step)`, each None (null) when left out. */
export class PySlice extends Carrier {
  constructor(
    readonly start: unknown = null,
    readonly stop: unknown = null,
    readonly step: unknown = null,
  ) {
    super();
    Object.freeze(this);
  }

  /** The part of an array it means. @throws TypeError when a bound is no integer */
  of<T>(items: readonly T[]): T[] {
    const step = this.step === null ? 1 : bound(this.step);
    if (step === 0) throw new RangeError('the step of a slice cannot be 0');
    const n = items.length;
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
    const clip = (value: unknown, otherwise: number): number => {
      if (value === null) return otherwise;
      const at = bound(value);
      return Math.min(Math.max(at < 0 ? at + n : at, low), high);
    };
    const stop = clip(this.stop, step > 0 ? high : low);
    const part: T[] = [];
    for (let i = clip(this.start, step > 0 ? low : high); step > 0 ? i < stop : i > stop; i += step) {
      part.push(items[i]);
    }
    return part;
  }

  toString(): string {
    return `slice(${written(this.start)}, ${written(this.stop)}, ${written(this.step)})`;
  }
}

/** A Python str that JavaScript cannot hold as it is: two lone surrogates in a row would become one character. */
export class PyString extends Carrier {
  constructor(
    /** The code units, each a character of the Python str. */
    readonly text: string,
  ) {
    super();
    Object.freeze(this);
  }

  get length(): number {
    return this.text.length;
  }

  override valueOf(): string {
    return this.text;
  }

  toString(): string {
    return quoted(this.text);
  }
}

function plainInt(value: bigint): AnyInt {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function bound(value: unknown): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  throw new TypeError(`a bound of the slice is no integer: ${String(value)}`);
}
