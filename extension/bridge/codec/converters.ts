/**
 * Converters that users add: how values of a class cross as something else, and come back. One registry per JavaScript
 * thread. Knows nothing of packs.
 */
import { ConversionError } from './conversionError';

// biome-ignore lint/suspicious/noExplicitAny: any class may be matched, it is never called here.
type AnyClass<T> = abstract new (...args: any[]) => T;

/**
 * Converts values of one kind.
 *
 * @typeParam T the values
 * @typeParam P their plain form: anything that crosses by itself
 */
export interface Converter<T extends object = object, P = unknown> {
  /** Names the converter on both sides: Python's `symphony_bridge.convert.register` takes the same name. */
  name: string;
  /**
   * What it converts on the way to Python: instances of a class, or objects that a predicate accepts. Left out: it only
   * reads what comes from Python.
   */
  match?: AnyClass<T> | ((value: object) => boolean);
  /** Left out: it only reads. */
  toPlain?(value: T): P;
  /** Left out: what comes from Python arrives as a `PyConverted`. */
  fromPlain?(plain: P): T;
  /**
   * Of two that match, the higher one converts; of equal ones a class before the class it extends, a class before a
   * predicate, then the later one. Above 0 it is asked for every object, plain ones included, which costs time in every
   * call; at 0 (the default) before `registerDataclass` and errors; below 0 for what would cross by reference.
   */
  priority?: number;
}

/** A converter as the packer uses it. */
export interface Entry {
  readonly name: string;
  /** What `toPlain` gives is written as it is, without the converter's name. */
  readonly direct?: boolean;
  matches(value: object): boolean;
  toPlain(value: object): unknown;
  fromPlain: ((plain: unknown) => unknown) | undefined;
  readonly priority: number;
  readonly depth: number;
}

const byName = new Map<string, Entry>();
/** Asked for every object. */
let early: readonly Entry[] = [];
/** Asked for objects of no built-in class. */
let usual: readonly Entry[] = [];
/** Asked for those without any other conversion. */
let last: readonly Entry[] = [];
const reserved = new Set<string>();

/**
 * Adds a converter, or replaces the one of the same name.
 *
 * @throws TypeError for a name of the bridge's own, and for a converter that converts neither way
 * @returns takes it out again
 */
export function registerConverter<T extends object, P = unknown>(
  converter: Converter<T, P>,
): { dispose(): void } {
  const { name, match, toPlain, fromPlain, priority = 0 } = converter;
  if (name === '' || reserved.has(name)) {
    throw new TypeError(`the converter name ${JSON.stringify(name)} is the bridge's own`);
  }
  if (
    (match === undefined) !== (toPlain === undefined) ||
    (toPlain === undefined && fromPlain === undefined)
  ) {
    throw new TypeError(`converter ${name}: it needs match and toPlain, or fromPlain, or all three`);
  }
  const entry: Entry = {
    name,
    matches: matcher(match),
    toPlain: (value) => toPlain?.call(converter, value as T),
    fromPlain: fromPlain && ((plain) => fromPlain.call(converter, plain as P)),
    priority,
    depth: isClass(match) ? classDepth(match) : 0,
  };
  return addEntry(entry);
}

/** As {@link registerConverter}, for the codec's own registries. */
export function addEntry(entry: Entry): { dispose(): void } {
  byName.delete(entry.name);
  byName.set(entry.name, entry);
  sort();
  return {
    dispose: () => {
      if (byName.get(entry.name) === entry) byName.delete(entry.name);
      sort();
    },
  };
}

/** Keeps names from users. */
export function reserveNames(names: Iterable<string>): void {
  for (const name of names) reserved.add(name);
}

/** True when some converter wants to see every object. */
export function hasEarlyConverters(): boolean {
  return early.length !== 0;
}

/** The converter that comes before every other conversion of a value. */
export function earlyConverter(value: object): Entry | undefined {
  return firstOf(early, value);
}

/** The converter of a value of no built-in class: before classes that stand for a dataclass. */
export function usualConverter(value: object): Entry | undefined {
  return firstOf(usual, value);
}

/** The converter of a value that has no other conversion. */
export function lastConverter(value: object): Entry | undefined {
  return firstOf(last, value);
}

function firstOf(entries: readonly Entry[], value: object): Entry | undefined {
  for (const entry of entries) if (entry.matches(value)) return entry;
  return undefined;
}

/** The value a user's converter makes of its plain form; undefined: there is no such converter. */
export function readConverted(name: string, plain: unknown): { value: unknown } | undefined {
  const fromPlain = byName.get(name)?.fromPlain;
  if (fromPlain === undefined) return undefined;
  try {
    return { value: fromPlain(plain) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const failed = new ConversionError(`converter ${name} cannot read its value: ${reason}`, name, name);
    failed.cause = error;
    throw failed;
  }
}

function sort(): void {
  const writers = [...byName.values()].reverse();
  // Sorting is stable: of equals the later one stays first.
  writers.sort((a, b) => b.priority - a.priority || b.depth - a.depth);
  early = writers.filter((entry) => entry.priority > 0);
  usual = writers.filter((entry) => entry.priority === 0);
  last = writers.filter((entry) => entry.priority < 0);
}

function matcher(match: Converter['match']): (value: object) => boolean {
  if (match === undefined) return () => false;
  if (isClass(match)) return (value) => value instanceof match;
  return match as (value: object) => boolean;
}

/** Arrow functions and methods have no prototype; what `function` makes counts as a class. */
function isClass(match: unknown): match is AnyClass<object> {
  return typeof match === 'function' && typeof match.prototype === 'object' && match.prototype !== null;
}

function classDepth(made: AnyClass<object>): number {
  let depth = 0;
  for (let p: unknown = made.prototype; p !== null; p = Object.getPrototypeOf(p)) depth++;
  return depth;
}
