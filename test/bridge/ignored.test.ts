/** TypeScript that takes the signal of its call, and goes on after Python has cancelled it, is told of. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { currentCall } from '../../extension/bridge/scope';
import { readTraceFile } from '../../extension/conductor/traceFile';
import { spanAt } from '../../extension/protocol/trace/model';
import { HOSTS, openForTest, recordOutput, scratchFolder } from './bothHosts';

const TOLD = 'desk.wait of TypeScript goes on after its cancellation';

for (const host of HOSTS) {
  test(`${host}: regression: a function that does not end after its cancellation is named, once`, async (t) => {
    const traceFile = join(scratchFolder(), 'ignored.symtrace');
    const bridge = await openForTest(t, host, { traceFile });
    const output = recordOutput(bridge);
    const fixture = await bridge.import('cancel_fixture');
    await fixture.take_log();
    let taken = 0;
    let end = (): void => {};
    bridge.expose('desk', {
      async wait(kind: string) {
        taken += currentCall()?.signal ? 1 : 0;
        await fixture.note('began');
        // One takes a while to clean up, the other waits for what does not come.
        await (kind === 'slow' ? delay(400) : new Promise<void>((resolve) => (end = resolve)));
      },
    });
    const isTold = fixture.cancel_task('call_typescript', 'wait', 'for ever');
    while (!output.stderr.includes(TOLD)) await delay(20);
    // It is told while Python waits, and not again.
    await delay(1200);
    assert.deepEqual(await fixture.take_log(), ['began']);
    end();
    assert.equal(await isTold, 'CancelledError');
    assert.equal(await fixture.cancel_task('call_typescript', 'wait', 'slow'), 'CancelledError');
    await delay(1200);
    assert.equal(taken, 2);
    assert.equal(output.stderr.split(TOLD).length - 1, 1, output.stderr);
    const model = readTraceFile(traceFile);
    const told = model.errors.filter(({ message }) => message === TOLD);
    assert.deepEqual(
      told.map(({ row }) => spanAt(model, row).name),
      ['desk.wait'],
    );
  });
}
