/**
 * Purpose: makes the calls of callMatrix.test.ts: each row is one call from one place, and what came of it.
 * Threads: the main thread imports it; as the program of a Worker it makes there the calls that are asked for.
 * Must not know: what is expected.
 */
import { join } from 'node:path';
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { kw } from '../../extension/bridge/refs';
import type { HostKind } from '../../extension/conductor/host';
import { type Bridge, type EmbeddedBridge, openBridge } from '../../extension/conductor/openBridge';
import { openingWith } from './testPython';

/** Python runs on a JavaScript thread only inside a synchronous call. */
export type Place =
  | 'JavaScript thread'
  | 'Worker'
  | 'Python thread'
  | 'asyncio task'
  | 'own event loop'
  | 'DAG step'
  | 'component';

/** One call: who makes it, how, and where to. */
export interface Row {
  host: HostKind;
  place: Place;
  manner: 'sync' | 'async';
  passing: 'positional' | 'keyword';
  /** TypeScript calls Python, also from a function that Python at the place waits for; or Python calls TypeScript. */
  to: 'Python' | 'TypeScript';
}

/** What a row gives where the host has no synchronous calls. */
export const NO_SYNC = 'no callSync';

/** The second argument, by position or by keyword. */
type Second = number | { second: number };

/** A bridge whose Python finds the fixture; `folders` are where it finds more. */
export async function openForRows(host: HostKind, ...folders: string[]): Promise<Bridge> {
  const bridge = await openBridge({ ...openingWith, host, workspace: process.cwd(), pitHome: null });
  const path = [join(process.cwd(), 'test', 'fixtures', 'python'), ...folders];
  for (const folder of path) await bridge.call('sys:path.insert', [0, folder]);
  bridge.expose('desk', {
    add: (first: number, second: Second) => first + (typeof second === 'number' ? second : second.second),
    askNow: (first: number, second: Second) => callPython(bridge, 'sync', first, second),
    askLater: (first: number, second: Second) => callPython(bridge, 'async', first, second),
  });
  return bridge;
}

/** The result of the call, or the code of its error. */
export async function outcomeOf(bridge: Bridge, row: Row): Promise<unknown> {
  try {
    return await make(bridge, row);
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

const FIXTURE: Record<Place, string> = {
  'JavaScript thread': 'from_here',
  Worker: 'from_here',
  'Python thread': 'from_thread',
  'asyncio task': 'from_task',
  'own event loop': 'from_own_loop',
  'DAG step': 'from_step',
  component: 'from_component',
};

function make(bridge: Bridge, { place, manner, passing, to }: Row): unknown {
  const onJavaScript = FIXTURE[place] === 'from_here';
  if (onJavaScript && to === 'Python') {
    return callPython(bridge, manner, 1, passing === 'keyword' ? { second: 2 } : 2);
  }
  const asking = manner === 'sync' ? 'askNow' : 'askLater';
  const args = [to === 'Python' ? asking : 'add', manner === 'async', passing === 'keyword'];
  const name = `matrix_fixture:${FIXTURE[place]}`;
  if (!onJavaScript) return bridge.call(name, args);
  return hasSync(bridge) ? bridge.callSync(name, ...args) : NO_SYNC;
}

function callPython(bridge: Bridge, manner: Row['manner'], first: number, second: Second): unknown {
  const name = 'matrix_fixture:add';
  const byPosition = typeof second === 'number';
  if (manner === 'async') {
    return byPosition ? bridge.call(name, [first, second]) : bridge.call(name, [first], { kwargs: second });
  }
  if (!hasSync(bridge)) return NO_SYNC;
  return bridge.callSync(name, first, byPosition ? second : kw(second));
}

const hasSync = (bridge: Bridge): bridge is EmbeddedBridge => 'callSync' in bridge;

/** A Worker's life: answers rows one by one until it is terminated. */
async function serve(port: MessagePort): Promise<void> {
  const bridge = await openForRows(workerData as HostKind);
  port.on('message', async (row: Row) => port.postMessage(await outcomeOf(bridge, row)));
}

if (!isMainThread && parentPort) void serve(parentPort);
