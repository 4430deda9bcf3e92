/** Values that are met more than once, or that contain themselves: they stay one value on the other side. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConversionError,
  encodeFrame,
  NO_REFS,
  PyByteArray,
  PyDataclass,
  PyDateTime,
  PyFrozenSet,
  registerDataclass,
  tuple,
} from '../../extension/bridge/codec';
import { callFrame, decode, HEADER, roundTrip } from './codecSupport';

test('a container met again is the same container', () => {
  const shared: [string, object][] = [
    ['list', [1, 'a']],
    ['floats', [1.5, 2.5]],
    ['object', { a: 1 }],
    ['empty object', {}],
    ['tuple', tuple(1, 2)],
    ['set', new Set([1])],
    ['frozenset', new PyFrozenSet([1])],
    ['Map of text', new Map([['k', 1]])],
    ['Map of numbers', new Map([[1, 1]])],
    ['bytearray', PyByteArray.from([1])],
    ['dataclass', new PyDataclass('m:C', { x: 1 })],
    ['carrier', new PyDateTime(2020, 1, 2)],
    ['Float64Array', new Float64Array([1, 2])],
    ['Date', new Date(5)],
  ];
  for (const [name, value] of shared) {
    const back = roundTrip([value, { in: value }, value]) as [object, { in: object }, object];
    assert.deepStrictEqual(back[0], value, name);
    assert.equal(back[0], back[1].in, name);
    assert.equal(back[0], back[2], name);
  }
  const all = shared.map(([, value]) => value);
  const back = roundTrip([...all, ...all, new Map(all.map((value, i) => [i, value]))]) as object[];
  for (let i = 0; i < all.length; i++) {
    assert.equal(back[i], back[all.length + i]);
    assert.equal(back[i], (back[2 * all.length] as Map<number, object>).get(i));
  }
});

test('a value may contain itself', () => {
  const list: unknown[] = [1];
  list.push(list, { list });
  const list2 = roundTrip(list) as [number, unknown, { list: unknown }];
  assert.ok(list2[1] === list2 && list2[2].list === list2);

  const object: Record<string, unknown> = { name: 'o' };
  object.self = object;
  const object2 = roundTrip(object) as typeof object;
  assert.ok(object2.self === object2 && object2.name === 'o');

  const map = new Map<unknown, unknown>([[1, 2]]);
  map.set(map, map);
  const map2 = roundTrip(map) as typeof map;
  assert.ok(map2.get(map2) === map2 && map2.size === 2);

  const set = new Set<unknown>();
  set.add([set]);
  const set2 = roundTrip(set) as Set<unknown[]>;
  assert.ok([...set2][0][0] === set2);

  const carrier = new PyDataclass('m:Node', { next: null as unknown });
  carrier.fields.next = tuple(carrier);
  const carrier2 = roundTrip(carrier) as PyDataclass;
  assert.ok((carrier2.fields.next as unknown[])[0] === carrier2);
  // Python makes the instance before its fields then.
  assert.equal(firstOp(carrier) >>> 8, 1);
  assert.equal(firstOp(new PyDataclass('m:Node', {})) >>> 8, 0);
});

test('an instance of a registered class may contain itself', () => {
  class Node {
    parent: Node | null = null;
    children: Node[] = [];
  }
  registerDataclass('tree:Node', Node);
  const root = new Node();
  for (let i = 0; i < 20; i++) {
    const child = new Node();
    child.parent = root;
    root.children.push(child);
  }
  const back = roundTrip(root) as Node;
  assert.ok(back instanceof Node && back.children.length === 20);
  for (const child of back.children) assert.ok(child.parent === back && child instanceof Node);
});

test('what must be whole before it is named is refused inside itself, with its path', () => {
  const inside: unknown[] = [];
  const pair = tuple(1, inside);
  inside.push(pair);
  const frozen = new PyFrozenSet([inside]);
  const map = new Map<string, unknown>();
  map.set('deep', [map]);
  for (const [value, path] of [
    [pair, 'result\\[1\\]\\[0\\]'],
    [frozen, 'result<item 0>\\[0\\]'],
    [map, 'result\\.deep\\[0\\]'],
  ] as const) {
    if (value === frozen) inside[0] = frozen;
    assert.throws(
      () => roundTrip(value),
      (error) =>
        error instanceof ConversionError &&
        new RegExp(`^cannot convert ${path} \\(type '\\w+'\\): it contains itself, which a tuple`).test(
          error.message,
        ),
    );
  }
});

test('keyword arguments are their own object, whatever else they are', () => {
  const options = { a: 1 };
  const frame = callFrame('m:f', [options], options, null);
  assert.deepStrictEqual(decode(frame), tuple('m:f', tuple({ a: 1 }), { a: 1 }, null));
});

test('thousands of containers, some shared', () => {
  const rows = Array.from({ length: 3000 }, (_, i) => ({ i, tags: [`t${i % 7}`] }));
  const mixed = [...rows, ...rows.filter(({ i }) => i % 3 === 0), rows];
  const back = roundTrip(mixed) as typeof rows;
  assert.deepStrictEqual(back.slice(0, 3000), rows);
  for (let i = 0; i < 1000; i++) assert.equal(back[3000 + i], back[i * 3]);
});

test('nothing is kept of a pack that failed', () => {
  const one = { a: 1 };
  assert.throws(() => roundTrip([one, () => 1]));
  assert.deepStrictEqual(roundTrip([one, one]), [one, one]);
});

function firstOp(value: unknown): number {
  const frame = encodeFrame(HEADER, value, NO_REFS);
  const view = new DataView(frame.buffer, frame.byteOffset);
  return view.getInt32(64 + view.getUint32(44, true) * 8, true);
}

test('what one pack has met is new to the next, however many containers it had', () => {
  for (let n = 1; n < 20; n++) {
    const items = Array.from({ length: n }, (_, i) => ({ i }));
    // The first of them is met again when a table may just have been begun.
    roundTrip([...items, items[0]]);
    const next = [...Array.from({ length: 20 }, (_, i) => [i]), ...items];
    assert.deepStrictEqual(roundTrip(next), next, `after ${n} containers`);
  }
});
