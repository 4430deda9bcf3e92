/** Calls of Python's with a limit: an editor that never answers holds up nobody for longer. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { CallCancelled } from '../../extension/bridge/errors';
import { currentCall } from '../../extension/bridge/scope';
import type { Bridge } from '../../extension/conductor/openBridge';
import { onBothHosts, rejection } from './bothHosts';

const CALLERS = ['on_thread', 'in_task'];
const never = (): Promise<never> => new Promise(() => {});

type Seen = [came: unknown, seconds: number];

function ask(bridge: Bridge, caller: string, name: string, seconds: number): Promise<Seen> {
  return bridge.call<Seen>(`limit_fixture:${caller}`, [name, seconds]);
}

onBothHosts(
  'regression: an editor that never answers is waited for no longer than the limit',
  async (bridge) => {
    bridge.expose('desk', { silent: never });
    for (const caller of CALLERS) {
      const [came, seconds] = await ask(bridge, caller, 'silent', 0.2);
      assert.deepEqual(came, ['host-timeout', 'desk.silent() gave no answer within 0.2 s', true], caller);
      assert.ok(seconds >= 0.2 && seconds < 0.9, `${caller}: ${seconds} s`);
    }
    const error = await rejection(bridge.call('limit_fixture:uncaught'));
    assert.equal((error as { code?: string }).code, 'host-timeout');
    assert.match(String(error.stack), /limit_fixture\.py/);
  },
);

onBothHosts('what is answered in time is the answer', async (bridge) => {
  bridge.expose('desk', { answers: (question: string) => delay(20, `${question} yes`) });
  for (const caller of CALLERS) {
    assert.equal((await ask(bridge, caller, 'answers', 30))[0], 'sure? yes', caller);
  }
  const refused = await rejection(bridge.call('limit_fixture:on_a_loop'));
  assert.equal((refused as { code?: string }).code, 'deadlock');
});

onBothHosts(
  'a function that takes its signal hears of the limit, and has a second to clean up',
  async (bridge) => {
    let cleanedUp = 0;
    const cleaningUp = (work: () => Promise<unknown>) => async (): Promise<string> => {
      const signal = currentCall()?.signal as AbortSignal;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      await work();
      cleanedUp += 1;
      return 'too late';
    };
    let release: (value?: unknown) => void = () => {};
    const released = new Promise((resolve) => {
      release = resolve;
    });
    bridge.expose('desk', { tidy: cleaningUp(() => delay(100)), untidy: cleaningUp(() => released) });
    const both = (name: string) => Promise.all(CALLERS.map((caller) => ask(bridge, caller, name, 0.1)));

    for (const [came] of await both('tidy')) assert.equal((came as string[])[0], 'host-timeout');
    assert.equal(cleanedUp, 2, 'Python is told when the functions have cleaned up');
    for (const [came, seconds] of await both('untidy')) {
      assert.equal((came as string[])[0], 'host-timeout');
      assert.ok(seconds >= 1.1, `${seconds} s`);
    }
    // Answers that come later harm nobody.
    release();
    while (cleanedUp < 4) await delay(10);
    assert.equal(await bridge.call('operator:add', [1, 2]), 3);
  },
);

onBothHosts('regression: what an answer refers to that comes too late is given back', async (bridge) => {
  const { held } = (bridge.host.session as unknown as { hostCalls: { held: Map<number, unknown> } })
    .hostCalls;
  let answer: (value: unknown) => void = () => {};
  const answered = new Promise((resolve) => {
    answer = resolve;
  });
  bridge.expose('desk', { busy: () => currentCall()?.signal && answered });
  const [came] = await ask(bridge, 'on_thread', 'busy', 0.05);
  assert.equal((came as string[])[0], 'host-timeout');
  answer(() => 'a function, which Python gets a reference to');
  await delay(10);
  for (let i = 0; i < 200 && held.size > 0; i++) await delay(10);
  assert.equal(held.size, 0);
});

onBothHosts('a limit does not hide that the caller is cancelled', async (bridge) => {
  bridge.expose('desk', { silent: never });
  const call = bridge.call('limit_fixture:beside_a_deadline', [30], { deadlineMs: 100 });
  assert.ok((await rejection(call)) instanceof CallCancelled);
});
