/**
 * Purpose: a program that embeds Python and ends in the way its arguments say; see blackBox.test.ts.
 * Threads: JavaScript main thread, and a Worker when it is asked for.
 * Must not know: the tests.
 */
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { BlackBox } from '../../extension/conductor/crash/blackBox';
import { type Bridge, openBridge } from '../../extension/conductor/openBridge';
import { openingWith } from './testPython';

const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60_000));

const endings: Record<string, (bridge: Bridge) => Promise<unknown>> = {
  segfault: (bridge) => bridge.call('ctypes:string_at', [0]),
  close: (bridge) => bridge.close(),
  exit: async (bridge) => {
    bridge.call('time:sleep', [30]).catch(() => {});
    setTimeout(() => process.exit(0), 50);
  },
  idle: async () => {
    process.stdout.write('ready\n');
    await wait();
  },
  busy: async (bridge) => {
    bridge.call('time:sleep', [60]).catch(() => {});
    // What was sent has begun once something after it was answered.
    await bridge.call('math:floor', [2.5]);
    process.stdout.write('ready\n');
    await wait();
  },
  /** Both threads embed it, and the Worker is ended by force before the process ends well. */
  worker: async (bridge) => {
    const worker = new Worker(__filename, { workerData: process.argv.slice(2) });
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    await bridge.close();
  },
};

async function main(): Promise<void> {
  const [folder, ending] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
  const bridge = await openBridge({
    ...openingWith,
    host: 'embedded',
    workspace: folder,
    traceFile: join(folder, 'program.symtrace'),
    blackBox: new BlackBox(join(folder, 'crashes')),
  });
  await bridge.call('math:floor', [2.5]);
  if (isMainThread) await endings[ending](bridge);
  else (await import('node:worker_threads')).parentPort?.postMessage('ready');
}

void main();
