/** Random values for the codec's property tests: every type it converts, nested, shared and cyclic. */
import fc from 'fast-check';
import {
  NdArray,
  PyByteArray,
  PyComplex,
  PyConverted,
  PyDataclass,
  PyDate,
  PyDateTime,
  PyDecimal,
  PyEllipsis,
  PyEnum,
  PyFloat,
  PyFraction,
  PyFrozenSet,
  PyNamedTuple,
  PyNotImplemented,
  PyPath,
  PyRange,
  PySlice,
  PyString,
  PyTime,
  PyTimeDelta,
  PyTimeZone,
  PyUUID,
  tuple,
} from '../../extension/bridge/codec';

/** How often a property is tried: more in the long form. */
export function runs(usual: number, full: number): number {
  return process.env.SYMPHONY_FULL === '1' ? full : usual;
}

const int = (min: number, max: number) => fc.integer({ min, max });

/** What both languages order, hash and compare alike. */
export const keys = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.integer(),
  fc.constantFrom('__proto__', 'constructor', '7'),
);

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: int(0xd7f0, 0xe00f).map((c) => String.fromCharCode(c)), maxLength: 6 }),
);

const zone = fc.oneof(
  fc.constant(null),
  fc.constant(PyTimeZone.utc),
  fc
    .tuple(int(-86_000, 86_000), fc.option(fc.constantFrom('A', 'Zürich')))
    .map(([s, n]) => new PyTimeZone(s * 1e6, n)),
);

const clock = [
  int(0, 23),
  int(0, 59),
  int(0, 59),
  int(0, 999_999),
  fc.constantFrom<0 | 1>(0, 1),
  zone,
] as const;
const day = [int(1, 9999), int(1, 12), int(1, 28)] as const;

const typedArray = fc.oneof(
  fc.int8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })).map((items) => BigInt64Array.from(items)),
);

const bytes = fc.uint8Array({ maxLength: 12 });

const memory = fc.oneof(
  typedArray,
  bytes,
  bytes.map((b) => Buffer.from(b)),
  bytes.map((b) => PyByteArray.from(b)),
  bytes.map((b) => new DataView(b.slice().buffer)),
  bytes.map((b) => b.slice().buffer),
  bytes.map((b) => {
    const shared = new SharedArrayBuffer(b.length);
    new Uint8Array(shared).set(b);
    return shared;
  }),
  fc.tuple(int(0, 3), int(0, 3), fc.constantFrom<'C' | 'F'>('C', 'F')).map(
    ([rows, columns, order]) =>
      new NdArray(
        {
          kind: 'ndarray',
          format: '<u2',
          shape: [rows, columns],
          order: rows > 1 && columns > 1 ? order : 'C',
          readonly: false,
        },
        new Uint8Array(rows * columns * 2).fill(7),
      ),
  ),
);

const carrier = fc.oneof(
  fc.tuple(fc.double(), fc.double()).map(([re, im]) => new PyComplex(re, im)),
  fc.tuple(fc.bigInt(), int(100, 999)).map(([whole, part]) => new PyDecimal(`${whole}.${part}`)),
  fc.tuple(fc.bigInt(), fc.bigInt({ min: 1n })).map(([a, b]) => new PyFraction(a, b)),
  fc.uuid().map((id) => new PyUUID(id)),
  fc.constantFrom('/a', 'b c', '.', 'ä').map((path) => new PyPath(path, 'PurePosixPath')),
  fc.tuple(...day, ...clock).map((parts) => new PyDateTime(...parts)),
  fc.tuple(...day).map((parts) => new PyDate(...parts)),
  fc.tuple(...clock).map((parts) => new PyTime(...parts)),
  fc.tuple(int(-999_999, 999_999), int(0, 86_399), int(0, 999_999)).map((parts) => new PyTimeDelta(...parts)),
  fc.tuple(fc.integer(), fc.integer(), int(1, 99)).map((parts) => new PyRange(...parts)),
  fc
    .tuple(fc.option(fc.integer()), fc.option(fc.integer()), fc.constant(null))
    .map((parts) => new PySlice(...parts)),
  fc.constantFrom(PyEllipsis, PyNotImplemented, new PyString('\ud83d\ude00'), new PyString('x\udbff\udfff')),
  fc.date({ min: new Date(-6e13), max: new Date(2.5e14), noInvalidDate: true }),
);

