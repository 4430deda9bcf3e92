/** The codec, TypeScript to TypeScript: every type comes back as itself, and what cannot cross is told by its path. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';
import fc from 'fast-check';
import {
  ConversionError,
  PyByteArray,
  PyDataclass,
  PyTuple,
  type RefContext,
  registerDataclass,
  tuple,
} from '../../extension/bridge/codec';
import { Trait } from '../../extension/protocol/pack';
import { callFrame, roundTrip } from './codecSupport';

test('numbers keep their exact value', () => {
  const exact = [
    0,
    -0,
    1,
    -1,
    2 ** 23 - 1,
    2 ** 23,
    -(2 ** 23),
    -(2 ** 23) - 1,
    2 ** 31,
    2 ** 53 - 1,
    -(2 ** 53) + 1,
  ];
  for (const n of [...exact, 2 ** 53, 1.5, 5e-324, 1.7e308, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.ok(Object.is(roundTrip(n), n), String(n));
    assert.ok(Object.is((roundTrip([n]) as number[])[0], n), `[${n}]`);
  }
});

test('integers of any size', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }), (n) => assert.equal(roundTrip(n), n)),
  );
  const huge = 3n ** 20_000n;
  assert.equal(roundTrip(-huge), -huge);
});

test('text keeps lone surrogates, in short and long strings', () => {
  for (const unit of ['\ud800', '\udfff', 'é', 'ÿ', 'Ā', '日', '😀', '\0']) {
    for (const n of [1, 7, 23, 24, 25, 100, 5000]) {
      const text = unit.repeat(n);
      assert.equal(roundTrip(text), text);
      assert.deepEqual(roundTrip([text, 'plain', `x${text}`]), [text, 'plain', `x${text}`]);
    }
  }
});

test('more text than a scratch holds', () => {
  const parts = Array.from({ length: 3000 }, (_, i) => `part ${i} ${'x'.repeat(i % 200)}`);
  assert.deepStrictEqual(roundTrip(parts), parts);
});

test('large bytes travel as segments, views only by what they show', () => {
  const memory = new Uint8Array(300_000).map((_, i) => i * 31);
  const view = memory.subarray(1000, 200_001);
  const back = roundTrip([view, Buffer.from('small'), memory]) as Uint8Array[];
  assert.deepStrictEqual(back[0], new Uint8Array(view));
  assert.deepStrictEqual(back[1], Buffer.from('small'));
  assert.deepStrictEqual(back[2], memory);
  const bytearray = new PyByteArray([1, 2, 3]);
  assert.deepStrictEqual(roundTrip(bytearray), bytearray);
});

test('an object keeps its keys and their order, index-like ones and __proto__ too', () => {
  const odd = { b: 1, 7: 2, '07': 3, '4294967295': 4 };
  assert.deepStrictEqual(roundTrip(odd), odd);
  assert.deepEqual(Object.keys(roundTrip(odd) as object), ['7', 'b', '07', '4294967295']);
  const proto = JSON.parse('{"a": 1, "__proto__": {"polluted": true}, "constructor": 2}');
  const back = roundTrip(proto) as Record<string, unknown>;
  assert.deepStrictEqual(back, proto);
  assert.equal(Object.getPrototypeOf(back), Object.prototype);
  assert.ok(Object.hasOwn(back, '__proto__') && !('polluted' in back));
});

test('objects without a prototype and of another realm are plain', () => {
  assert.deepStrictEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
  const foreign = vm.runInNewContext('({ a: [1, { b: 2 }], m: new Map([[1, new Set([2])]]) })');
  assert.deepStrictEqual(roundTrip(foreign), { a: [1, { b: 2 }], m: new Map([[1, new Set([2])]]) });
});

test('common shapes are built by generated code, with the same result', () => {
  const rows = Array.from({ length: 200 }, (_, i) => ({ id: i, name: `n${i}`, at: { x: i, y: -i } }));
  for (let i = 0; i < 3; i++) assert.deepStrictEqual(roundTrip(rows), rows);
});

test('thousands of shapes and very wide objects', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({ [`k${i}`]: i, same: 1 }));
  assert.deepStrictEqual(roundTrip(many), many);
  const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`w${i}`, i]));
  assert.deepStrictEqual(roundTrip([wide, wide]), [wide, wide]);
});

test('tuples are arrays, but map to plain ones', () => {
  const pair = roundTrip(tuple(1, 'two')) as PyTuple;
  assert.ok(pair instanceof PyTuple && Array.isArray(pair));
  const [one, two] = pair;
  assert.deepEqual([one, two], [1, 'two']);
  assert.equal(Object.getPrototypeOf(pair.map(String)), Array.prototype);
});

test('a registered dataclass comes back as its class, without its constructor', () => {
  class Point {
    static made = 0;
    constructor(
      readonly x: number,
      readonly y: number,
    ) {
      Point.made++;
    }
    get length(): number {
      return Math.hypot(this.x, this.y);
    }
  }
  const before = new Point(3, 4);
  assert.throws(() => roundTrip(before), /register a converter for its class/);
  registerDataclass('geometry:Point', Point);
  const after = roundTrip({ at: [before, before] }) as { at: Point[] };
  assert.ok(after.at[1] instanceof Point);
  assert.equal(after.at[1].length, 5);
  assert.equal(Point.made, 1);
  assert.deepStrictEqual(
    roundTrip(new PyDataclass('other:Row', { a: [1] })),
    new PyDataclass('other:Row', { a: [1] }),
  );
  assert.throws(() => registerDataclass('no colon', Point), TypeError);
});

test('what cannot cross is named by path and type', () => {
  const refused: [unknown, string][] = [
    [
      { items: [0, () => 1] },
      "cannot convert result.items[1] (type 'function'): no conversion for this type; pass a ref or a plain value",
    ],
    [{ 'a b': Symbol('s') }, `cannot convert result["a b"] (type 'symbol')`],
    [holed(), "cannot convert result[1] (type 'undefined'): a hole in a sparse array"],
    [new Map([['k', [new Date(Number.NaN)]]]), "cannot convert result.k[0] (type 'Date'): an invalid Date"],
    [new Map([[{ a: () => 1 }, 1]]), "cannot convert result<key 0>.a (type 'function')"],
    [new Set([1, new (class Odd {})()]), "cannot convert result<item 1> (type 'Odd')"],
    [/expression/, "cannot convert result (type 'RegExp')"],
    [
      new PyDataclass('m:T', { f: Promise.resolve() }),
      "cannot convert result.f (type 'Promise'): no conversion for this type; await it first",
    ],
  ];
  for (const [value, message] of refused) {
    assert.throws(
      () => roundTrip(value),
      (error) =>
        error instanceof ConversionError && error.code === 'conversion' && error.message.startsWith(message),
      message,
    );
  }
});

test('arguments are named as the caller wrote them', () => {
  const call = (args: unknown[], kwargs: Record<string, unknown> | null) => () =>
    callFrame('m:f', args, kwargs, null);
  assert.throws(call([1, { a: () => 1 }], null), /cannot convert args\[1\]\.a /);
  assert.throws(call([], { depth: Symbol() }), /cannot convert kwargs\.depth /);
});

test('a getter may pack something itself', () => {
  const value = {
    before: 'b',
    get inner() {
      return roundTrip({ deep: [1.5, 'text'] });
    },
    after: ['a'],
  };
  assert.deepStrictEqual(roundTrip([value, value]), [
    { before: 'b', inner: { deep: [1.5, 'text'] }, after: ['a'] },
    { before: 'b', inner: { deep: [1.5, 'text'] }, after: ['a'] },
  ]);
});

test('references are asked of the session, and made by it', () => {
  class Proxy7 {}
  const refs: RefContext = {
    refOf: (value) =>
      value instanceof Proxy7
        ? { own: true, handle: 7 }
        : typeof value === 'function'
          ? { own: false, handle: 2 ** 32 - 1, traits: Trait.CALLABLE, label: value.name }
          : undefined,
    ownValue: (handle) => `own ${handle}`,
    makeProxy: (handle, traits, label) => `${label} ${handle}, ${traits}`,
  };
  assert.deepStrictEqual(roundTrip([new Proxy7(), function one() {}, { a: 1 }], refs), [
    'own 7',
    'one 4294967295, 1',
    { a: 1 },
  ]);
});

function holed(): unknown[] {
  const array = [1];
  array[2] = 3;
  return array;
}
