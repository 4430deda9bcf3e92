/** Random values through the real bridge and back, from either side: value, type and sharing. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { NdArray, PyUUID } from '../../extension/bridge/codec';
import { strict } from '../../extension/bridge/strict';
import type { HostKind } from '../../extension/conductor/host';
import type { Bridge, EmbeddedBridge } from '../../extension/conductor/openBridge';
import { countOf, graphs, runs, sharedAlike, trees } from '../unit/codecValues';
import { FIXTURES, HOSTS, openEmbedded, openForTest, thrown } from './bothHosts';
import { isSkipped } from './typesTable';

/** So many values, with all that is inside them, cross in each direction; the short form takes seconds. */
const LEAST = runs(20_000, 1_000_000);

test('embedded: JavaScript → Python → JavaScript', async (t) => {
  const bridge = await openEmbedded(t);
  const echo = bridge.sync('types_table:echo');
  let made = 0;
  const comesBack = fc.property(await known(bridge, trees), (value) => {
    made += countOf(value);
    assert.deepStrictEqual(echo(value), value);
  });
  while (made < LEAST) fc.assert(comesBack, { numRuns: 1000 });
  t.diagnostic(`${made} values`);
});

test('embedded: Python → JavaScript → Python', async (t) => {
  const bridge = await openWithMakers(t, 'embedded');
  if (isSkipped(await bridge.call('random_types_fixture:lacks'))) return;
  const made = bridge.callSync<number>('random_types_fixture:shrinking', same, LEAST);
  assert.ok(made >= LEAST, `${made} values`);
  t.diagnostic(`${made} values`);
});

for (const host of HOSTS) {
  test(`${host}: Python → JavaScript → Python, by seeds`, async (t) => {
    const bridge = await openWithMakers(t, host);
    const [seeds, leaves] = [runs(40, 2000), 500];
    const made = await bridge.call('random_types_fixture:by_seed', [same, seeds, leaves]);
    assert.equal(made, seeds * leaves);
  });
}

test('a failure is told by a small value, whichever language made it', async (t) => {
  const bridge = await openWithMakers(t, 'embedded');
  const echo = bridge.sync('types_table:echo');
  const found = fc.check(
    fc.property(await known(bridge, trees), (value) => !holds(echo(value), (part) => part instanceof PyUUID)),
    { numRuns: 3000, seed: 1 },
  );
  assert.ok(found.counterexample !== null && found.numShrinks > 0);
  // It cannot take a leaf out of what holds it, but it takes all others away.
  assert.ok(countOf(found.counterexample[0]) <= 8, inspect(found.counterexample, { depth: 9 }));

  if (isSkipped(await bridge.call('random_types_fixture:lacks'))) return;
  const loses = strict((value: object) => (holds(value, (part) => part instanceof PyUUID) ? null : value));
  const error = thrown(() => bridge.callSync('random_types_fixture:shrinking', loses, LEAST));
  assert.match(error.stack ?? '', /value=.{0,20}UUID\(.{0,100}$/m);
});

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

/** Gives back what it gets, with its exact type. */
const same = strict((value: unknown) => value);

/** A bridge whose Python makes values as the tests in Python do. */
async function openWithMakers<H extends HostKind>(
  t: TestContext,
  host: H,
): Promise<H extends 'embedded' ? EmbeddedBridge : Bridge>;
async function openWithMakers(t: TestContext, host: HostKind): Promise<Bridge> {
  const bridge = await openForTest(t, host);
  await bridge.call('sys:path.insert', [0, join(FIXTURES, '..', 'python')]);
  return bridge;
}

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
