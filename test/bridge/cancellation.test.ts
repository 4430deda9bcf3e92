/**
 * Cancellation in every direction, over one border and over two: the cancelled side has cleaned up before the
 * canceller is told, and nothing stays behind.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type BridgeError, CallCancelled } from '../../extension/bridge/errors';
import type { IgnoredCancel } from '../../extension/bridge/ignoredCancels';
import { kw, type PyObject } from '../../extension/bridge/refs';
import { currentCall } from '../../extension/bridge/scope';
import type { Bridge } from '../../extension/conductor/openBridge';
import { readTraceFile } from '../../extension/conductor/traceFile';
import { spanAt } from '../../extension/protocol/trace/model';
import { onBothHosts, openForTest, recordOutput, rejection, scratchFolder } from './bothHosts';
import { nothingLeft } from './objectFixture';

interface Scene {
  fixture: PyObject;
  log(): Promise<string[]>;
  began(): Promise<void>;
}

/** `desk.wait` waits for its signal, `desk.call` for Python, and both take a moment to clean up. */
async function scene(bridge: Bridge): Promise<Scene> {
  const fixture = await bridge.import('cancel_fixture');
  // Embedded bridges share the module.
  await fixture.take_log();
  bridge.expose('desk', {
    async wait() {
      const signal = currentCall()?.signal;
      assert.ok(signal);
      await fixture.note('began');
      // The news that it has begun may be answered by the cancellation.
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await delay(100);
      // A call that cleans up is a call like any other.
      await fixture.note('cleaned up');
      signal.throwIfAborted();
    },
    call: (name: string, ...args: unknown[]) => fixture[name](...args),
  });
  return {
    fixture,
    log: () => fixture.take_log(),
    async began() {
      while (!(await bridge.call<string[]>('cancel_fixture:log.copy')).includes('began')) await delay(5);
    },
  };
}

/** What an aborted signal reaches, by the way it takes. */
const FROM_TYPESCRIPT: Record<string, [string, ...unknown[]]> = {
  'a coroutine': ['coroutine'],
  'a thread': ['thread'],
  'a coroutine, Rust': ['rust'],
  'a thread, Rust': ['rust_on_thread'],
  'a coroutine, TypeScript': ['call_typescript', 'wait'],
  'a thread, TypeScript': ['call_typescript_on_thread', 'wait'],
  'a coroutine, TypeScript, a coroutine': ['call_typescript', 'call', 'coroutine'],
  'a thread, TypeScript, a coroutine': ['call_typescript_on_thread', 'call', 'coroutine'],
  'a coroutine, TypeScript, a thread': ['call_typescript', 'call', 'thread'],
  'a coroutine, TypeScript, Rust': ['call_typescript', 'call', 'rust'],
  'a coroutine, Rust, a coroutine': ['through_rust', 'coroutine'],
  'a coroutine, Rust, a thread': ['through_rust', 'thread'],
  'a coroutine, a run, a coroutine': ['through_dag', 'coroutine'],
  'a coroutine, a run, a thread': ['through_dag', 'thread'],
  'a coroutine, a run, TypeScript': ['through_dag', 'step_calls_typescript'],
};

onBothHosts('an AbortSignal reaches everything', async (bridge) => {
  const { fixture, log, began } = await scene(bridge);
  for (const [way, [name, ...args]] of Object.entries(FROM_TYPESCRIPT)) {
    const controller = new AbortController();
    const call = fixture[name].with({ signal: controller.signal })(...args);
    await began();
    controller.abort();
    const error = await rejection(call);
    assert.ok(error instanceof CallCancelled && error.code === 'cancelled', `${way}: ${error.stack}`);
    assert.deepEqual(await log(), ['began', 'cleaned up'], way);
  }
  await nothingLeft(await bridge.import('object_fixture'));
});

