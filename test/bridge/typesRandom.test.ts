/** Random values through the real bridge and back, from either side: value, type and sharing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { graphs, runs, sharedAlike, trees } from '../unit/codecValues';
import { HOSTS, openEmbedded, openForTest } from './bothHosts';

test('embedded: JavaScript → Python → JavaScript', async (t) => {
  const bridge = await openEmbedded(t);
  const echo = bridge.sync('types_table:echo');
  fc.assert(
    fc.property(trees, (value) => {
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
    fc.property(withoutClasses, (value) => {
      const back = echo(value);
      assert.deepStrictEqual(back, value);
      assert.ok(sharedAlike(value, back));
    }),
    { numRuns: runs(1000, 50_000) },
  );
});

/** Python has no class for the graphs' dataclass. */
const withoutClasses = graphs.filter((value) => !hasClass(value, new Set()));

function hasClass(value: unknown, met: Set<unknown>): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || met.has(value))
    return false;
  met.add(value);
  if (value.constructor?.name === 'PyDataclass') return true;
  const parts = value instanceof Map ? [...value.values()] : Object.values(value);
  return parts.some((part) => hasClass(part, met));
}
