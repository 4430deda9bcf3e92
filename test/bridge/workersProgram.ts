/**
 * Purpose: a program whose Workers open bridges of their own, each in its way; see workers.test.ts.
 * Threads: the main thread and Workers, which run this same file.
 * Must not know: the tests.
 */
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type EmbeddedBridge, openBridge } from '../../extension/conductor/openBridge';
import { openingWith } from './testPython';

interface Task {
  name: string;
  ending: 'close' | 'forget' | 'exit' | 'busy';
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

async function work({ name, ending }: Task): Promise<void> {
  const bridge = await open(name);
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
  const worker = new Worker(__filename, { workerData: task });
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
