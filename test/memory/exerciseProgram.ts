/**
 * Purpose: uses the bridge in every way, many times, and ends; see sanitizers.test.ts, which runs it under a memory checker.
 * Threads: JavaScript main thread, and Workers, which run this same file.
 * Must not know: the checker.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { addonPaths } from '../../extension/bridge/addon';
import { view } from '../../extension/bridge/codec';
import { kw, type PyObject } from '../../extension/bridge/refs';
import { type Bridge, type EmbeddedBridge, openBridge } from '../../extension/conductor/openBridge';
import { runScript } from '../../extension/conductor/runScript';

/** What the program is told by its arguments. */
interface Task {
  host: 'embedded' | 'subprocess';
  /** Product folder with the build to use. */
  root: string;
  python: string;
  /** What LD_PRELOAD loads into children, where these are checked and this process is not. */
  preload: string | null;
  rounds: number;
  /** Where the fault is that is done on purpose, and which: `none`, `c++ leak`, `rust overflow`, `component leak`. */
  plant: string;
}

async function open({ host, root, python }: Task): Promise<Bridge> {
  const bridge = await openBridge({
    host,
    root,
    python,
    workspace: process.cwd(),
    pitHome: null,
  });
  // What Rust says when it panics is judged, wherever it says so.
  if (!isEmbedded(bridge)) bridge.onDidOutput(({ text }) => process.stderr.write(text));
  await bridge.call('sys:path.append', [join(process.cwd(), 'test', 'fixtures', 'python')]);
  bridge.expose('desk', {
    double: (value: number) => value * 2,
    later: async (value: unknown) => value,
    fail: () => {
      throw new RangeError('on purpose');
    },
  });
  return bridge;
}

/** Every way over the border, once. */
async function round(bridge: Bridge): Promise<void> {
  const fixture = await bridge.import('memory_fixture');
  if (isEmbedded(bridge)) calls(bridge);
  await Promise.all([asynchronous(bridge), failing(bridge), cancelled(bridge)]);
  await values(bridge, fixture);
  await objects(bridge);
  await streams(bridge);
  await fixture.use_pit();
  await fixture.use_pit_async();
  await fixture.use_component();
  await fixture.panic();
  await runScript(bridge, join('test', 'fixtures', 'scripts', 'arguments.conductor.py'), { args: ['a'] });
}

function isEmbedded(bridge: Bridge): bridge is EmbeddedBridge {
  return bridge.kind === 'embedded';
}

function calls(bridge: EmbeddedBridge): void {
  const add = bridge.sync<number>('operator:add');
  for (let i = 0; i < 20; i++) expect(add(i, 1), i + 1);
  expect(
    bridge.callSync('bridge_fixture:call_back', (n: number) => add(n, 1), 1),
    2,
  );
  expect(bridge.callSync('bridge_fixture:call_host', 'desk.double', 4), 8);
  const floats = new Float64Array(50_000).fill(0.5);
  expect(bridge.callSync('builtins:sum', view(floats)), 25_000);
  bridge.callSync('view_fixture:give_back', view(floats));
  bridge.callSync('bridge_fixture:call_back', (x: unknown) => x, { floats, text: 'ä'.repeat(100_000) });
  caught(() => bridge.callSync('bridge_fixture:fail', 'on purpose'));
  caught(() => bridge.callSync('bridge_fixture:call_host', 'desk.fail'));
  caught(() =>
    bridge.callSync('memory_fixture:take', {
      get bad() {
        throw new Error('a getter');
      },
    }),
  );
}

async function asynchronous(bridge: Bridge): Promise<void> {
  const made = Array.from({ length: 20 }, (_, i) =>
    bridge.call('bridge_fixture:echo', [i, 'text', [1.5, null]]),
  );
  made.push(bridge.call('bridge_fixture:add_async', [1, 2]), bridge.call('bridge_fixture:samples'));
  made.push(bridge.call('bridge_fixture:call_host', ['desk.later', { a: [1] }]));
  made.push(bridge.call('bridge_fixture:call_host_async', ['desk.double', 3]));
  made.push(bridge.call('bridge_fixture:run_own_loop', ['desk.later', 5]));
  await Promise.all(made);
}

async function failing(bridge: Bridge): Promise<void> {
  await refused(bridge.call('bridge_fixture:fail', ['on purpose']));
  await refused(bridge.call('bridge_fixture:fail_async', ['on purpose']));
  await refused(bridge.call('bridge_fixture:call_host', ['desk.fail']));
  await refused(bridge.call('no_such_module:function'));
}

async function cancelled(bridge: Bridge): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = [
    bridge.call('asyncio:sleep', [30], { signal }),
    bridge.call('bridge_fixture:sleep_async', [30], { signal }),
    bridge.call('bridge_fixture:spin', [30], { signal }),
    bridge.call('bridge_fixture:call_host_async', ['desk.later', 1], { signal }),
  ].map((call) => call.catch(() => {}));
  await delay(20);
  controller.abort();
  await Promise.all(waiting);
}

