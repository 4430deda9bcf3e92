/**
 * Purpose: a program whose child is in a bad state, and which ends as its arguments say; see orphans.test.ts.
 * Threads: JavaScript main thread only.
 * Must not know: the tests.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Bridge, openBridge } from '../../extension/conductor/openBridge';
import { MARK } from '../chaos/leftovers';
import { openingWith } from './testPython';

/** What the child is doing; those that block the child are not waited for. */
const states: Record<string, (bridge: Bridge) => unknown> = {
  idle: () => {},
  'holds the GIL': (bridge) => start(bridge, 'hold_the_gil'),
  'ignores SIGTERM': (bridge) => start(bridge, 'ignore_sigterm', { mainThread: true }),
  'started children': (bridge) => start(bridge, 'start_children'),
  'forked children': (bridge) => bridge.call('chaos_fixture:fork_twice'),
  'waits at a full pipe': async (bridge) => {
    start(bridge, 'print_for_ever');
    await delay(50);
    // Nobody reads while this thread waits.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  },
  'closed its streams': (bridge) => bridge.call('chaos_fixture:close_streams'),
  'is stopped': (bridge) => process.kill(bridge.info.pid, 'SIGSTOP'),
};

function start(bridge: Bridge, name: string, options = {}): void {
  bridge.call(`chaos_fixture:${name}`, [], options).catch(() => {});
}

const endings: Record<string, (bridge: Bridge) => unknown> = {
  /** Until it is killed. */
  wait: () => setInterval(() => {}, 1000),
  close: (bridge) => bridge.close(),
  /** As an editor's window that is reloaded: it asks, and does not wait for long. */
  reload: (bridge) => {
    void bridge.close();
    setTimeout(() => process.exit(0), 50);
  },
  /** Calls one after the other, each told. */
  count: async (bridge) => {
    for (let i = 0; ; i++) {
      const sum = await bridge.call('chaos_fixture:add_up', [[i, 1]], { deadlineMs: 500 });
      process.stdout.write(`count ${sum}\n`);
      await delay(20);
    }
  },
};

async function main(): Promise<void> {
  const [state, ending, mark] = process.argv.slice(2);
  const env = { [MARK]: mark };
  const bridge = await openBridge({ ...openingWith, host: 'subprocess', env, pitHome: null });
  await bridge.call('chaos_fixture:add_up', [[1]]);
  await states[state](bridge);
  await delay(100);
  process.stdout.write(`pid ${bridge.info.pid} ready\n`);
  // The line has to be out before this process is.
  await delay(50);
  await endings[ending](bridge);
}

void main();
