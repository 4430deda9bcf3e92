/** Calls from Python to TypeScript on the JavaScript thread, inside a synchronous call. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostError } from '../../extension/bridge/errors';
import { currentCall } from '../../extension/bridge/scope';
import { openEmbedded, thrown } from './bothHosts';

test('Python calls functions that were passed and exposed, by value and with keywords', async (t) => {
  const bridge = await openEmbedded(t);
  bridge.expose('desk', { join: (a: string, options: unknown) => [a, options], nothing: () => undefined });
  const back = bridge.sync('bridge_fixture:call_back');
  assert.equal(
    back((a: number, b: number) => a + b, 2, 3),
    5,
  );
  assert.equal(
    back(() => undefined),
    null,
  );
  assert.equal(bridge.callSync('bridge_fixture:call_host', 'desk.nothing'), null);
  assert.deepEqual(bridge.callSync('bridge_fixture:keyword_call', 'desk.join', 'x', { deep: [1, 'ä€'] }), [
    'x',
    { deep: [1, 'ä€'] },
  ]);
  const seen: unknown[] = [];
  bridge.expose('desk', { look: () => seen.push(currentCall()?.name) });
  bridge.callSync('bridge_fixture:call_host', 'desk.look');
  assert.deepEqual(seen, ['desk.look']);
});

test('large values pass both ways, bytes beside the pack too', async (t) => {
  const bridge = await openEmbedded(t);
  const back = bridge.sync('bridge_fixture:call_back');
  const floats = Array.from({ length: 50_000 }, (_, i) => i + 0.5);
  const text = 'ä'.repeat(100_000);
  const bytes = new Uint8Array(300_000).fill(7);
  for (const value of [floats, text, bytes, { floats, text, bytes }]) {
    assert.deepEqual(
      back((x: unknown) => x, value),
      value,
    );
  }
  assert.equal(
    back(() => 1),
    1,
  );
});

test('languages call each other to any depth', async (t) => {
  const bridge = await openEmbedded(t);
  const back = bridge.sync<number>('bridge_fixture:call_back');
  const down = (depth: number): number => (depth === 0 ? 0 : 1 + back(down, depth - 1));
  assert.equal(down(40), 40);
  const endless = (): number => back(endless);
  const error = thrown(endless);
  // Which side finds its stack used up first depends on the sizes of their frames.
  assert.match(String(error.stack), /recursion|JavaScript's stack|call stack size/i);
  assert.equal(down(3), 3);
});

test('errors pass both ways and stay the same object', async (t) => {
  const bridge = await openEmbedded(t);
  const original = new RangeError('on purpose');
  const error = thrown(() =>
    bridge.callSync('bridge_fixture:call_back', () => {
      throw original;
    }),
  );
  assert.ok(error instanceof HostError, String(error.stack));
  assert.equal(error.original, original);
  assert.equal(
    bridge.callSync('bridge_fixture:error_name', () => missing()),
    'HostError: ReferenceError',
  );
  const inner = thrown(() =>
    bridge.callSync('bridge_fixture:call_back', () => bridge.callSync('bridge_fixture:fail', 'below')),
  );
  assert.match(String(inner.stack), /below/);
  const told = thrown(() =>
    bridge.callSync('bridge_fixture:call_back', function inside() {
      throw new Error('told once');
    }),
  );
  const frames = told.frames.filter(({ language }) => language === 'typescript').map((f) => f.function);
  assert.equal(frames.filter((name) => name === 'thrown').length, 1, told.stack);
  assert.equal(frames.at(-1), 'inside', told.stack);
});

declare function missing(): unknown;

test('a promise is refused: nothing can settle it while Python holds the thread', async (t) => {
  const bridge = await openEmbedded(t);
  let aborted = false;
  bridge.expose('desk', {
    later: () => {
      currentCall()?.signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise((_resolve, reject) => setTimeout(reject, 5, new Error('late')));
    },
  });
  const error = thrown(() => bridge.callSync('bridge_fixture:call_host', 'desk.later'));
  assert.equal(error.code, 'deadlock');
  assert.match(error.message, /desk\.later gives a promise/);
  assert.ok(error.hint);
  assert.ok(aborted);
  await new Promise((resolve) => setTimeout(resolve, 20));
});

test('what a call packs is not overwritten by calls that converting it makes', async (t) => {
  const bridge = await openEmbedded(t);
  // A getter that calls Python while the reply is packed, which calls back.
  const tricky = {
    get value(): unknown {
      return bridge.callSync('bridge_fixture:call_back', () => 'x'.repeat(50_000));
    },
    after: 'after',
  };
  const got = bridge.callSync<{ value: string; after: string }>('bridge_fixture:call_back', () => tricky);
  assert.equal(got.value.length, 50_000);
  assert.equal(got.after, 'after');
});

test('asynchronous calls that were started before a synchronous one, or inside it, do not wait for its end', async (t) => {
  const bridge = await openEmbedded(t);
  const before = bridge.call('bridge_fixture:set_flag', ['before']);
  assert.equal(bridge.callSync('bridge_fixture:wait_for_flag', 'before', 5), true);
  let inside: Promise<unknown> | undefined;
  const start = (): void => {
    inside = bridge.call('bridge_fixture:set_flag', ['inside']);
  };
  assert.equal(bridge.callSync('bridge_fixture:call_then_wait', start, 'inside', 5), true);
  await Promise.all([before, inside]);
});

test('a coroutine called synchronously runs to its end, and may call TypeScript', async (t) => {
  const bridge = await openEmbedded(t);
  bridge.expose('desk', { double: (n: number) => n * 2 });
  assert.equal(bridge.callSync('bridge_fixture:add_async', 20, 22), 42);
  assert.equal(bridge.callSync('bridge_fixture:call_host_async', 'desk.double', 4), 8);
  assert.equal(bridge.callSync('bridge_fixture:run_own_loop', 'desk.double', 5), 10);
  assert.match(thrown(() => bridge.callSync('bridge_fixture:fail_async', 'oh')).message, /oh/);
});

test('a function of TypeScript may close the bridge that Python calls it through', async (t) => {
  const bridge = await openEmbedded(t);
  const value = bridge.callSync('bridge_fixture:call_back', () => {
    void bridge.close();
    return 3;
  });
  assert.equal(value, 3);
  assert.equal(thrown(() => bridge.callSync('math:floor', 1)).code, 'closed');
});
