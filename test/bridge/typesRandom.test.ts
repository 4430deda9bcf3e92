/** Random values through the real bridge and back, from either side: value, type and sharing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NdArray } from '../../extension/bridge/codec';
import type { Bridge } from '../../extension/conductor/openBridge';
import { graphs, runs, sharedAlike, trees } from '../unit/codecValues';
import { HOSTS, openEmbedded, openForTest, thrown } from './bothHosts';

test('embedded: JavaScript → Python → JavaScript', async (t) => {
  const bridge = await openEmbedded(t);
  const echo = bridge.sync('types_table:echo');
  fc.assert(
    fc.property(await known(bridge, trees), (value) => {
      assert.deepStrictEqual(echo(value), value);
    }),
    { numRuns: runs(3000, 200_000) },
  );
});

for (const host of HOSTS) {
  test(`${host}: Python → JavaScript → Python`, async (t) => {
    const bridge = await openForTest(t, host);
    for (let seed = 1; seed <= runs(20, 2000); seed++) {
      const values = await bridge.call('types_random:make', [seed, 100], { strict: true });
      assert.equal(await bridge.call('types_random:check', [seed, 100, values]), null, `seed ${seed}`);
    }
  });
}

test('embedded: what is shared or cyclic stays so in Python', async (t) => {
  const bridge = await openEmbedded(t);
  const echo = bridge.sync('types_table:echo');
  fc.assert(
    fc.property(await known(bridge, withoutClasses), (value) => {
      const back = echo(value);
      assert.deepStrictEqual(back, value);
      assert.ok(sharedAlike(value, back));
    }),
    { numRuns: runs(1000, 50_000) },
  );
});

test('embedded: a NumPy array is refused with what is missing where Python has no NumPy', async (t) => {
  const bridge = await openEmbedded(t);
  const array = new NdArray(
    { kind: 'ndarray', format: '<u2', shape: [1], order: 'C', readonly: false },
    new Uint8Array(2),
  );
  if (await hasNumPy(bridge)) {
    assert.deepStrictEqual(bridge.callSync('types_table:echo', array), array);
    return;
  }
  const error = thrown(() => bridge.callSync('types_table:echo', [array]));
  assert.equal(error.code, 'conversion');
  assert.match(error.message, /args\[0\]\[0\] .*No module named 'numpy'/);
});

/** Python has no class for the graphs' dataclass. */
const withoutClasses = graphs.filter((value) => !holds(value, isDataclass));

/** The values that this Python has types for. */
async function known<T>(bridge: Bridge, values: fc.Arbitrary<T>): Promise<fc.Arbitrary<T>> {
  if (await hasNumPy(bridge)) return values;
  return values.filter((value) => !holds(value, isNumPyArray));
}

async function hasNumPy(bridge: Bridge): Promise<boolean> {
  return (await bridge.call('types_table:lacks', ['numpy.zeros(1)'])) === null;
}

const isDataclass = (value: object) => value.constructor?.name === 'PyDataclass';
const isNumPyArray = (value: object) => value instanceof NdArray && value.kind === 'ndarray';

/** Whether a part of a value, or the value itself, is of a kind. */
function holds(value: unknown, is: (part: object) => boolean, met = new Set<unknown>()): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || met.has(value))
    return false;
  met.add(value);
  if (is(value)) return true;
  const parts = value instanceof Map ? [...value.keys(), ...value.values()] : Object.values(value);
  return parts.some((part) => holds(part, is, met));
}
