/** Panics in Rust, real ones, as TypeScript sees them: what they said, where, and whose fault it is. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type BridgeError, NativePanic, PitError } from '../../extension/bridge/errors';
import type { Bridge } from '../../extension/conductor/openBridge';
import { onBothHosts, openEmbedded, rejection, thrown } from './bothHosts';

const ROOT = join(__dirname, '..', '..');
const NATIVE = join('native', 'python', 'src');

/** The error ends at the line of the Rust source that has the words of the panic. */
function assertEndsAt(error: BridgeError, file: string, words: string): void {
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
  const line = lines.findIndex((text) => text.includes(words)) + 1;
  const last = error.frames.at(-1);
  assert.deepEqual([last?.language, last?.line], ['rust', line], error.stack);
  assert.ok(last?.file.endsWith(file), error.stack);
  assert.deepEqual(error.details, { panic: words });
}

function assertPanic(error: Error, operation: string, words: string): void {
  assert.ok(error instanceof NativePanic, error.stack);
  assert.deepEqual([error.code, error.message], ['native-panic', `the native side failed: ${words}`]);
  assert.deepEqual([error.component, error.operation], ['bridge', operation]);
  assertEndsAt(error, join(NATIVE, 'probes.rs'), words);
}

/** Threads, the event loop and Tokio are all still there. */
async function assertAlive(bridge: Bridge): Promise<void> {
  assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22], { deadlineMs: 5000 }), 42);
  assert.equal(await bridge.call('math:floor', [2.5], { deadlineMs: 5000 }), 2);
}

/** A function of the fixture, what panics in it, and the operation that this ends: without and with `callSync`. */
const PLACES = [
  ['function', 'function', 'call', 'callSync'],
  ['future', 'future', 'await', 'await'],
  ['conversion', 'conversion', 'await', 'await'],
  ['reply', 'function', 'reply', 'callSync'],
] as const;

for (const [place, what, operation] of PLACES) {
  onBothHosts(`regression: a panic of a ${place} tells operation, words and line`, async (bridge) => {
    const error = await rejection(bridge.call(`panic_fixture:${place}`, [], { deadlineMs: 5000 }));
    assertPanic(error, operation, `a planted fault of a ${what}`);
    await assertAlive(bridge);
  });
}

test('embedded: a panic in a synchronous call tells the same', async (t) => {
  const bridge = await openEmbedded(t);
  for (const [place, what, , operation] of PLACES) {
    const error = thrown(() => bridge.callSync(`panic_fixture:${place}`));
    assertPanic(error, operation, `a planted fault of a ${what}`);
  }
  await assertAlive(bridge);
});

const WAYS = {
  pit: ['run', 'detach', 'wait', 'wait-blocking'],
  pit_async: ['spawn', 'offload', 'making', 'converting'],
};

onBothHosts('regression: a panic of the Pit tells operation, words and line', async (bridge) => {
  for (const [caller, ways] of Object.entries(WAYS)) {
    for (const way of ways) {
      const error = await rejection(bridge.call(`panic_fixture:${caller}`, [way], { deadlineMs: 5000 }));
      assert.ok(error instanceof PitError, `${way}: ${error.stack}`);
      const { code, component, operation, message } = error;
      assert.deepEqual([code, component, operation], ['pit-internal', 'home', 'panic'], way);
      assert.equal(message, 'the Pit panicked: a planted fault of the Pit', way);
      assertEndsAt(error, join(NATIVE, 'pit', 'probes.rs'), 'a planted fault of the Pit');
      assert.match(String(error.stack), /panics\.test\.ts[\s\S]+panic_fixture\.py[\s\S]+probes\.rs/, way);
    }
  }
  await assertAlive(bridge);
});
