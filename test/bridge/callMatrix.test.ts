/** One table of calls: each place in each language, waiting and awaited, by position and by keyword, on both hosts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { HostKind } from '../../extension/conductor/host';
import type { Bridge } from '../../extension/conductor/openBridge';
import { HOSTS, scratchFolder } from './bothHosts';
import { bundleOf } from './children';
import { buildExample } from './exampleComponent';
import { NO_SYNC, openForRows, outcomeOf, type Place, type Row } from './matrixCalls';

const PLACES: readonly Place[] = [
  'JavaScript thread',
  'Worker',
  'Python thread',
  'asyncio task',
  'own event loop',
  'DAG step',
  'component',
];

const folder = scratchFolder();
before(() => buildExample(folder));

const rows = HOSTS.flatMap((host) =>
  PLACES.flatMap((place) =>
    (['sync', 'async'] as const).flatMap((manner) =>
      (['positional', 'keyword'] as const).flatMap((passing) =>
        (['Python', 'TypeScript'] as const).map((to): Row => ({ host, place, manner, passing, to })),
      ),
    ),
  ),
);

/** The sum of 1 and 2, or why it is refused. */
function expected({ host, place, manner, to }: Row): unknown {
  // It would stop the event loop that runs it.
  if (place === 'asyncio task' && manner === 'sync') return 'deadlock';
  const onJavaScript = place === 'JavaScript thread' || place === 'Worker';
  const needsSync = to === 'Python' ? manner === 'sync' : onJavaScript;
  return host === 'subprocess' && needsSync ? NO_SYNC : 3;
}

for (const row of rows) {
  const { host, place, manner, passing, to } = row;
  const name = `${host}: ${place}, ${manner}, ${passing}, to ${to}: ${expected(row)}`;
  test(name, { timeout: 60_000 }, async () => {
    // First of all: the main thread starts Python.
    const bridge = await bridgeOf(host);
    const outcome = place === 'Worker' ? await askWorker(host, row) : await outcomeOf(bridge, row);
    assert.equal(outcome, expected(row));
  });
}

const bridges = new Map<HostKind, Promise<Bridge>>();
const workers = new Map<HostKind, Worker>();

function bridgeOf(host: HostKind): Promise<Bridge> {
  const bridge = bridges.get(host) ?? openForRows(host, folder);
  bridges.set(host, bridge);
  return bridge;
}

async function askWorker(host: HostKind, row: Row): Promise<unknown> {
  const worker =
    workers.get(host) ?? new Worker(bundleOf('test/bridge/matrixCalls.ts'), { workerData: host });
  workers.set(host, worker);
  worker.postMessage(row);
  const [outcome] = await once(worker, 'message');
  return outcome;
}

after(async () => {
  for (const worker of workers.values()) await worker.terminate();
  for (const bridge of bridges.values()) await (await bridge).close();
});
