/** What surrounds a call: context variables, AsyncLocalStorage, and the thread of a `with`. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { enter, within } from '../../extension/bridge/operations';
import { onBothHosts, openEmbedded } from './bothHosts';

const storage = new AsyncLocalStorage<string>();
const read = (): string => storage.getStore() ?? 'none';

onBothHosts('a call leaves no context variable behind', async (bridge) => {
  const fixture = await bridge.import('context_fixture');
  for (const call of [fixture.get_variable, fixture.get_variable_async]) {
    const seen = await Promise.all(Array.from({ length: 8 }, () => call()));
    assert.deepEqual(new Set([...seen, await call()]), new Set(['unset']));
  }
});

onBothHosts('Python that TypeScript calls for Python sees the context of that Python', async (bridge) => {
  const fixture = await bridge.import('context_fixture');
  const inner = (name: string) => async (wait: number) => {
    await delay(wait);
    return fixture[name]();
  };
  const outer = [fixture.with_variable, fixture.with_variable_async, fixture.with_variable_own_loop];
  for (const call of outer) {
    for (const name of ['get_variable', 'get_variable_async']) {
      // Calls at the same time keep theirs apart.
      const seen = await Promise.all(
        ['a', 'b', 'c'].map((value, i) => call(value, inner(name), 20 - i * 10)),
      );
      assert.deepEqual(seen, ['a', 'b', 'c'], `${name} in ${call}`);
    }
  }
  assert.equal(await fixture.get_variable(), 'unset');
});

/** The ways from Python to a function of TypeScript's that is passed, each a function of the fixture. */
const WAYS_TO_FUNCTION = [
  'with_variable',
  'with_variable_async',
  'with_variable_own_loop',
  'on_thread_in_context',
  'on_thread_of_task',
] as const;

onBothHosts(
  'functions that Python calls back run where AsyncLocalStorage is the caller’s',
  async (bridge) => {
    const fixture = await bridge.import('context_fixture');
    bridge.expose('desk', { read });
    const passed = WAYS_TO_FUNCTION.map((name) => () => fixture[name]('v', read));
    const exposed = ['read_desk', 'read_desk_async'].map((name) => () => fixture[name]('v'));
    for (const call of [...passed, ...exposed]) {
      const seen = await Promise.all(['a', 'b', 'c'].map((store) => storage.run(store, call)));
      assert.deepEqual([...seen, await call()], ['a', 'b', 'c', 'none'], String(call));
    }
    // Who does not hand its context to a thread has nothing to find the call by.
    assert.equal(await storage.run('a', () => fixture.on_bare_thread('v', read)), 'none');
  },
);

onBothHosts(
  'Python that a thread’s callback calls sees the context that the thread was given',
  async (bridge) => {
    const fixture = await bridge.import('context_fixture');
    const inner = (): Promise<unknown> => fixture.get_variable_async();
    for (const name of ['on_thread_in_context', 'on_thread_of_task']) {
      assert.equal(await fixture[name]('given', inner), 'given', name);
    }
    assert.equal(await fixture.on_bare_thread('given', inner), 'unset');
  },
);

onBothHosts('each step of a stream of Python’s is a call of its own', async (bridge) => {
  const fixture = await bridge.import('context_fixture');
  for (const name of ['values_of', 'async_values_of']) {
    const stream = await fixture[name](3, read);
    const seen = [];
    for (const store of ['first', 'second']) {
      seen.push((await storage.run(store, () => stream.next())).value);
    }
    seen.push((await stream.next()).value);
    assert.deepEqual(seen, ['first', 'second', 'none'], name);
    await stream.return();
  }
  for (const name of ['variables_of', 'async_variables_of']) {
    const steps = async (): Promise<unknown[]> => {
      const seen = [];
      for await (const step of await fixture[name](2)) seen.push(step);
      return seen;
    };
    assert.deepEqual(await steps(), ['unset', 'unset'], `${name}: a step leaves nothing behind`);
    // What TypeScript reads for Python, it reads in the context of that Python.
    assert.deepEqual(await fixture.with_variable_async('given', steps), ['given', 'given'], name);
  }
});