/** What `task.cancel()` reaches. */
const FROM_ASYNCIO: Record<string, [string, ...unknown[]]> = {
  'a coroutine': ['coroutine'],
  Rust: ['rust'],
  TypeScript: ['call_typescript', 'wait'],
  'TypeScript, a coroutine': ['call_typescript', 'call', 'coroutine'],
  'TypeScript, a thread': ['call_typescript', 'call', 'thread'],
  'TypeScript, Rust': ['call_typescript', 'call', 'rust'],
  'Rust, a coroutine': ['through_rust', 'coroutine'],
  'Rust, a thread': ['through_rust', 'thread'],
  'a run, a coroutine': ['through_dag', 'coroutine'],
  'a run, TypeScript': ['through_dag', 'step_calls_typescript'],
};

onBothHosts('task.cancel() and asyncio timeouts reach everything', async (bridge) => {
  const { fixture, log } = await scene(bridge);
  for (const [way, [name, ...args]] of Object.entries(FROM_ASYNCIO)) {
    assert.equal(await fixture.cancel_task(name, ...args), 'CancelledError', way);
    assert.deepEqual(await log(), ['began', 'cleaned up', 'told'], way);
  }
  for (const name of ['rust', 'call_typescript']) {
    const args = name === 'rust' ? [] : ['wait'];
    assert.equal(await fixture.time_out(name, ...args), 'TimeoutError', name);
    assert.deepEqual(await log(), ['began', 'cleaned up', 'told'], name);
  }
  await nothingLeft(await bridge.import('object_fixture'));
});

onBothHosts('Rust reaches what it has called, and waits for its clean-up', async (bridge) => {
  const { fixture, log } = await scene(bridge);
  for (const step of ['coroutine', 'thread', 'step_calls_typescript', 'step_waits_for_rust']) {
    assert.equal(await fixture.cancel_run(step), 'cancelled', step);
    assert.deepEqual(await log(), ['began', 'cleaned up', 'told'], step);
  }
  await nothingLeft(await bridge.import('object_fixture'));
});

onBothHosts('deadlines cancel, and say so on both sides', async (bridge) => {
  const { fixture, log } = await scene(bridge);
  const within = { deadlineMs: 300 };
  for (const name of ['reason_of_cancel', 'reason_on_thread']) {
    const error = await rejection(fixture[name](kw({}), within));
    assert.equal((error as BridgeError).code, 'deadline', error.stack);
    assert.match(error.message, /deadline of 300 ms/);
    const entries = await log();
    const hasReasons = bridge.info.version >= '3.9' && !bridge.info.version.startsWith('3.8');
    if (hasReasons || name === 'reason_on_thread') {
      assert.match(
        entries.join(),
        new RegExp(`cancel_fixture\\.${name} was cancelled: its deadline of 300 ms passed`),
      );
    }
  }
  // A deadline holds for what the call asks of others, too.
  const nested = await rejection(fixture.call_typescript('call', 'coroutine', kw({}), within));
  assert.equal((nested as BridgeError).code, 'deadline');
  assert.deepEqual(await log(), ['began', 'cleaned up']);
  const timed = await rejection(fixture.coroutine.with({ signal: AbortSignal.timeout(100) })());
  assert.ok(timed instanceof CallCancelled && timed.code === 'deadline', timed.stack);
  assert.match(timed.message, /time of its signal is over/);
});

onBothHosts('what a call makes for another ends with it, unless it is to go on', async (bridge) => {
  const { fixture, log } = await scene(bridge);
  let apart: Promise<unknown> | undefined;
  bridge.expose('desk', {
    async call() {
      apart = fixture.add_async(1, kw({ second: 2 }), { signal: null });
      await fixture.coroutine();
    },
  });
  assert.equal(await fixture.cancel_task('call_typescript', 'call'), 'CancelledError');
  assert.deepEqual(await log(), ['began', 'cleaned up', 'told']);
  assert.equal(await apart, 3);
});

