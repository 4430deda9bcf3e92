/** Generators and iterators of either language in the other one: pull, early close, errors, cancellation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BridgeError, CallCancelled, PythonError } from '../../extension/bridge/errors';
import { onBothHosts, openForTest, rejection } from './bothHosts';
import { nothingLeft, objectFixture } from './objectFixture';

async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

onBothHosts('generators of every kind are streams, and leave no handle', async (bridge) => {
  const fixture = await objectFixture(bridge);
  assert.deepEqual(await collect(await fixture.count(3)), [0, 1, 2]);
  assert.deepEqual(await collect(await fixture.count_async(3)), [0, 1, 2]);
  assert.deepEqual(await collect(await fixture.make_count(3)), [0, 1, 2]);
  assert.deepEqual(await collect(await fixture.Shelf('a', 'b')), ['a', 'b']);
  assert.deepEqual(await collect(fixture.shelf), ['a', 'b']);
  const counting = await fixture.count(1);
  assert.deepEqual(await counting.next(), { done: false, value: 0 });
  assert.deepEqual(await counting.next(), { done: true, value: 'the end' });
  assert.deepEqual(await counting.next(), { done: true, value: undefined });
  await nothingLeft(fixture);
});

onBothHosts('Python never runs ahead of its consumer', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const counting = await fixture.count(100);
  await counting.next();
  await counting.next();
  await delay(30);
  assert.deepEqual(await fixture.take_log(), [0, 1]);
  const steps = await Promise.all([counting.next(), counting.next(), counting.next()]);
  assert.deepEqual(
    steps.map(({ value }) => value),
    [2, 3, 4],
  );
  await counting.return();
});

onBothHosts('leaving early closes the generator, and its clean-up has run by then', async (bridge) => {
  const fixture = await objectFixture(bridge);
  for (const make of [fixture.count, fixture.count_async]) {
    await fixture.take_log();
    for await (const number of await make(100)) if (number === 2) break;
    assert.equal((await fixture.take_log()).at(-1), 'closed');
    await assert.rejects(async () => {
      for await (const number of await make(100)) throw new Error(`at ${number}`);
    }, /at 0/);
    assert.equal((await fixture.take_log()).at(-1), 'closed');
  }
  await nothingLeft(fixture);
});

onBothHosts('what is sent and thrown reaches the generator', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const echoing = await fixture.echoing();
  assert.equal((await echoing.next()).value, 'ready');
  assert.equal((await echoing.next('hello')).value, 'hello');
  assert.match((await echoing.throw(new RangeError('too far'))).value, /^HostError: .*too far/);
  assert.deepEqual(await echoing.return('over'), { done: true, value: 'over' });
  assert.equal(await rejection(echoing.throw(new Error('late'))).then((e) => e.message), 'late');
  await nothingLeft(fixture);
});

onBothHosts('an error inside a generator ends the stream with its story', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const seen: number[] = [];
  const error = await rejection(
    (async () => {
      for await (const number of await fixture.failing(2)) seen.push(number);
    })(),
  );
  assert.deepEqual(seen, [0, 1]);
  assert.ok(error instanceof PythonError && error.type === 'ValueError', error.stack);
  assert.match(String(error.stack), /streams\.test\.ts[\s\S]*object_fixture\.py/);
  await nothingLeft(fixture);
});

onBothHosts('an aborted signal cancels the step that runs, and the clean-up has run', async (bridge) => {
  const fixture = await objectFixture(bridge);
  for (const make of [fixture.stuck_async, fixture.stuck]) {
    await fixture.take_log();
    const controller = new AbortController();
    const stream = (await make()).with({ signal: controller.signal });
    assert.equal((await stream.next()).value, 1);
    setTimeout(() => controller.abort(), 30);
    assert.ok((await rejection(stream.next())) instanceof CallCancelled);
    assert.deepEqual(await fixture.take_log(), ['closed']);
    assert.equal((await stream.next()).done, true);
  }
  await nothingLeft(fixture);
});

onBothHosts('10,000 items', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const items = Array.from({ length: 10_000 }, (_, i) => i);
  const sum = async (): Promise<number> => {
    let all = 0;
    for await (const number of await bridge.callRef('builtins:iter', [items])) all += number;
    return all;
  };
  assert.equal(await sum(), 49_995_000);
  await nothingLeft(fixture);
});

onBothHosts('an asynchronous generator runs on the event loop it came from', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const seen: unknown[] = [];
  await fixture.use_own_loop(async (items: AsyncIterable<unknown>) => {
    seen.push(...(await collect(items)));
  });
  assert.deepEqual(seen, [1, 2, 3]);
  await nothingLeft(fixture);
});

test('embedded: for … of waits for Python; elsewhere it says what to use', async (t) => {
  const bridge = await openForTest(t, 'embedded');
  const fixture = await objectFixture(bridge);
  assert.deepEqual([...(await fixture.count(3))], [0, 1, 2]);
  assert.deepEqual([...(await fixture.Shelf('a'))], ['a']);
  await fixture.take_log();
  for (const number of await fixture.count(9)) if (number === 1) break;
  assert.equal((await fixture.take_log()).at(-1), 'closed');
  assert.throws(() => [...fixture.failing], BridgeError);
  await nothingLeft(fixture);
});

test('subprocess: for … of says what to use instead', async (t) => {
  const bridge = await openForTest(t, 'subprocess');
  const fixture = await objectFixture(bridge);
  const counting = await fixture.count(3);
  assert.throws(() => [...counting], { code: 'unsupported', hint: /for await/ });
});

const log: unknown[] = [];

function* numbers(stop: number): Generator<number, string, unknown> {
  try {
    for (let i = 0; i < stop; i++) yield i;
    return 'the end';
  } finally {
    log.push('closed');
  }
}

async function* later(stop: number): AsyncGenerator<unknown, void, unknown> {
  try {
    for (let i = 0; i < stop; i++) {
      await delay(1);
      const sent = yield i;
      if (sent !== undefined) log.push(sent);
    }
  } catch (error) {
    log.push(error);
    throw error;
  } finally {
    await delay(5);
    log.push('closed');
  }
}

onBothHosts('generators of JavaScript are iterators of Python', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const run = (source: string, ...args: unknown[]) => fixture.run(source, ...args);
  log.length = 0;
  assert.deepEqual(await run('result = list(a)', numbers(3)), [0, 1, 2]);
  assert.deepEqual(await run('result = list(a)', later(3)), [0, 1, 2]);
  assert.deepEqual(await run('result = list(a)', new Map([[1, 2]]).values()), [2]);
  assert.deepEqual(await run('next(a)\na.close()\nresult = list(a)', numbers(3)), []);
  assert.deepEqual(log, ['closed', 'closed', 'closed']);
  const ended = 'try:\n    next(a)\nexcept StopIteration as end:\n    result = end.value';
  assert.equal(await run(ended, numbers(0)), 'the end');
  assert.equal(await run('result = sum(a)', numbers(10_000)), 49_995_000);
  await nothingLeft(fixture);
});

onBothHosts('asynchronous generators of JavaScript serve async for', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const run = (source: string, ...args: unknown[]) => fixture.run_async(source, ...args);
  log.length = 0;
  const all = 'return [x async for x in a]';
  assert.deepEqual(await run(all, later(3)), [0, 1, 2]);
  assert.deepEqual(await run(all, numbers(3)), [0, 1, 2]);
  assert.deepEqual(log, ['closed', 'closed']);
  log.length = 0;
  await run('async for x in a:\n    break\nawait a.aclose()\nlog.append("after")', later(3));
  assert.deepEqual(log, ['closed']);
  log.length = 0;
  assert.equal(await run('await a.__anext__()\nreturn await a.asend("hi")', later(3)), 1);
  await nothingLeft(fixture);
  log.length = 0;
  const failed =
    'await a.__anext__()\ntry:\n    await a.athrow(KeyError("k"))\nexcept KeyError as e:\n    return str(e)';
  assert.match(String(await rejection(run(failed, later(3))).catch(() => 'caught')), /k|caught/);
  assert.ok(
    (log as unknown[]).some((entry) => entry instanceof PythonError && entry.type === 'KeyError'),
    String(log),
  );
});
