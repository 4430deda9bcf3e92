/**
 * NumPy arrays of every type, shape and layout: to JavaScript, where each element is what Python says it is, and back
 * with type, order and flags.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NdArray } from '../../extension/bridge/codec';
import { HOSTS, openForTest } from './bothHosts';
import { isSkipped } from './typesTable';

interface Facts {
  shape: number[];
  strides: string;
  readonly: boolean;
  nested: unknown;
  C: unknown[];
  F: unknown[];
  typed: boolean;
}

for (const host of HOSTS) {
  test(`${host}: NumPy arrays of every type, shape and layout`, async (t) => {
    const bridge = await openForTest(t, host);
    if (isSkipped(await bridge.call('types_table:lacks', ['numpy']))) return;
    const types = await bridge.call<string[]>('numpy_cases:types');
    assert.ok(types.length > 60, types.join(' '));
    let arrays = 0;
    for (const [number, type] of types.entries()) {
      const made = await bridge.call<NdArray[]>('numpy_cases:make', [number]);
      const facts = await bridge.call<Facts[]>('numpy_cases:facts', [number]);
      assert.equal(made.length, facts.length);
      for (const [i, array] of made.entries()) checkArray(array, facts[i], type);
      assert.equal(await bridge.call('numpy_cases:check', [number, made]), null);
      arrays += made.length;

      const scalars = await bridge.call<NdArray[]>('numpy_cases:scalars', [number], { strict: true });
      const elements = await bridge.call<unknown[]>('numpy_cases:scalar_facts', [number]);
      assert.deepStrictEqual(
        scalars.map((scalar) => [scalar.kind, scalar.shape, scalar.get(), scalar.toArray()]),
        elements.map((element) => ['scalar', [], element, element]),
        type,
      );
      assert.equal(await bridge.call('numpy_cases:check_scalars', [number, scalars]), null);
    }
    assert.ok(arrays > 4000, `${arrays} arrays`);
  });
}

function checkArray(array: NdArray, facts: Facts, type: string): void {
  const told = `${type} [${facts.shape}] strides ${facts.strides}`;
  assert.ok(array instanceof NdArray, `${told} is ${array}`);
  assert.equal(array.kind, 'ndarray', told);
  assert.deepEqual([array.shape, array.readonly], [facts.shape, facts.readonly], told);
  assert.deepStrictEqual(array.toArray(), facts.nested, told);
  const found = indices(facts.shape).map((index) => array.get(...index));
  assert.deepStrictEqual(found, facts.C, told);
  const fromEnd = indices(facts.shape).map((index) => array.get(...index.map((i, d) => i - facts.shape[d])));
  assert.deepStrictEqual(fromEnd, facts.C, told);
  const typed = array.typed();
  assert.equal(typed !== undefined, facts.typed, told);
  if (typed) assert.deepStrictEqual([...typed], facts[array.order], told);
}

/** Every index of a shape, the last dimension running fastest. */
function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (before, n) => before.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  );
}
