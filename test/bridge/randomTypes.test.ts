/** Random values of every type: from Python to TypeScript and back, equal in value, type and identity. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEmbedded } from './bothHosts';

const SEEDS = process.env.SYMPHONY_FULL ? 500 : 20;
const LEAVES = 500;

test('random values come back from TypeScript as they went', async (t) => {
  const bridge = await openEmbedded(t);
  await bridge.call('sys:path.insert', [0, join(__dirname, '..', 'python')]);
  const echo = (value: unknown): unknown => value;
  const same = bridge.callSync('random_types_fixture:go_and_return', echo, 0, SEEDS, LEAVES);
  assert.equal(same, SEEDS * LEAVES);
});
