/** Whether Python lives, on both hosts: its interpreter is kept by code, and its process stands still. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busyStack } from '../../extension/conductor/faultStacks';
import { type Health, HealthWatch } from '../../extension/conductor/healthWatch';
import type { Bridge } from '../../extension/conductor/openBridge';
import { onBothHosts, openForTest } from './bothHosts';

/** A person waits longer. */
const SOON = { every: 50, late: 400 };

/** The next change; the test's own time limit ends a wait that is in vain. */
function next(source: Pick<Bridge, 'onDidChangeHealth'>): Promise<Health> {
  return new Promise((resolve) => {
    const listening = source.onDidChangeHealth((health) => {
      listening.dispose();
      resolve(health);
    });
  });
}

/** A watch of the test's own, which is less patient. */
function watchSoon(bridge: Bridge): HealthWatch {
  const watch = new HealthWatch(() => bridge.host.session, SOON);
  watch.expect(true);
  return watch;
}

function nextOf(watch: HealthWatch): Promise<Health> {
  return next({ onDidChangeHealth: watch.onDidChange });
}

onBothHosts('code that keeps the interpreter is named, with its stack', async (bridge) => {
  const watch = watchSoon(bridge);
  const before = Date.now();
  const keeping = bridge.call('health_fixture:keep_interpreter', [1]);
  const health = await nextOf(watch);
  assert.equal(health.kind, 'stuck');
  const { since, stacks } = health as Health & { kind: 'stuck' };
  assert.ok(since.getTime() >= before && since.getTime() <= Date.now());
  assert.ok(stacks.length > 1, `${stacks.length} threads`);
  const { frames } = busyStack(stacks) ?? { frames: [] };
  assert.equal(frames.at(-1)?.function, 'sleep_inside');
  assert.ok(frames.some((frame) => frame.function === 'keep_interpreter'));
  assert.equal(watch.current, health);
  const well = nextOf(watch);
  await keeping;
  assert.equal((await well).kind, 'well');
  watch.expect(false);
});

onBothHosts('busy code that lets others in is well', async (bridge) => {
  const watch = watchSoon(bridge);
  const changes: Health[] = [];
  watch.onDidChange((health) => changes.push(health));
  await bridge.call('bridge_fixture:spin', [1]);
  watch.expect(false);
  assert.deepEqual(changes, []);
});

test('subprocess: a process that stands still is told as such, and goes on', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const watch = watchSoon(bridge);
  const call = bridge.call('asyncio:sleep', [0.5]);
  process.kill(bridge.info.pid, 'SIGSTOP');
  assert.equal((await nextOf(watch)).kind, 'silent');
  const well = nextOf(watch);
  process.kill(bridge.info.pid, 'SIGCONT');
  await call;
  assert.equal((await well).kind, 'well');
  watch.expect(false);
});

onBothHosts('a bridge tells without being asked', async (bridge) => {
  const keeping = bridge.call('health_fixture:keep_interpreter', [3.6]);
  assert.equal((await next(bridge)).kind, 'stuck');
  assert.equal(bridge.health.kind, 'stuck');
  const well = next(bridge);
  await keeping;
  assert.equal((await well).kind, 'well');
});