onBothHosts(
  'each step of a stream of TypeScript’s has what surrounds its reader, in both languages',
  async (bridge) => {
    const fixture = await bridge.import('context_fixture');
    async function* seen(): AsyncGenerator<unknown> {
      for (let i = 0; i < 2; i++) yield [read(), await fixture.get_variable()];
    }
    function* stores(): Generator<string> {
      yield read();
      yield read();
    }
    for (const name of ['read_all', 'read_all_async']) {
      const call = (generate: () => unknown) =>
        storage.run('store', () => fixture[name]('given', generate()));
      assert.deepEqual(await call(seen), Array(2).fill(['store', 'given']), name);
      assert.deepEqual(await call(stores), ['store', 'store'], name);
    }
  },
);

test('embedded: synchronous calls, and what they call back, run as one function calls another', async (t) => {
  const bridge = await openEmbedded(t);
  bridge.expose('desk', { read });
  await bridge.import('context_fixture');
  const sync = (name: string, ...args: unknown[]): unknown =>
    bridge.callSync(`context_fixture:${name}`, ...args);
  // Thrice down, each with the stores and variables of the one before.
  const down = (): unknown => [read(), sync('get_variable'), sync('get_variable_async')];
  for (const store of ['a', 'b']) {
    const inside = (name: string, ...args: unknown[]): unknown =>
      storage.run(store, () => sync(name, ...args));
    assert.deepEqual(inside('with_variable', 'given', down), [store, 'given', 'left behind'], store);
    assert.equal(inside('with_variable_async', 'given', read), store);
    assert.equal(inside('on_thread_of_task', 'given', read), store);
    assert.equal(inside('read_desk', 'given'), store);
    assert.deepEqual(inside('read_all', 'given', [1]), [1]);
  }
  // It is the JavaScript thread's context, in which Python goes on; calls that leave the thread do not see it.
  assert.equal(sync('get_variable'), 'given');
  let inside: unknown;
  sync('with_variable', 'given', () => {
    inside = bridge.call('context_fixture:get_variable');
  });
  assert.equal(await inside, 'unset');
});

onBothHosts(
  'steps of a run, and models, have the context of who started them, in both languages',
  async (bridge) => {
    const fixture = await bridge.import('context_fixture');
    const seen = await storage.run('store', () => fixture.run_steps('variable', read));
    assert.deepEqual(seen, Array(2).fill(['variable', 'store']));
    const invoked = await storage.run('store', () => fixture.invoke_models('variable', read));
    assert.deepEqual(invoked, Array(4).fill(['variable', 'store']));
  },
);

onBothHosts('a plain context is left on the thread that has entered it', async (bridge) => {
  const fixture = await bridge.import('context_fixture');
  const locks = await fixture.Locks();
  await within(locks.lock, async () => {
    // It lets in again who is inside already.
    await within(locks.lock, async () => assert.equal(await locks.is_free(), false));
    // Those outside wait: calls do not run on the thread of the context.
    assert.equal(await locks.is_free(), false);
  });
  assert.equal(await locks.is_free(), true);
  const entered = await enter(locks.lock);
  await Promise.all([1, 2, 3].map(() => fixture.add(1)));
  await entered.exit();
  assert.equal(await locks.is_free(), true);
  const decimal = await bridge.import('decimal');
  await within(await decimal.localcontext(), () => undefined);
});

onBothHosts('a wait to enter can be given up, and leaves nothing locked', async (bridge) => {
  const fixture = await bridge.import('context_fixture');
  const locks = await fixture.Locks();
  const holder = await enter(locks.lock);
  const controller = new AbortController();
  const waiting = enter((await fixture.lock_of(locks)).with({ signal: controller.signal }));
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(waiting, { code: 'cancelled' });
  await holder.exit();
  for (let i = 0; i < 200 && !(await locks.is_free()); i++) await delay(10);
  assert.equal(await locks.is_free(), true);
});
