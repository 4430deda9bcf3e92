/** Long bytes: however they are received, and whatever memory is used again, each value arrives as it was passed. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PyRange } from '../../extension/bridge/codec';
import type { Bridge } from '../../extension/conductor/openBridge';
import { onBothHosts } from './bothHosts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Around the lengths from which memory is used again, is Python's own, or is read into directly; with any padding. */
const LENGTHS = [256 * KIB - 100, MIB - 1, MIB, 4 * MIB - 3, 4 * MIB, 4 * MIB + 5, 6 * MIB + 1, 9 * MIB + 7];

onBothHosts('long bytes arrive whole, one after the other and together', async (bridge) => {
  for (const length of LENGTHS) await assertArrives(bridge, bytesOf(length, length));
  await Promise.all(LENGTHS.map((length, i) => assertArrives(bridge, bytesOf(length, i))));
  // Shorter ones in longer memory, and what comes behind them.
  for (const length of LENGTHS.slice().reverse()) {
    const [, echo] = await Promise.all([
      assertArrives(bridge, bytesOf(length, 1)),
      bridge.call('builtins:str', ['behind']),
    ]);
    assert.equal(echo, 'behind');
  }
});

onBothHosts('what its owner writes after the call is not seen', async (bridge) => {
  const bytes = bytesOf(8 * MIB, 3);
  const expected = digestOf(bytes);
  for (let round = 0; round < 3; round++) {
    const digest = pythonsDigest(bridge, bytes);
    bytes.fill(0);
    assert.equal(await digest, expected);
    bytes.set(bytesOf(bytes.length, 3));
  }
});

onBothHosts('several long values in one call, and one that comes back', async (bridge) => {
  const parts = [bytesOf(5 * MIB, 1), bytesOf(5 * MIB + 3, 2)];
  const joined = await bridge.call<Uint8Array>('operator:concat', parts);
  assert.equal(digestOf(joined), digestOf(Buffer.concat(parts)));
  const floats = new Float64Array(MIB).map((_, i) => i / 3);
  const back = await bridge.call<unknown>('bridge_fixture:echo', [floats]);
  assert.deepEqual(back, floats);
});

onBothHosts(
  'while Python does not let go of its lock, frames behind long bytes are answered',
  async (bridge) => {
    let isBusy = true;
    const busy = bridge.call('builtins:sum', [new PyRange(0, 60_000_000, 1)]).then(() => {
      isBusy = false;
    });
    await delay(100);
    const arrives = assertArrives(bridge, bytesOf(8 * MIB, 5));
    await bridge.host.session.ping();
    assert.ok(isBusy);
    await Promise.all([busy, arrives]);
  },
);

async function assertArrives(bridge: Bridge, bytes: Uint8Array): Promise<void> {
  const digest = pythonsDigest(bridge, bytes);
  assert.equal(await digest, digestOf(bytes), `${bytes.length} bytes`);
}

async function pythonsDigest(bridge: Bridge, bytes: Uint8Array): Promise<unknown> {
  const hash = await bridge.callRef('hashlib:sha256', [bytes]);
  return hash.hexdigest();
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function bytesOf(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + seed, 0x9e3779b1);
  return new Uint8Array(words.buffer, 0, length);
}
