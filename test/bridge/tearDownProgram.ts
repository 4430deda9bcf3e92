/**
 * Purpose: a program that ends, or whose Workers end, while everything is under way; see tearDown.test.ts.
 * Threads: the main thread and Workers, which run this same file.
 * Must not know: the tests.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { HostKind } from '../../extension/conductor/host';
import { type Bridge, type EmbeddedBridge, openBridge } from '../../extension/conductor/openBridge';
import { openingWith } from './testPython';

/** What of ours is held when it ends. */
const held: unknown[] = [];

async function open(host: HostKind): Promise<Bridge> {
  const bridge = await openBridge({ ...openingWith, host, workspace: process.cwd(), pitHome: null });
  await bridge.call('sys:path.append', [join(process.cwd(), 'test', 'fixtures', 'python')]);
  bridge.expose('desk', { double: (value: number) => value * 2, never: () => new Promise(() => {}) });
  return bridge;
}

/** Threads of Python's that call, streams that are half read, objects held on either side: nothing that keeps us alive. */
async function leaveThingsOpen(bridge: Bridge): Promise<void> {
  const fixture = await bridge.import('teardown_fixture');
  for (const make of [fixture.count, fixture.count_async]) {
    const stream = await make(0);
    await stream.next();
    held.push(stream);
  }
  for (let i = 0; i < 5; i++) held.push(await bridge.callRef('bridge_fixture:Counter', [i]));
  await fixture.keep(
    () => held,
    new WeakSet(),
    Symbol('mine'),
    (function* () {
      yield held;
    })(),
  );
  await fixture.call_for_ever(() => held.length);
}

/** Calls of every kind that are not answered when the end comes. */
function callOn(bridge: Bridge): void {
  const forget = (call: Promise<unknown>): void => void call.catch(() => {});
  for (const name of ['time:sleep', 'asyncio:sleep', 'bridge_fixture:spin']) forget(bridge.call(name, [0.5]));
  forget(bridge.call('bridge_fixture:call_host', ['desk.never']));
  forget(bridge.call('bridge_fixture:call_host_async', ['desk.never']));
  forget(bridge.call('teardown_fixture:call_for_ever_async', [() => 1]));
  forget(readOn(bridge));
  const again = (): void => {
    forget(bridge.call('bridge_fixture:echo', [{ a: [1, 'text', new Uint8Array(70_000)] }]).then(again));
    if (isEmbedded(bridge)) bridge.callSync('bridge_fixture:call_back', (n: number) => n, 1);
  };
  again();
}

async function readOn(bridge: Bridge): Promise<void> {
  for await (const _ of await bridge.callRef('teardown_fixture:count', [0.001]));
}

const isEmbedded = (bridge: Bridge): bridge is EmbeddedBridge => bridge.kind === 'embedded';

/** So many Workers live beside each other. */
const AT_ONCE = 3;

/** How a process ends. All but `natural` have calls under way. */
const processEndings: Record<string, (bridge: Bridge) => unknown> = {
  natural: () => {},
  exit: () => process.exit(7),
  'exit-in-callback': (bridge) => {
    if (isEmbedded(bridge)) bridge.callSync('bridge_fixture:call_back', () => process.exit(7));
    bridge.expose('end', { now: () => process.exit(7) });
    return bridge.call('bridge_fixture:call_host', ['end.now']);
  },
  throw: () => {
    throw new Error('on purpose');
  },
  terminate: () => process.kill(process.pid, 'SIGTERM'),
};

/** How a Worker ends, without `close()`; each says `ready` before the main thread may do its part. */
const workerEndings: Record<string, (bridge: EmbeddedBridge) => unknown> = {
  natural: () => parentPort?.postMessage('ready'),
  exit: () => process.exit(0),
  'exit-in-callback': (bridge) => bridge.callSync('bridge_fixture:call_back', () => process.exit(0)),
  /** Terminated inside JavaScript that Python called. */
  'spin-in-callback': (bridge) => {
    parentPort?.postMessage('terminate');
    return bridge.callSync('teardown_fixture:swallow', () => {
      while (true);
    });
  },
  /** Terminated inside Python. */
  'python-in-call': (bridge) => {
    parentPort?.postMessage('terminate');
    return bridge.callSync('time:sleep', 0.1);
  },
  terminate: () => parentPort?.postMessage('terminate'),
};

async function endProcess(host: HostKind, ending: string, waitMs: number): Promise<void> {
  const bridge = await open(host);
  await leaveThingsOpen(bridge);
  if (ending !== 'natural') callOn(bridge);
  process.stdout.write(`pid ${bridge.info.pid} ready\n`);
  // A promise's rejection would tell of itself in other words.
  setTimeout(() => processEndings[ending](bridge), waitMs);
}

async function endWorkers(count: number): Promise<void> {
  const bridge = (await open('embedded')) as EmbeddedBridge;
  const endings = Object.keys(workerEndings);
  const codes: Record<string, unknown> = {};
  const endNext = async (i: number): Promise<void> => {
    const ending = endings[i % endings.length];
    const code = await endWorker(ending, i % 7);
    if (bridge.callSync('operator:add', i, i) !== 2 * i) codes.main = 'ill';
    codes[`${ending} ${code}`] = Number(codes[`${ending} ${code}`] ?? 0) + 1;
  };
  for (let i = 0; i < count; i += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, k) => endNext(i + k));
    await Promise.all(some);
  }
  process.stdout.write(`OUTCOME ${JSON.stringify({ codes, left: await whatIsLeft(bridge) })} END\n`);
  await bridge.close();
}

function endWorker(ending: string, waitMs: number): Promise<number> {
  const worker = new Worker(__filename, { workerData: ending });
  return new Promise((resolve, reject) => {
    worker.on('message', (word) => {
      if (word === 'terminate') setTimeout(() => void worker.terminate(), waitMs);
    });
    worker.on('error', reject);
    worker.on('exit', resolve);
  });
}

/** The Python objects that live on, once what had to be released has had the time; modules live long. */
async function whatIsLeft(bridge: Bridge): Promise<unknown> {
  let left: unknown;
  for (let i = 0; i < 100; i++) {
    const counters = await bridge.call('bridge_fixture:counters_alive');
    const handles = await bridge.call<string[]>('object_fixture:live', ['python']);
    left = { counters, handles };
    if (counters === 0 && handles.length === 0) break;
    await delay(20);
  }
  return left;
}

async function main(): Promise<void> {
  if (!isMainThread) {
    const bridge = (await open('embedded')) as EmbeddedBridge;
    await leaveThingsOpen(bridge);
    if (workerData !== 'natural') callOn(bridge);
    return void workerEndings[workerData as string](bridge);
  }
  const [host, ending, number] = process.argv.slice(2);
  if (ending === 'workers') return endWorkers(Number(number));
  return endProcess(host as HostKind, ending, Number(number));
}

void main();