async function values(bridge: Bridge, fixture: PyObject): Promise<void> {
  const all = (await fixture.values()) as unknown[];
  await fixture.take(...all);
  if (isEmbedded(bridge))
    bridge.callSync('memory_fixture:take', ...(bridge.callSync('memory_fixture:values') as unknown[]));
  const shared = { deep: [1, { x: new Date(0) }] };
  const own = [
    new Map([[1, 2]]),
    new Set(['a']),
    2n ** 80n,
    new BigInt64Array(5),
    new DataView(new ArrayBuffer(9)),
  ];
  await fixture.take(...own, shared, [shared, shared], new Uint8Array(300_000), undefined, Symbol('s'), /x/);
}

async function objects(bridge: Bridge): Promise<void> {
  const objects = await bridge.import('object_fixture');
  using shelf = await objects.Shelf('a', 'b');
  await shelf.itself();
  await objects.same(shelf, shelf, kw({})).catch(() => {});
  await objects.nested();
  await objects.run(
    'result = [a["x"], a["f"](1), list(b), len(b)]',
    { x: 1, f: (n: number) => n, g() {} },
    new Set([1, 2]),
  );
  await objects.run_async('return await a.call_async(2)', async (n: number) => n);
  await bridge.call('memory_fixture:hold', [(n: number) => [n, shelf]]);
  await bridge.call('memory_fixture:use_held', [1]);
}

async function streams(bridge: Bridge): Promise<void> {
  const objects = await bridge.import('object_fixture');
  for (const make of [objects.count, objects.count_async]) {
    for await (const _ of await make(3));
    for await (const number of await make(100)) if (number === 2) break;
    const left = await make(5);
    await left.next();
  }
  if (isEmbedded(bridge)) for (const _ of (await objects.count(3)) as Iterable<number>);
  const made = (function* () {
    yield* [1, 2, 3];
  })();
  await objects.run('result = list(a)', made);
  await objects.take_log();
}

/** Rounds in Workers that end in each way. */
async function workers(task: Task): Promise<void> {
  for (const ending of ['close', 'forget', 'terminate']) {
    const worker = new Worker(__filename, { workerData: { ...task, ending } });
    await new Promise((resolve, reject) => {
      worker.on('message', () => void worker.terminate());
      worker.on('error', reject);
      worker.on('exit', resolve);
    });
  }
}

async function work(task: Task & { ending: string }): Promise<void> {
  const bridge = await open(task);
  await round(bridge);
  if (task.ending === 'close') await bridge.close();
  if (task.ending !== 'terminate') return;
  bridge.call('time:sleep', [0.1]).catch(() => {});
  const { parentPort } = await import('node:worker_threads');
  parentPort?.postMessage('busy');
  await bridge.call('bridge_fixture:call_host', ['desk.later', new Promise(() => {})]);
}

/** Does the harm that the task names. */
async function plant(bridge: Bridge, { root, plant }: Task): Promise<void> {
  const [place, fault] = plant.split(' ');
  // One among what caches add would not be seen.
  const times = fault === 'lost-list' ? 200 : 1;
  for (let i = 0; place === 'rust' && i < times; i++)
    await bridge.call('symphony_bridge._native:_plant', [fault]);
  if (place === 'component') await bridge.call('memory_fixture:plant', [fault]);
  if (place === 'c++') (createRequire(__filename)(addonPaths(root).addon) as Planted).plant(fault);
}

interface Planted {
  plant(fault: string): number;
}

async function main(): Promise<void> {
  if (!isMainThread) return work(workerData as Task & { ending: string });
  // At its end this process looks for leaks. A child looks when it is told to: a Python that ends leaves much behind.
  process.env.ASAN_OPTIONS += ':leak_check_at_exit=0:fast_unwind_on_malloc=1';
  const task = JSON.parse(process.argv[2]) as Task;
  if (task.preload !== null) process.env.LD_PRELOAD = task.preload;
  const bridge = await open(task);
  const collected = (): Promise<number> => bridge.call('memory_fixture:collected');
  const seen: number[] = [];
  for (let i = 0; i < task.rounds; i++) {
    await round(bridge);
    if (i === 1 && isEmbedded(bridge)) await workers(task);
    if (task.plant !== 'none') await plant(bridge, task);
    globalThis.gc?.();
    await delay(1);
    seen.push(await collected());
  }
  if (!isEmbedded(bridge)) await bridge.call('memory_fixture:look_for_leaks');
  await bridge.close();
  process.stdout.write(`COLLECTED ${JSON.stringify(seen)} END\n`);
}

function caught(body: () => unknown): void {
  try {
    body();
  } catch {
    return;
  }
  throw new Error('nothing was thrown');
}

async function refused(call: Promise<unknown>): Promise<void> {
  const outcome = await call.then(
    () => 'came',
    () => 'refused',
  );
  expect(outcome, 'refused');
}

function expect(came: unknown, wanted: unknown): void {
  if (came !== wanted) throw new Error(`${String(came)} came, not ${String(wanted)}`);
}

void main();
