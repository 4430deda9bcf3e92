/** The tree of spans: what runs in a call, a step or a model is below its span, whatever its starter was in. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTraceFile } from '../../extension/conductor/traceFile';
import { spanAt, spanCount, type TraceModel } from '../../extension/protocol/trace/model';
import { HOSTS, openForTest, scratchFolder } from './bothHosts';

/** The names from a span up to the root. */
function pathOf(model: TraceModel, row: number): string {
  const { name, parent } = spanAt(model, row);
  return parent === null ? name : `${name} < ${pathOf(model, parent)}`;
}

/** The paths of all spans of that name, in the order of their beginnings. */
function pathsOf(model: TraceModel, name: string): string[] {
  const rows = Array.from({ length: spanCount(model) }, (_, row) => row);
  return rows.filter((row) => spanAt(model, row).name === name).map((row) => pathOf(model, row));
}

const RUN = 'run spans < dag.execute < starter < span_fixture.steps';
const INVOKED = 'pool.invoke < starter < span_fixture.models';
const CALLED = 'function < starter < span_fixture.call';

for (const host of HOSTS) {
  test(`regression: ${host}: what runs for a script’s span on another thread has the span of its own call above it`, async (t) => {
    const traceFile = join(scratchFolder(), `${host}.symtrace`);
    const bridge = await openForTest(t, host, { traceFile });
    await bridge.call('span_fixture:steps');
    await bridge.call('span_fixture:models');
    for (const inner of ['work', 'work_async']) {
      await bridge.call('span_fixture:call', [() => bridge.call(`span_fixture:${inner}`)]);
    }
    await bridge.close();

    const expected = [
      `on a thread < ${RUN}`,
      `on the loop < ${RUN}`,
      `thread model < ${INVOKED}`,
      `loop model < ${INVOKED}`,
      INVOKED,
      `span_fixture.work < ${CALLED}`,
      `span_fixture.work_async < ${CALLED}`,
    ].map((path) => `work < ${path}`);
    const model = readTraceFile(traceFile);
    // Both steps begin at once.
    assert.deepEqual(pathsOf(model, 'work').sort(), [...expected].sort());
    const operations = pathsOf(model, 'pool.status').sort();
    assert.deepEqual(operations, expected.map((path) => `pool.status < ${path}`).sort());
  });
}
