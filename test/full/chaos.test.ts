/** Random faults of the child: calls fail with a typed error, the next start works, nothing is left. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { BridgeError } from '../../extension/bridge/errors';
import { type Bridge, openBridge } from '../../extension/conductor/openBridge';
import { FIXTURES, rejection, scratchFolder } from '../bridge/bothHosts';
import { isGoneWithin, socketFolders } from '../bridge/children';

const CYCLES = 100;
/** The same faults in the same order at every run. */
const SEED = 20;

/** Each does harm while calls are in flight. */
const faults: Record<string, (bridge: Bridge) => void> = {
  kill: (bridge) => process.kill(bridge.info.pid, 'SIGKILL'),
  terminate: (bridge) => process.kill(bridge.info.pid, 'SIGTERM'),
  'null pointer': (bridge) => void bridge.call('bridge_fixture:null_pointer').catch(() => {}),
  exit: (bridge) => void bridge.call('os:_exit', [5]).catch(() => {}),
  abort: (bridge) => void bridge.call('os:abort').catch(() => {}),
  'hold the GIL and kill': (bridge) => {
    void bridge.call('bridge_fixture:spin', [30]).catch(() => {});
    setTimeout(() => process.kill(bridge.info.pid, 'SIGKILL'), 20);
  },
  close: (bridge) => void bridge.close(),
};

test(`${CYCLES} random faults`, async (t) => {
  const folder = scratchFolder();
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  process.env.TMPDIR = temporary;
  const names = Object.keys(faults);
  const pids: number[] = [];
  const random = randomFrom(SEED);
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const name = names[Math.floor(random() * names.length)];
    const bridge = await openBridge({ host: 'subprocess', workspace: folder, pitHome: join(folder, 'pit') });
    pids.push(bridge.info.pid);
    await bridge.call('sys:path.insert', [0, join(FIXTURES, 'python')]);
    assert.equal(await bridge.call('bridge_fixture:add_async', [20, 22]), 42);
    const inFlight = [bridge.call('time:sleep', [30]), bridge.call('asyncio:sleep', [30])].map(rejection);
    await delay(random() * 30);
    faults[name](bridge);
    for (const error of await Promise.all(inFlight)) {
      const { code } = error as BridgeError;
      assert.ok(code === 'crashed' || code === 'closed', `${name}: ${code} ${error.message}`);
    }
    await bridge.close();
  }
  for (const pid of pids) assert.ok(await isGoneWithin(pid, 2000), `child ${pid} still runs`);
  assert.deepEqual(socketFolders(temporary), []);
  t.diagnostic(`${CYCLES} of ${CYCLES} cycles, no process and no folder left`);
});

/** Mulberry32, a small generator by Tommy Ettinger: uniform numbers from 0 to 1. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
