/**
 * Purpose: a program whose Workers open bridges of their own, each in its way; see workers.test.ts.
 * Threads: the main thread and Workers, which run this same file.
 * Must not know: the tests.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type EmbeddedBridge, openBridge } from '../../extension/conductor/openBridge';
import { openingWith } from './testPython';

interface Task {
  name: string;
  ending: 'close' | 'forget' | 'exit' | 'busy';
  /** What it does instead of making calls of every kind. */
  errand?: 'ask' | 'component' | 'leave' | 'kept';
}

async function open(name: string): Promise<EmbeddedBridge> {
  const bridge = await openBridge({ ...openingWith, host: 'embedded', workspace: process.cwd() });
  await bridge.call('sys:path.append', [join(process.cwd(), 'test', 'fixtures', 'python')]);
  bridge.expose('desk', {
    name: () => name,
    later: async () => `${name} later`,
    never: () => new Promise(() => {}),
  });
  return bridge;
}

/** Calls of every kind; each must reach the environment that it is meant for. */
async function talk(bridge: EmbeddedBridge, name: string): Promise<string> {
  const fixture = await bridge.import('bridge_fixture');
  for (let i = 0; i < 25; i++) {
    const came = [
      bridge.callSync('operator:add', i, 1),
      await bridge.call('operator:add', [i, 1]),
      bridge.callSync('bridge_fixture:call_back', (n: number) => n + 1, i),
      await fixture.call_back((n: number) => n + 1, i),
    ];
    if (came.some((value) => value !== i + 1)) throw new Error(`${name} got ${came} for ${i + 1}`);
    const names = [
      bridge.callSync('bridge_fixture:call_host', 'desk.name'),
      await fixture.call_host('desk.name'),
      await fixture.call_host_async('desk.name'),
      await fixture.call_host('desk.later'),
    ];
    const all = [name, name, name, `${name} later`];
    if (names.join() !== all.join()) throw new Error(`${name} reached ${names}`);
  }
  return `${name} ok`;
}

/** Which environments are reached from wherever Python's work goes. */
async function reached(bridge: EmbeddedBridge): Promise<string[]> {
  const asked = [
    await bridge.call('session_fixture:names'),
    await bridge.call('session_fixture:names_on_thread'),
    bridge.callSync('session_fixture:names'),
  ];
  return [...new Set(asked.flatMap((answers) => Object.values(answers as Record<string, string>)))];
}

/** Which are reached by what a component calls. */
function reachedByComponent(bridge: EmbeddedBridge): Promise<string[]> {
  return bridge.call('component_user:names', [process.argv[3]]);
}

async function leave(bridge: EmbeddedBridge): Promise<string[]> {
  await new Promise<void>((begun) => {
    bridge.call('session_fixture:asks_when_closed', [() => begun()]).catch(() => {});
  });
  return [];
}

async function callKept(bridge: EmbeddedBridge): Promise<string[]> {
  // The main environment's first calls are over.
  for (let i = 0; i < 20; i++) await bridge.call('operator:add', [i, i]);
  return bridge.call('bridge_fixture:call_kept');
}

const ERRANDS = { ask: reached, component: reachedByComponent, leave, kept: callKept };

async function work({ name, ending, errand }: Task): Promise<void> {
  const bridge = await open(name);
  if (errand) {
    parentPort?.postMessage((await ERRANDS[errand](bridge)).join());
    return bridge.close();
  }
  const counter = await bridge.callRef('bridge_fixture:Counter');
  const said = await talk(bridge, name);
  // Python keeps a function of a Worker that may end before it is called.
  await bridge.call('bridge_fixture:keep_function', [() => name]);
  parentPort?.postMessage(said);
  if (ending === 'close') await bridge.close();
  if (ending === 'exit') process.exit(0);
  if (ending === 'busy') {
    bridge.call('time:sleep', [0.2]).catch(() => {});
    bridge.call('bridge_fixture:call_host_async', ['desk.never']).catch(() => {});
    await bridge.call('bridge_fixture:call_host', ['desk.never']);
  }
  void counter;
}

/** Starts a Worker; ends with its first word and its exit code. */
function start(task: Task): Promise<string> {
  const worker = new Worker(__filename, { workerData: task, argv: process.argv.slice(2) });
  let said = 'nothing';
  return new Promise((resolve, reject) => {
    worker.on('message', (word: string) => {
      said = word;
      if (task.ending === 'busy') setTimeout(() => void worker.terminate(), 50);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => resolve(`${said} ${code}`));
  });
}

const ENDINGS: Task['ending'][] = ['close', 'forget', 'exit', 'busy'];

const scenarios: Record<string, () => Promise<unknown>> = {
  together: async () => {
    const bridge = await open('main');
    const workers = ['a', 'b', 'c'].map((name) => start({ name, ending: 'close' }));
    const said = await Promise.all([talk(bridge, 'main'), ...workers]);
    said.push(await talk(bridge, 'main'));
    await bridge.close();
    return said;
  },
  'without-main': async () => {
    const said = [await start({ name: 'first', ending: 'forget' })];
    said.push(await start({ name: 'second', ending: 'busy' }));
    const bridge = await open('main');
    said.push(await talk(bridge, 'main'));
    await bridge.close();
    return said;
  },
  asks: async () => {
    const bridge = await open('main');
    const said = [await start({ name: 'a', ending: 'close', errand: 'ask' })];
    said.push((await reached(bridge)).join());
    await bridge.close();
    return said;
  },
  component: async () => {
    const bridge = await open('main');
    await bridge.call('sys:path.insert', [0, process.argv[3]]);
    const said = [await start({ name: 'a', ending: 'close', errand: 'component' })];
    said.push((await reachedByComponent(bridge)).join());
    await bridge.close();
    return said;
  },
  stores: async () => {
    const bridge = await open('main');
    const storage = new AsyncLocalStorage<string>();
    await bridge.call('bridge_fixture:keep_function', [() => storage.getStore() ?? 'none']);
    // Calls of the Worker's have the numbers of these.
    const controller = new AbortController();
    const wait = (): Promise<unknown> =>
      bridge.call('asyncio:sleep', [60], { signal: controller.signal }).catch(() => {});
    const waiting = storage.run('of another call', () => Array.from({ length: 50 }, wait));
    const said = await start({ name: 'a', ending: 'close', errand: 'kept' });
    controller.abort();
    await Promise.all(waiting);
    await bridge.close();
    return said;
  },
  late: async () => {
    const bridge = await open('main');
    await start({ name: 'a', ending: 'close', errand: 'leave' });
    const late = await bridge.call('session_fixture:asked_late');
    await bridge.close();
    return late;
  },
  exits: async () => {
    const bridge = await open('main');
    const said: string[] = [];
    for (let i = 0; i < 20; i++) {
      said.push(await start({ name: `w${i}`, ending: ENDINGS[i % ENDINGS.length] }));
      if (bridge.callSync('operator:add', i, i) !== 2 * i) said.push('main is ill');
    }
    said.push(await talk(bridge, 'main'));
    const kept = await bridge.call('bridge_fixture:call_kept');
    await bridge.close();
    return { said, kept };
  },
};

async function main(): Promise<void> {
  if (!isMainThread) return work(workerData as Task);
  const came = await scenarios[process.argv[2]]();
  process.stdout.write(`OUTCOME ${JSON.stringify(came)} END\n`);
}

void main();