const leaf = fc.oneof(
  { arbitrary: fc.constantFrom(null, undefined, true, false), weight: 2 },
  { arbitrary: fc.oneof(fc.integer(), fc.maxSafeInteger()), weight: 3 },
  { arbitrary: fc.double(), weight: 2 },
  { arbitrary: fc.bigInt(), weight: 1 },
  { arbitrary: text, weight: 3 },
  { arbitrary: fc.array(fc.double(), { maxLength: 5 }), weight: 1 },
  { arbitrary: memory, weight: 2 },
  { arbitrary: carrier, weight: 3 },
);

const properties = <T>(item: fc.Arbitrary<T>) =>
  fc.dictionary(fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('__proto__', '12', 'toString')), item, {
    noNullPrototype: true,
    maxKeys: 5,
  });

/** Trees of values that Python has, too. */
export const trees: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    fc.array(tie('any'), { maxLength: 5 }),
    fc.array(tie('any'), { maxLength: 5 }).map((items) => tuple(...items)),
    properties(tie('any')),
    fc.array(keys, { maxLength: 5 }).map((items) => new Set(items)),
    fc.array(keys, { maxLength: 5 }).map((items) => new PyFrozenSet(items)),
    fc.array(fc.tuple(keys, tie('any')), { maxLength: 5 }).map((pairs) => new Map(pairs)),
  ),
})).any;

/** As {@link trees}, with types whose Python classes need not exist. */
export const foreignTrees: fc.Arbitrary<unknown> = fc.oneof(
  trees,
  properties(trees).map((fields) => new PyDataclass('m:C', fields)),
  trees.map((value) => new PyEnum('m:E', 'A', value)),
  trees.map((value) => new PyConverted('nobody.has.this', value)),
  fc.tuple(trees, trees).map((items) => PyNamedTuple.make('m:T', ['a', 'b'], items)),
  fc.array(fc.tuple(trees, trees), { maxLength: 3 }).map((pairs) => new Map(pairs)),
  fc.array(trees, { maxLength: 3 }).map((items) => new Set(items)),
  fc
    .integer()
    .map((value) => new PyFloat(value + 0.5))
    .map(({ value }) => value),
);

type Spec = { kind: number; links: number[]; leaf: unknown };

/** Values of containers that are met more than once, or contain themselves. */
export const graphs: fc.Arbitrary<unknown> = fc
  .array(fc.record({ kind: int(0, 3), links: fc.array(fc.nat(), { maxLength: 4 }), leaf }), {
    minLength: 1,
    maxLength: 12,
  })
  .map(build);

function build(specs: Spec[]): unknown {
  const nodes = specs.map(({ kind }) => [[] as unknown[], {}, new Map(), new PyDataclass('m:N', {})][kind]);
  specs.forEach(({ links, leaf: value }, i) => {
    const items = [value, ...links.map((link) => nodes[link % nodes.length])];
    for (const [at, item] of items.entries()) put(nodes[i], at, item);
  });
  return nodes[0];
}

function put(node: unknown, at: number, item: unknown): void {
  if (Array.isArray(node)) node.push(item);
  // A Map of text would go by a converter, and that cannot contain itself.
  else if (node instanceof Map) node.set(at, item);
  else if (node instanceof PyDataclass) node.fields[`f${at}`] = item;
  else (node as Record<string, unknown>)[`k${at}`] = item;
}

/** How many values a tree is: itself and all inside it. */
export function countOf(value: unknown): number {
  if (!isHolder(value)) return 1;
  const parts = value instanceof Map ? [...value].flat() : Object.values(value);
  const items = value instanceof Set ? [...value] : parts;
  return items.reduce<number>((sum, item) => sum + countOf(item), 1);
}

function isHolder(value: unknown): value is object {
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return true;
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** True when the containers of both sides are shared alike. */
export function sharedAlike(a: unknown, b: unknown, met = new Map<unknown, unknown>()): boolean {
  if (typeof a !== 'object' || a === null || ArrayBuffer.isView(a)) return true;
  if (typeof b !== 'object' || b === null) return false;
  // Python need not keep immutable values apart or together.
  if (!isContainer(a)) return true;
  if (met.has(a)) return met.get(a) === b;
  met.set(a, b);
  const [left, right] = [partsOf(a), partsOf(b)];
  return left.length === right.length && left.every((part, i) => sharedAlike(part, right[i], met));
}

function isContainer(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return [Array, Map, Set, PyDataclass, Object].some((Class) => Class.prototype === prototype);
}

function partsOf(value: object): unknown[] {
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  if (value instanceof PyDataclass) return Object.values(value.fields);
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
    ? Object.values(value)
    : [];
}
