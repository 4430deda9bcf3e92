/** Random values through the real bridge and back, from either side: value and type; from Python's side, sharing too. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EmbeddedBridge } from '../../extension/conductor/openBridge';
import { runs, trees } from '../unit/codecValues';
import { HOSTS, openForTest } from './bothHosts';

test('embedded: JavaScript → Python → JavaScript', async (t) => {
  const bridge = (await openForTest(t, 'embedded')) as EmbeddedBridge;
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
