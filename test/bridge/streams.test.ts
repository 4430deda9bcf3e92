/** Generators and iterators of either language in the other one: pull, early close, errors, cancellation. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BridgeError, CallCancelled, PythonError } from '../../extension/bridge/errors';
import type { PyObject } from '../../extension/bridge/refs';
import { currentCall } from '../../extension/bridge/scope';
import { onBothHosts, openEmbedded, openForTest, rejection } from './bothHosts';
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

/** Makes iterators that tell when they are closed, and that nothing but `return()` closes. */
class Counting {
  constructor(private readonly stop = 9) {}

  [Symbol.iterator]() {
    const { stop } = this;
    return {
      count: 0,
      next() {
        if (this.count === stop) throw new Error('too far');
        return { done: this.count === 4, value: this.count++ };
      },
      return() {
        log.push('closed');
        return { done: true, value: undefined };
      },
    };
  }
}

onBothHosts('regression: an iterator that is a plain object counts on', async (bridge) => {
  const fixture = await objectFixture(bridge);
  assert.deepEqual(await fixture.run('result = list(a)', new Counting()), [0, 1, 2, 3]);
  const all = await fixture.run_async('return [x async for x in a]', new Counting());
  assert.deepEqual(all, [0, 1, 2, 3]);
  await nothingLeft(fixture);
});

/** What JavaScript has logged once Python has let go of everything. */
async function loggedAtLast(fixture: PyObject): Promise<unknown[]> {
  await nothingLeft(fixture);
  await delay(30);
  return log.splice(0);
}

/** Ways to leave `{it}`, which has begun. */
const LEAVING = {
  break: 'for x in {it}:\n    break',
  'an exception': 'try:\n    for x in {it}:\n        raise KeyError(x)\nexcept KeyError:\n    pass',
  'a variable': 'i = iter({it})\nnext(i)\ni = None\nlog.append("gone")',
  unpacking: 'try:\n    x, y = {it}\nexcept ValueError:\n    pass',
  closing: 'i = iter({it})\nnext(i)\ni.close()',
};

onBothHosts(
  'regression: an iterator that Python asked for ends, once, when Python leaves it',
  async (bridge) => {
    const fixture = await objectFixture(bridge);
    log.length = 0;
    for (const [way, source] of Object.entries(LEAVING)) {
      const leave = (it: string, from: unknown) => fixture.run(source.replace('{it}', it), from);
      await leave('a', new Counting());
      assert.deepEqual(await loggedAtLast(fixture), ['closed'], `an iterable, ${way}`);
      await leave('a()', () => numbers(9));
      assert.deepEqual(await loggedAtLast(fixture), ['closed'], `a generator, ${way}`);
      await leave('a()', async () => later(9));
      assert.deepEqual(await loggedAtLast(fixture), ['closed'], `an asynchronous generator, ${way}`);
    }
    await fixture.run('iter(a)', new Counting());
    assert.deepEqual(await loggedAtLast(fixture), ['closed'], 'without a step');
    await fixture.run('list(a)', new Counting());
    await rejection(fixture.run('list(a)', new Counting(2)));
    assert.deepEqual(await loggedAtLast(fixture), [], 'what has ended, or failed, is not closed');
    await fixture.take_log();
  },
);

onBothHosts('regression: leaving async for ends what Python asked for', async (bridge) => {
  const fixture = await objectFixture(bridge);
  log.length = 0;
  const ways = [
    'async for x in {it}:\n    break',
    'try:\n    async for x in {it}:\n        raise KeyError(x)\nexcept KeyError:\n    pass',
    'i = {it}.__aiter__()\nawait i.__anext__()\nawait i.aclose()',
  ];
  for (const source of ways) {
    const leave = (it: string, from: unknown) => fixture.run_async(source.replace('{it}', it), from);
    await leave('a', new Counting());
    await leave('(await a.call_async())', () => numbers(9));
    await leave('(await a.call_async())', () => later(9));
    assert.deepEqual(await loggedAtLast(fixture), ['closed', 'closed', 'closed'], source);
  }
});

onBothHosts('a step that runs when its task is cancelled ends the iterator when it can', async (bridge) => {
  const fixture = await objectFixture(bridge);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  async function* waiting(listens: boolean): AsyncGenerator<number> {
    try {
      yield 1;
      const signal = listens ? currentCall()?.signal : undefined;
      await Promise.race([gate, new Promise((resolve) => signal?.addEventListener('abort', resolve))]);
      yield 2;
    } finally {
      log.push('closed');
    }
  }
  const body = [
    'async def consume():',
    '    async for item in await a.call_async(b):',
    '        log.append(item)',
    'task = asyncio.ensure_future(consume())',
    'while not log:',
    '    await asyncio.sleep(0.005)',
    'await asyncio.sleep(0.05)',
    'task.cancel()',
    'await asyncio.wait([task])',
    'return task.cancelled()',
  ].join('\n');
  assert.equal(await fixture.run_async(body, waiting, true), true);
  assert.deepEqual(await fixture.take_log(), [1]);
  assert.deepEqual(await loggedAtLast(fixture), ['closed']);
  assert.equal(await fixture.run_async(body, waiting, false), true);
  assert.deepEqual(await fixture.take_log(), [1]);
  assert.deepEqual(await loggedAtLast(fixture), []);
  open();
  await delay(10);
  assert.deepEqual(log.splice(0), ['closed']);
});

onBothHosts('an iterator that JavaScript may go on with stays open', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const kept = numbers(9);
  const give = () => kept;
  assert.equal(await fixture.run('result = next(a)', kept), 0);
  assert.equal(await fixture.run('result = next(a[0])', [kept]), 1);
  assert.equal(await fixture.run('i = a()\nresult = next(a())', give), 2);
  assert.equal(await fixture.run('i = a()\nb(i)\nresult = next(i)', give, String), 3);
  assert.equal(await fixture.run('result = a()', give), kept);
  assert.deepEqual(await loggedAtLast(fixture), []);
  assert.deepEqual(kept.next(), { done: false, value: 4 });
});

onBothHosts('what fails while it ends is a warning', async (bridge) => {
  const fixture = await objectFixture(bridge);
  async function* failing(): AsyncGenerator<number> {
    try {
      yield 1;
    } finally {
      await delay(1);
      // biome-ignore lint/correctness/noUnsafeFinally: that is what is tested
      throw new Error('not so easily');
    }
  }
  const warned = once(process, 'warning');
  await fixture.run('for x in a():\n    break', failing);
  const [warning] = (await warned) as [Error & { detail: string }];
  assert.equal(warning.name, 'BridgeWarning');
  assert.match(warning.detail, /not so easily/);
});

test('embedded: iterators end that synchronous calls leave', async (t) => {
  const bridge = await openEmbedded(t);
  const fixture = await objectFixture(bridge);
  for (const [way, source] of Object.entries(LEAVING)) {
    bridge.callSync(fixture.run, source.replace('{it}', 'a'), new Counting());
    bridge.callSync(fixture.run, source.replace('{it}', 'a()'), () => numbers(9));
    assert.deepEqual(await loggedAtLast(fixture), ['closed', 'closed'], way);
  }
});

onBothHosts('the end of a session ends the iterators that Python reads', async (bridge) => {
  const fixture = await objectFixture(bridge);
  // Where an embedded Python keeps it, too: so this is the last test.
  await fixture.run('import builtins\nbuiltins.kept = a()\nnext(builtins.kept)', () => numbers(9));
  await bridge.close();
  await delay(10);
  assert.deepEqual(log.splice(0), ['closed']);
});
