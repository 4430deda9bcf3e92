/**
 * Purpose: a program that gets into one would-be deadlock and prints what comes of it; see deadlocks.test.ts.
 * Threads: the main thread, and a Worker where a scenario needs one; it runs this same file.
 * Must not know: the tests.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { BridgeError } from '../../extension/bridge/errors';
import { type EmbeddedBridge, openBridge } from '../../extension/conductor/openBridge';
import { gilScenarios, type Scenario } from './gilScenarios';
import { openingWith } from './testPython';

const MODULE = 'deadlock_fixture';

/** Characters of the numbers below 50,000, a line each. */
const FLOOD = 288_890;

const never = new Promise<never>(() => {});

const scenarios: Record<string, Scenario> = {
  join: async (bridge) => {
    const error = outcome(() => bridge.callSync(`${MODULE}:join`));
    return [error, await bridge.call(`${MODULE}:take_seen`)];
  },
  'join-unbreakable': (bridge) => bridge.callSync(`${MODULE}:join_unbreakable`),
  lock: async (bridge) => {
    const holder = bridge.call(`${MODULE}:hold_lock_until_wanted`);
    bridge.callSync(`${MODULE}:wait_until_held`);
    const error = outcome(() => bridge.callSync(`${MODULE}:take_wanted_lock`));
    return [error, await holder];
  },
  'lock-of-the-caller': async (bridge) => {
    let inside: unknown;
    bridge.expose('desk', {
      inside: () => {
        inside = outcome(() => bridge.callSync(`${MODULE}:take_lock`));
        return 5;
      },
    });
    const value = await bridge.call(`${MODULE}:hold_lock_and_call`, ['inside']);
    return [inside, value];
  },
  import: async (bridge) => {
    const importing = bridge.import('asks_while_imported');
    bridge.callSync(`${MODULE}:wait_until_held`);
    const error = outcome(() => bridge.callSync(`${MODULE}:import_wanted`));
    await importing;
    return [error, bridge.callSync('asks_while_imported:answer')];
  },
  loop: (bridge) => bridge.callSync(`${MODULE}:wait_for_loop`),
  'coroutine-and-thread': (bridge) => bridge.callSync(`${MODULE}:ask_from_a_thread`),
  'coroutine-and-promise': (bridge) => {
    bridge.expose('desk', { answer: () => never });
    return bridge.callSync(`${MODULE}:ask_from_a_thread`);
  },
  'on-the-loop': (bridge) => bridge.call(`${MODULE}:ask_on_the_loop`),
  receive: (bridge) => bridge.callSync(`${MODULE}:receive`),
  sleep: async (bridge) => {
    const error = outcome(() => bridge.callSync(`${MODULE}:sleep`));
    return [error, await bridge.call(`${MODULE}:take_seen`)];
  },
  compute: (bridge) => (bridge.callSync<number>(`${MODULE}:compute`, 4) > 0 ? 'computed' : ''),
  'slow-but-alive': (bridge) => bridge.callSync(`${MODULE}:wait_for_sleeper`, 2.5),
  finaliser: async (bridge) => {
    const object = await bridge.callRef(`${MODULE}:AsksWhenItDies`);
    object[Symbol.dispose]();
    return bridge.call(`${MODULE}:take_seen`);
  },
  'drop-elsewhere': (bridge) =>
    bridge.callSync(
      `${MODULE}:drop_elsewhere`,
      Array.from({ length: 500 }, (_, i) => () => i),
    ),
  flood: async (bridge) => {
    let length = 0;
    bridge.onDidOutput(({ text }) => {
      length += text.length;
    });
    bridge.callSync(`${MODULE}:flood`, 50_000);
    for (let i = 0; i < 1000 && length < FLOOD; i++) await delay(10);
    return length;
  },
  close: async (bridge) => {
    bridge.expose('desk', { answer: () => never });
    const waiting = Promise.allSettled([
      bridge.call(`${MODULE}:hold_lock_and_call`, ['answer']),
      bridge.call(`${MODULE}:ask_from_a_thread`),
    ]);
    await delay(200);
    await bridge.close();
    return (await waiting).map((result) => (result.status === 'rejected' ? result.reason.code : result));
  },
  fork: (bridge) => [bridge.callSync(`${MODULE}:fork`), bridge.callSync(`${MODULE}:fork_and_return`)],
  storm: async (bridge) => {
    const add = bridge.sync<number>('operator:add');
    const work = Array.from({ length: 4 }, () =>
      bridge.call<number>(`${MODULE}:call_often`, [(n: number) => add(n, 1), 300]),
    );
    const mine = bridge.callSync<number>(`${MODULE}:call_often`, (n: number) => add(n, 1), 300);
    return [mine, ...(await Promise.all(work))];
  },
  ...gilScenarios,
  'join-in-a-worker': () => inWorker('join'),
  'two-sessions': async (bridge) => {
    await bridge.call(`${MODULE}:keep`, ['main', () => 'main']);
    const theirs = inWorker('call');
    await bridge.call(`${MODULE}:wait_until_kept`, ['worker']);
    return [bridge.callSync(`${MODULE}:call_kept`, 'worker'), await theirs];
  },
  'two-sessions-joined': async (bridge) => {
    await bridge.call(`${MODULE}:keep`, ['main', () => 'main']);
    const theirs = inWorker('join-the-other');
    await bridge.call(`${MODULE}:wait_until_kept`, ['worker']);
    return [outcome(() => bridge.callSync(`${MODULE}:join_kept`, 'worker')), await theirs];
  },
  'busy-worker': async (bridge) => {
    const theirs = inWorker('busy');
    await bridge.call(`${MODULE}:wait_until_kept`, ['worker']);
    return [bridge.callSync(`${MODULE}:join_kept_while_asked`, 'worker'), await theirs];
  },
};

