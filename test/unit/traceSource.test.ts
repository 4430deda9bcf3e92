/** Which trace the panel shows, and what with it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Bridge } from '../../extension/conductor/openBridge';
import { WorkbenchTrace } from '../../extension/views/traceSource';
import type { RunRecord } from '../../extension/workbench/runs';

const TOUR = join(__dirname, '..', 'fixtures', 'tour.trace');
const nothingHappens = () => ({ dispose: () => {} });

function source(parts: { last?: Partial<RunRecord>; kept?: string }): WorkbenchTrace {
  const runs = { last: parts.last as RunRecord | undefined, onDidChange: nothingHappens };
  return new WorkbenchTrace(runs, { current: undefined }, async () => parts.kept);
}

test('before anything ran, the newest trace that was kept is shown: a crashed window left it', async () => {
  const data = await source({ kept: TOUR }).load();
  assert.match(data?.title ?? '', /^Earlier: /);
  assert.ok(data && data.model.spans.id.length > 50);
  assert.equal(data.errors.length, 1);
  assert.ok(data.handles.some(({ state }) => state === 'leak'));
});

test('without any trace there is nothing to show', async () => {
  assert.equal(await source({}).load(), null);
});

test('a run whose file is there wins over what was kept', async () => {
  const bridge = { info: { traceFile: TOUR } } as Bridge;
  const last = { name: 'mine.py', startedAt: 0, bridge, errors: [], handles: [] };
  assert.equal((await source({ last, kept: '/nowhere' }).load())?.title, 'mine.py');
});
