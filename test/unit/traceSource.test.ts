/** Which trace the panel shows, and what with it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Bridge } from '../../extension/conductor/openBridge';
import type { CrashReport } from '../../extension/protocol/crashReport';
import { WorkbenchTrace } from '../../extension/views/traceSource';
import type { RunRecord } from '../../extension/workbench/runs';

const TOUR = join(__dirname, '..', 'fixtures', 'tour.trace');
const crash = { id: 'it', atMs: 0, traceFile: TOUR } as CrashReport;
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

test('a crash is shown with its own recording until the next run begins', async () => {
  let begin = (_: RunRecord): void => {};
  const bridge = { info: { traceFile: TOUR } } as Bridge;
  const last = { name: 'mine.py', startedAt: 0, bridge, errors: [], handles: [] } as unknown as RunRecord;
  const onDidChange = (listener: typeof begin) => {
    begin = listener;
    return nothingHappens();
  };
  const trace = new WorkbenchTrace({ last, onDidChange }, { current: undefined }, async () => undefined);
  let changes = 0;
  trace.onDidChange(() => changes++);
  trace.showCrash(crash);
  const data = await trace.load();
  assert.equal(changes, 1);
  assert.equal(data?.crash, crash);
  assert.match(data?.title ?? '', /^Crash: /);
  trace.showCrash({ ...crash, traceFile: null });
  assert.equal(await trace.load(), null);
  assert.equal(trace.crash?.id, 'it', 'without a recording the report is still there');
  begin({ ...last, end: undefined });
  assert.equal(trace.crash, null);
  assert.equal((await trace.load())?.title, 'mine.py');
  trace.dispose();
});