/** The Worker's part of scenarios, on a bridge of its own. */
const inWorkers: Record<string, Scenario> = {
  join: (bridge) => bridge.callSync(`${MODULE}:join_asking`, () => 42),
  call: async (bridge) => {
    await bridge.call(`${MODULE}:keep`, ['worker', () => 'worker']);
    return bridge.callSync(`${MODULE}:call_kept`, 'main');
  },
  'join-the-other': async (bridge) => {
    await bridge.call(`${MODULE}:keep`, ['worker', () => 'worker']);
    return bridge.callSync(`${MODULE}:join_kept`, 'main');
  },
  busy: async (bridge) => {
    let worked = false;
    const work = (): void => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
      worked = true;
    };
    await bridge.call(`${MODULE}:keep`, ['worker', work]);
    while (!worked) await delay(20);
    // Its answer leaves before the bridge ends.
    await delay(200);
    return 'worked';
  },
};

/** Runs a Worker's part; ends with what came of it. */
function inWorker(part: string): Promise<unknown> {
  const worker = new Worker(__filename, { workerData: part });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the Worker ended with ${code}`)));
  });
}

function outcome(body: () => unknown): unknown {
  try {
    return body();
  } catch (error) {
    return told(error as BridgeError);
  }
}

const told = ({ code, message, notes, hint }: BridgeError): unknown => ({ code, message, notes, hint });

async function cameOf(scenario: Scenario, bridge: EmbeddedBridge): Promise<unknown> {
  try {
    return await scenario(bridge);
  } catch (error) {
    return told(error as BridgeError);
  }
}

async function main(): Promise<void> {
  const bridge = await openBridge({ ...openingWith, host: 'embedded', workspace: process.cwd() });
  await bridge.call('sys:path.insert', [0, join(process.cwd(), 'test', 'fixtures', 'python')]);
  await bridge.import(MODULE);
  if (isMainThread) {
    bridge.expose('desk', { answer: () => 42 });
    const came = await cameOf(scenarios[process.argv[2]], bridge);
    // The end of the line says that all of it is there.
    process.stdout.write(`OUTCOME ${JSON.stringify({ came })} END\n`);
  } else {
    parentPort?.postMessage(await cameOf(inWorkers[workerData as string], bridge));
  }
  await bridge.close();
}

void main();
