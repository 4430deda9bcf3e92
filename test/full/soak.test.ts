/** Many mixed calls leave no handle behind, and memory stays on a plateau. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bridge, EmbeddedBridge } from '../../extension/conductor/openBridge';
import { HOSTS, openForTest, rejection } from '../bridge/bothHosts';

const WARM_UP_ROUNDS = 400;
/** The long form, `npm run soak`, makes 20,000,000, in this process alone. */
const CALLS = Number(process.env.SYMPHONY_SOAK_CALLS ?? 100_000);
const SOAKED = process.env.SYMPHONY_SOAK_CALLS ? (['embedded'] as const) : HOSTS;
const CALLS_A_ROUND = 52;
const SYNC_CALLS_A_ROUND = 20;
const MAX_GROWTH = 2 * 1024 * 1024;
const SAMPLES = 60;

/** Every way of calling, in one round. */
async function round(bridge: Bridge): Promise<void> {
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 30; i++) calls.push(bridge.call('bridge_fixture:echo', [i, 'text', [1.5, null]]));
  for (let i = 0; i < 10; i++) calls.push(bridge.call('asyncio:sleep', [0]));
  for (let i = 0; i < 5; i++) calls.push(bridge.call('bridge_fixture:call_host', ['soak.double', i]));
  for (let i = 0; i < 2; i++) calls.push(rejection(bridge.call('bridge_fixture:fail', ['on purpose'])));
  const cancelled = new AbortController();
  calls.push(rejection(bridge.call('asyncio:sleep', [30], { signal: cancelled.signal })));
  using held = await bridge.callRef('builtins:dict');
  calls.push(held.update({ key: 'value' }));
  calls.push(bridge.call('bridge_fixture:samples'));
  calls.push(bridge.call('builtins:len', [new Uint8Array(100_000)]));
  cancelled.abort();
  await Promise.all(calls);
}

async function liveHandles(bridge: Bridge): Promise<number> {
  const handles = await bridge.call<{ long_lived: boolean }[]>('symphony_bridge._control:handles');
  return handles.filter((handle) => !handle.long_lived).length;
}

/** Resident memory of the process where Python is, in bytes, after both collectors ran. */
async function memory(bridge: Bridge): Promise<number> {
  globalThis.gc?.();
  return bridge.call<number>('bridge_fixture:resident_bytes');
}

for (const host of SOAKED) {
  const rounds = Math.ceil(CALLS / (CALLS_A_ROUND + (host === 'embedded' ? SYNC_CALLS_A_ROUND : 0)));
  test(`${host}: ${CALLS} mixed calls`, async (t) => {
    const bridge = await openForTest(t, host);
    bridge.expose('soak', { double: (value: number) => value * 2 });
    const sync = host === 'embedded' ? (bridge as EmbeddedBridge).sync('bridge_fixture:echo') : null;
    const mixed = async (): Promise<void> => {
      await round(bridge);
      for (let k = 0; k < SYNC_CALLS_A_ROUND; k++) sync?.(k, { a: 1 });
    };
    for (let i = 0; i < WARM_UP_ROUNDS; i++) await mixed();
    const handles = await liveHandles(bridge);
    const samples: number[] = [];
    for (let i = 0; i < rounds; i++) {
      await mixed();
      if (i % Math.ceil(rounds / SAMPLES) === 0) samples.push(await memory(bridge));
    }
    // Both collectors give pages back when they like, so single samples swing by more than the bar; what leaks raises the floor.
    const third = Math.floor(samples.length / 3);
    const growth = Math.min(...samples.slice(-third)) - Math.min(...samples.slice(0, third));
    assert.equal(await liveHandles(bridge), handles);
    t.diagnostic(`memory grew by ${(growth / 1024).toFixed(0)} KiB`);
    assert.ok(growth < MAX_GROWTH, `memory grew by ${growth} bytes`);
  });
}