onBothHosts('who ignores a cancellation is named, with its stack, and so is its end', async (bridge) => {
  const { fixture, log } = await scene(bridge);
  const told: IgnoredCancel[] = [];
  bridge.host.session.onDidIgnoreCancel((ignored) => told.push(ignored));
  const output = recordOutput(bridge);
  const controller = new AbortController();
  const waiting = fixture.stubborn.with({ signal: controller.signal })(1.7);
  const given = rejection(fixture.stubborn.with({ signal: controller.signal, giveUp: true })(1.7));
  setTimeout(() => controller.abort(), 50);
  const abandoned = await given;
  assert.equal((abandoned as BridgeError).code, 'abandoned', abandoned.stack);
  assert.match(abandoned.message, /cancel_fixture\.stubborn .*in stubborn.*in _deeper/s);
  assert.equal(await waiting, 'ended');
  while (told.length < 4) await delay(10);
  assert.deepEqual(told.map(({ ended }) => ended).sort(), [false, false, true, true]);
  for (const { label, seconds, stack } of told) {
    assert.equal(label, 'cancel_fixture.stubborn');
    assert.ok(seconds >= 0.9, String(seconds));
    assert.match(stack, /in _deeper/);
  }
  assert.match(output.stderr, /stubborn goes on 1\.\d s after it was cancelled; it is at:/);
  assert.match(output.stderr, /stubborn has ended/);
  assert.equal((await log()).filter((entry) => entry.startsWith('ignored')).length, 2);
});

test('the trace shows who ignores a cancellation', async (t) => {
  const traceFile = join(scratchFolder(), 'ignored.symtrace');
  const { fixture } = await scene(await openForTest(t, 'subprocess', { traceFile }));
  const controller = new AbortController();
  const waiting = fixture.stubborn.with({ signal: controller.signal })(1.3);
  setTimeout(() => controller.abort(), 50);
  assert.equal(await waiting, 'ended');
  const model = readTraceFile(traceFile);
  const ignored = model.errors.filter(({ message }) => message === 'goes on after its cancellation');
  assert.equal(ignored.length, 1);
  assert.match(spanAt(model, ignored[0].row).name, /stubborn/);
});

onBothHosts('the end of an abandoned call is told', async (bridge) => {
  const { fixture } = await scene(bridge);
  const told: IgnoredCancel[] = [];
  bridge.host.session.onDidIgnoreCancel((ignored) => told.push(ignored));
  const error = await rejection(fixture.deaf(1.5, kw({}), { deadlineMs: 50 }));
  assert.equal((error as BridgeError).code, 'abandoned', error.stack);
  assert.match(error.message, /deadline of 50 ms.*in deaf/s);
  while (told.length === 0) await delay(10);
  assert.deepEqual(
    told.map(({ label, ended }) => [label, ended]),
    [['cancel_fixture.deaf', true]],
  );
});

onBothHosts('returning from a stream stops the step that runs', async (bridge) => {
  const fixture = await bridge.import('object_fixture');
  for (const make of [fixture.stuck_async, fixture.stuck]) {
    await fixture.take_log();
    const stream = await make();
    assert.equal((await stream.next()).value, 1);
    const pending = stream.next();
    await delay(50);
    assert.deepEqual(await stream.return('over'), { done: true, value: 'over' });
    assert.deepEqual(await fixture.take_log(), ['closed']);
    assert.deepEqual(await pending, { done: true, value: undefined });
  }
  await nothingLeft(fixture);
});

onBothHosts('a consumer in Python that is cancelled stops a stream of TypeScript', async (bridge) => {
  const fixture = await bridge.import('object_fixture');
  const log: string[] = [];
  async function* endless(): AsyncGenerator<number> {
    try {
      yield 1;
      const signal = currentCall()?.signal;
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
    } finally {
      await delay(50);
      log.push('closed');
    }
  }
  const body = [
    'async def consume():',
    '    try:',
    '        async for item in a:',
    '            log.append(item)',
    '    finally:',
    '        await a.aclose()',
    '        await b.call_async()',
    'task = asyncio.ensure_future(consume())',
    'while not log:',
    '    await asyncio.sleep(0.005)',
    'await asyncio.sleep(0.05)',
    'task.cancel()',
    'await asyncio.wait([task])',
    'return task.cancelled()',
  ].join('\n');
  await fixture.take_log();
  const cancelled = await fixture.run_async(body, endless(), () => void log.push('told'));
  assert.equal(cancelled, true);
  assert.deepEqual(log, ['closed', 'told']);
  await fixture.take_log();
});
