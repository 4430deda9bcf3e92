/** What surrounds a call: context variables, AsyncLocalStorage, the thread of a `with`; and calls from every place. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { enter, within } from '../../extension/bridge/operations';
import { kw } from '../../extension/bridge/refs';
import { onBothHosts } from './bothHosts';

const storage = new AsyncLocalStorage<string>();

onBothHosts('a call leaves no context variable behind', async (bridge) => {
  const fixture = await bridge.import('cancel_fixture');
  for (const call of [fixture.get_variable, fixture.get_variable_async]) {
    const seen = await Promise.all(Array.from({ length: 8 }, () => call()));
    assert.deepEqual(new Set([...seen, await call()]), new Set(['unset']));
  }
});

onBothHosts('Python that TypeScript calls for Python sees the context of that Python', async (bridge) => {
  const fixture = await bridge.import('cancel_fixture');
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

onBothHosts(
  'functions that Python calls back run where AsyncLocalStorage is the caller’s',
  async (bridge) => {
    const fixture = await bridge.import('cancel_fixture');
    const read = (): string => storage.getStore() ?? 'none';
    bridge.expose('desk', { read });
    const calls = [
      (): Promise<unknown> => fixture.with_variable('v', read),
      (): Promise<unknown> => fixture.with_variable_async('v', read),
      (): Promise<unknown> => fixture.with_variable_own_loop('v', read),
    ];
    for (const call of calls) {
      const seen = await Promise.all(['a', 'b', 'c'].map((store) => storage.run(store, call)));
      assert.deepEqual([...seen, await call()], ['a', 'b', 'c', 'none']);
    }
    // Each step of a stream is a call of its own.
    const stream = await fixture.values_of(2, read);
    assert.equal((await storage.run('first', () => stream.next())).value, 'first');
    assert.equal((await storage.run('second', () => stream.next())).value, 'second');
    await stream.return();
  },
);

onBothHosts(
  'steps of a run, and models, have the context of who started them, in both languages',
  async (bridge) => {
    const fixture = await bridge.import('cancel_fixture');
    const read = (): string => storage.getStore() ?? 'none';
    const seen = await storage.run('store', () => fixture.run_steps('variable', read));
    assert.deepEqual(seen, Array(2).fill(['variable', 'store']));
    const invoked = await storage.run('store', () => fixture.invoke_models('variable', read));
    assert.deepEqual(invoked, Array(4).fill(['variable', 'store']));
  },
);

onBothHosts('a plain context is left on the thread that has entered it', async (bridge) => {
  const fixture = await bridge.import('cancel_fixture');
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
  const fixture = await bridge.import('cancel_fixture');
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

onBothHosts('calls from everywhere, positional and by keyword, waiting and awaited', async (bridge) => {
  const fixture = await bridge.import('cancel_fixture');
  bridge.expose('desk', {
    add: (first: number, second: number | { second: number }) =>
      first + (typeof second === 'number' ? second : second.second),
  });
  for (const place of ['thread', 'asyncio', 'tokio']) {
    for (const isAsync of [false, true]) {
      for (const byKeyword of [false, true]) {
        assert.equal(
          await fixture.call_from(place, isAsync, byKeyword),
          3,
          `${place} ${isAsync} ${byKeyword}`,
        );
      }
    }
  }
  for (const add of [fixture.add, fixture.add_async]) {
    assert.equal(await add(1, 2), 3);
    assert.equal(await add(1, kw({ second: 2 })), 3);
  }
  if (bridge.kind === 'embedded' && 'callSync' in bridge) {
    const { callSync } = bridge as unknown as { callSync(...args: unknown[]): unknown };
    for (const add of [fixture.add, fixture.add_async]) {
      assert.equal(callSync.call(bridge, add, 1, 2), 3);
      assert.equal(callSync.call(bridge, add, 1, kw({ second: 2 })), 3);
    }
  }
});
