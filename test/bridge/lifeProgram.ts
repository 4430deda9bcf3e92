/**
 * Purpose: a program that opens a bridge and ends in the way its arguments say; see life.test.ts.
 * Threads: JavaScript main thread only.
 * Must not know: the tests.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HostKind } from '../../extension/conductor/host';
import { type Bridge, openBridge } from '../../extension/conductor/openBridge';
import { openingWith } from './testPython';

const endings: Record<string, (bridge: Bridge) => Promise<void>> = {
  close: (bridge) => bridge.close(),
  /** The end of the program is the end of the bridge. */
  forget: async () => {},
  'exit-7': async () => process.exit(7),
  'exit-in-flight': async (bridge) => {
    bridge.call('time:sleep', [30]).catch(() => {});
    bridge.call('asyncio:sleep', [30]).catch(() => {});
    setTimeout(() => process.exit(0), 100);
  },
  'exit-spinning': async (bridge) => {
    bridge.call('bridge_fixture:spin', [30]).catch(() => {});
    setTimeout(() => process.exit(0), 100);
  },
  throw: async () => {
    throw new Error('on purpose');
  },
  wait: () => new Promise((resolve) => setTimeout(resolve, 60_000)),
  'wait-spinning': async (bridge) => {
    await bridge.call('bridge_fixture:spin', [60]);
  },
  worker: async (bridge) => {
    const worker = new Worker('setTimeout(() => {}, 20)', { eval: true });
    await new Promise((resolve) => worker.once('exit', resolve));
    await bridge.close();
  },
};

async function main(): Promise<void> {
  const [host, ending, python] = process.argv.slice(2) as [HostKind, string, string?];
  const chosen = python ? { ...openingWith, python } : openingWith;
  const bridge = await openBridge({ ...chosen, host, workspace: process.cwd() });
  await bridge.call('sys:path.insert', [0, join(process.cwd(), 'test', 'fixtures', 'python')]);
  const sum = await bridge.call('bridge_fixture:add_async', [20, 22]);
  process.stdout.write(`python ${bridge.info.version} pid ${bridge.info.pid} sum ${sum}\n`);
  await endings[ending](bridge);
}

void main();
