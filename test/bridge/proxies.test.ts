/** Objects without a form on the other side: identity, members, contexts, and that nothing leaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { PythonError } from '../../extension/bridge/errors';
import {
  contains,
  deleteAttribute,
  deleteItem,
  enter,
  getAttribute,
  getItem,
  isInstance,
  keep,
  length,
  members,
  repr,
  setAttribute,
  setItem,
  str,
  typeName,
  within,
} from '../../extension/bridge/operations';
import { type PyObject, PyPromise, value } from '../../extension/bridge/refs';
import { onBothHosts, openForTest, rejection } from './bothHosts';
import { nothingLeft, objectFixture } from './objectFixture';

// What a function still has in its registers is alive while it waits: so objects live in functions of their own.

onBothHosts(
  'a Python object is one proxy while that lives, and itself when it comes back',
  async (bridge) => {
    const fixture = await objectFixture(bridge);
    await (async () => {
      const nested = await fixture.nested();
      const shelf = await value<PyObject>(fixture.shelf);
      assert.equal(nested.list[0], shelf);
      assert.equal(nested.shelf, shelf);
      assert.equal(await fixture.is_shelf(shelf), true);
      assert.equal(await fixture.same(nested.list[0], nested.shelf), true);
      assert.equal(await fixture.same(nested.class, nested.function), false);
      assert.equal(await nested.function(shelf, shelf), true);
      assert.equal(await shelf.itself(), shelf);
      assert.equal(await (await nested.class.ref('x')).itself().then(length), 1);
      assert.equal(inspect(shelf), '[Python Shelf]');
      assert.equal(inspect(nested.class), '[Python class Shelf]');
      assert.equal(inspect(nested.module), '[Python module threading]');
    })();
    await nothingLeft(fixture);
  },
);

onBothHosts("what Python's syntax does with an object", async (bridge) => {
  const fixture = await objectFixture(bridge);
  await (async () => {
    const shelf: PyObject = await fixture.Shelf('a', 'b');
    assert.equal(await length(shelf), 2);
    assert.equal(await contains(shelf, 'b'), true);
    assert.equal(await getItem(shelf, 1), 'b');
    await setItem(shelf, 'c', 'three');
    assert.equal(await getItem(shelf, 'c'), 'three');
    await deleteItem(shelf, 'c');
    assert.equal((await rejection(getItem(shelf, 'c'))) instanceof PythonError, true);
    await setAttribute(shelf, 'owner', shelf);
    assert.equal(await getAttribute(shelf, 'owner'), shelf);
    await setAttribute(shelf.owner, 'kind', 'of its own');
    assert.equal(await value(shelf.owner.owner.kind), 'of its own');
    await deleteAttribute(shelf, 'kind');
    assert.equal(await value(shelf.kind), 'shelf');
    await setAttribute(shelf, 'owner', null);
    assert.equal(await repr(shelf), 'Shelf of 2');
    assert.equal(await str(shelf), 'a shelf');
    assert.equal(await typeName(shelf), 'object_fixture.Shelf');
    assert.equal(await isInstance(shelf, fixture.Shelf), true);
    assert.equal(await isInstance(shelf, fixture.Door), false);
    assert.ok((await members(shelf)).includes('books'));
    assert.throws(
      () => {
        shelf.kind = 1;
      },
      { code: 'unsupported', hint: /setAttribute\(object, "kind", value\)/ },
    );
  })();
  await nothingLeft(fixture);
});

onBothHosts('context managers are entered and left, disposing only releases', async (bridge) => {
  const fixture = await objectFixture(bridge);
  await (async () => {
    const shelf: PyObject = await fixture.Shelf();
    assert.equal(await within<PyObject, number>(shelf, (inside) => (inside === shelf ? 7 : 0)), 7);
    assert.deepEqual(await fixture.take_log(), ['enter', 'exit None: None']);
    const thrown = new RangeError('not swallowed? no: swallow');
    assert.equal(
      await within(shelf, () => {
        throw thrown;
      }),
      undefined,
    );
    const other = new RangeError('passes');
    const caught = await rejection(
      within(shelf, () => {
        throw other;
      }),
    );
    assert.equal(caught, other);
    assert.match(String((await fixture.take_log()).at(-1)), /exit HostError: .*passes/);
    const entered = await enter(await fixture.Door());
    assert.equal(entered.value, 'inside');
    await entered[Symbol.asyncDispose]();
    await entered[Symbol.asyncDispose]();
    assert.deepEqual(await fixture.take_log(), ['open', 'shut None']);
    const unused = await fixture.Shelf();
    await unused[Symbol.asyncDispose]();
    assert.equal(((await rejection(length(unused))) as { code?: string }).code, 'released');
  })();
  await nothingLeft(fixture);
});

onBothHosts('coroutines and futures inside values are promises that begin when awaited', async (bridge) => {
  const fixture = await objectFixture(bridge);
  await (async () => {
    const { coroutine, future } = await fixture.promises();
    assert.ok(coroutine instanceof PyPromise && coroutine instanceof Promise);
    assert.deepEqual(await fixture.take_log(), []);
    assert.deepEqual(await Promise.all([coroutine, coroutine, future]), [5, 5, 7]);
    assert.deepEqual(await fixture.take_log(), ['awaited']);
    const again = await fixture.promises();
    assert.equal(await fixture.same(again.coroutine, again.coroutine), true);
    assert.equal(await bridge.call('object_fixture:run_async', ['return await a', again.coroutine]), 5);
  })();
  await nothingLeft(fixture);
});

onBothHosts('each arrival of an object is a claim on it; the last disposal releases it', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const one = await value<PyObject>(fixture.shelf);
  const other = await value<PyObject>(fixture.shelf);
  assert.equal(one, other);
  one[Symbol.dispose]();
  assert.equal(await length(other), 2);
  other[Symbol.dispose]();
  assert.equal(((await rejection(length(other))) as { code?: string }).code, 'released');
  const anew = await value<PyObject>(fixture.shelf);
  assert.notEqual(anew, one);
  assert.equal(await fixture.is_shelf(anew), true);
  anew[Symbol.dispose]();
  await nothingLeft(fixture);
});

onBothHosts('releases that cross arrivals take nothing away', async (bridge) => {
  const fixture = await objectFixture(bridge);
  for (let round = 0; round < 20; round++) {
    const asked = Array.from({ length: 10 }, () => value<PyObject>(fixture.shelf));
    for (const each of asked) each.then((shelf) => shelf[Symbol.dispose]());
    const shelf = await value<PyObject>(fixture.shelf);
    assert.equal(await length(shelf), 2);
    shelf[Symbol.dispose]();
    await Promise.all(asked);
  }
  await nothingLeft(fixture);
});

onBothHosts('regression: a module that was disposed is imported anew', async (bridge) => {
  const stats = await bridge.import('statistics');
  stats[Symbol.dispose]();
  assert.equal(((await rejection(stats.mean([1]))) as { code?: string }).code, 'released');
  const again = await bridge.import('statistics');
  assert.equal(await again.mean([1, 3]), 2);
  assert.equal(await bridge.import('statistics'), again);
});

onBothHosts('regression: reading a deep attribute leaves no handles behind', async (bridge) => {
  const fixture = await objectFixture(bridge);
  assert.equal(await value(fixture.shelf.itself.__func__.__name__), 'itself');
  assert.deepEqual(await fixture.live('python'), []);
});

onBothHosts('what is kept for a reason is no leak; handles tell the line that made them', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const shelf: PyObject = await fixture.Shelf.ref();
  assert.match(String(await fixture.sites('python')), /proxies\.test\.ts:\d+/);
  await keep(shelf, 'for the test');
  assert.deepEqual(await fixture.live('python'), []);
  assert.equal(await length(shelf), 0);
});

onBothHosts('what has no form in Python stays, and is itself when it comes back', async (bridge) => {
  const fixture = await objectFixture(bridge);
  // biome-ignore lint/suspicious/noSparseArray: that is what is sent
  const holes = [1, , 3];
  const things = [
    holes,
    // true is 1, and 5n is 5; lists, dicts and sets cannot be hashed.
    new Map<unknown, string>([
      [1, 'number'],
      [true, 'boolean'],
    ]),
    new Map([[[1], 'list']]),
    new Set<unknown>([5, 5n]),
    new Set([{ a: 1 }]),
  ];
  for (const thing of things) {
    assert.equal(await bridge.call('object_fixture:run', ['result = a', thing]), thing);
    // Regression: one that was met again broke the call.
    assert.equal(await fixture.same(thing, thing), true);
    const inside = (await bridge.call('builtins:list', [[thing, [thing]]])) as [unknown, [unknown]];
    assert.equal(inside[0], thing);
    assert.equal(inside[1][0], thing);
  }
});

class Desk {
  #secret = 5;
  drawers = 3;
  items = ['pen'];
  get size(): number {
    return this.#secret;
  }
  open(by: number, options?: { wide?: boolean }): number {
    return this.#secret + by + (options?.wide ? 100 : 0);
  }
  itself(): this {
    return this;
  }
  later(text: string): Promise<string> {
    return delay(5).then(() => `${text} later`);
  }
  static made = 0;
  [Symbol.dispose](): void {
    this.drawers = 0;
  }
}

onBothHosts('a JavaScript object is one Python object, and itself when it comes back', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const desk = new Desk();
  const symbol = Symbol('mine');
  const things = [desk, Desk, symbol, /x+/g, new WeakMap(), () => 1, Promise.resolve(1)];
  for (const thing of things) {
    const [back, again] = (await fixture.run('result = [a, b, [a is b]]', [thing], [thing])).slice(0, 2);
    assert.equal(back[0], again[0]);
    assert.equal(back[0], thing);
    assert.equal(await fixture.same(thing, thing), true);
  }
  assert.equal(await fixture.same(desk, new Desk()), false);
  await nothingLeft(fixture);
});

onBothHosts('attributes, methods, items of JavaScript objects', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const run = (source: string, ...args: unknown[]) => fixture.run(source, ...args);
  const desk = new Desk();
  assert.equal(await run('result = a.drawers + a.open(1, wide=True)', desk), 109);
  assert.equal(await run('result = a.itself() is a and a == a and hash(a) == hash(a.itself())', desk), true);
  await run('a.drawers = 9\na["items"] = a\ndel a["items"]\nresult = "items" in a', desk);
  assert.deepEqual([desk.drawers, desk.items], [9, undefined]);
  assert.equal(await run('result = len(a)', desk), 5);
  assert.equal(await run('result = a.later("a")', desk), 'a later');
  assert.equal(await run('result = repr(a)', desk), '<JsObject Desk>');
  assert.equal(
    await run('result = [n for n in dir(a) if n == "open"]', desk).then((found: string[]) => found.length),
    1,
  );
  assert.equal(await run('result = a(); result.drawers = 4', Desk).then((made: Desk) => made.drawers), 4);
  assert.equal(
    await run('made = a()\nresult = isinstance(made, a) and not isinstance(b, a)', Desk, {}),
    true,
  );
  assert.equal(await run('result = a.made', Desk), 0);
  assert.equal(await run('with a as b: pass', desk), null);
  assert.equal(desk.drawers, 0);
  assert.equal(await run('result = a.test("xx")', /x+/), true);
  const map = new WeakMap([[desk, 'kept']]);
  assert.equal(await run('result = a[b] + str(b in a)', map, desk), 'keptTrue');
  assert.equal(await run('result = bool(a)', new WeakMap()), true);
  await nothingLeft(fixture);
});

onBothHosts('awaitable forms serve code on an event loop', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const run = (source: string, ...args: unknown[]) => fixture.run_async(source, ...args);
  const desk = new Desk();
  assert.equal(await run('return await a.open_async(2)', desk), 7);
  assert.equal(await run('return await js.get_async(a, "drawers")', desk), 3);
  await run('await js.set_async(a, "drawers", 8)', desk);
  assert.equal(desk.drawers, 8);
  assert.equal(await run('return await a.call_async(4)', (x: number) => x * 2), 8);
  assert.equal(await run('return (await a[0]) + (await a[0])', [delay(5).then(() => 3)]), 6);
  const refused = await rejection(run('return a.drawers', desk));
  assert.match(refused.message + String((refused as { hint?: string }).hint), /js\.get_async/);
  assert.equal(await run('async with a as b: pass', desk), null);
  assert.equal(desk.drawers, 0);
  await nothingLeft(fixture);
});

onBothHosts('only what was handed over can be reached', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const desk = new Desk();
  for (const name of ['constructor', '__proto__', 'hasOwnProperty', '__defineGetter__', 'valueOf']) {
    assert.equal(
      await fixture.run(`result = js.get(a, "${name}")`, desk).catch(() => 'refused'),
      'refused',
      name,
    );
    assert.equal(await fixture.run(`result = a["${name}"]`, desk).catch(() => 'refused'), 'refused', name);
    assert.equal(await fixture.run(`a._call("${name}", (), None)`, desk).catch(() => 'refused'), 'refused');
  }
  for (const name of ['call', 'apply', 'bind', 'prototype', 'constructor', 'caller']) {
    const found = fixture.run(`result = js.get(a, "${name}")`, () => 1).catch(() => 'refused');
    assert.equal(await found, 'refused', name);
  }
  await assert.rejects(fixture.run('a.__proto__ = b', desk, desk));
  assert.equal(Object.getPrototypeOf(desk), Desk.prototype);
  await assert.rejects(fixture.run('js.get(a, "missing")', desk), { type: 'AttributeError' });
  assert.throws(() => bridge.expose('js', {}), /bridge's own/);
});

onBothHosts('a promise nobody in Python awaits rejects quietly; an awaited one raises', async (bridge) => {
  const fixture = await objectFixture(bridge);
  const quiet: unknown[] = [];
  const heard = (reason: unknown): void => void quiet.push(reason);
  process.on('unhandledRejection', heard);
  await fixture.run('result = 1', [Promise.reject(new Error('unheard'))]);
  await delay(20);
  process.off('unhandledRejection', heard);
  assert.deepEqual(quiet, []);
  const failing = Promise.reject(new TypeError('heard'));
  failing.catch(() => {});
  const error = await rejection(fixture.run('a[0].wait()', [failing]));
  assert.equal((error as { original?: unknown }).original, await failing.catch((reason) => reason));
  await nothingLeft(fixture);
});

onBothHosts(
  'regression: what was given out for a value that cannot be packed is taken back',
  async (bridge) => {
    const fixture = await objectFixture(bridge);
    const cyclic: unknown[] = [() => 1];
    let deep: unknown = cyclic;
    for (let i = 0; i < 1200; i++) deep = [deep];
    await assert.rejects(fixture.same([new Desk(), () => 1, deep]), { code: 'conversion' });
    await assert.rejects(
      fixture.run(
        'result = [js.undefined_name if False else a, 1]\nfor _ in range(1200): result = [result]',
        new Desk(),
      ),
      { code: 'conversion' },
    );
    await nothingLeft(fixture);
  },
);

test('regression: what an ended session gave is not taken for what the next one gives', async (t) => {
  const bridge = await openForTest(t, 'embedded');
  const before = await objectFixture(bridge);
  await before.run('log.append(a)', () => 'old');
  await bridge.restart();
  const fixture = await bridge.import('object_fixture');
  // The old function has the number that the new one gets, and goes while the new one is in use.
  const swap = 'log.append(a)\nold = log.pop(0)\ndel old\nresult = log[-1]()';
  assert.equal(await fixture.run(swap, () => 'new'), 'new');
  await delay(20);
  assert.equal(await fixture.run('result = log[-1]()'), 'new');
  assert.equal(await fixture.take_log().then((log: unknown[]) => log.length), 1);
  await nothingLeft(fixture);
});
