/** Synchronous calls, which only the embedded host has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PyFloat, tuple } from '../../extension/bridge/codec';
import { BridgeClosed, ConversionError, PythonError } from '../../extension/bridge/errors';
import { kw, type PyObject, value } from '../../extension/bridge/refs';
import { openEmbedded, thrown } from './bothHosts';

test('a synchronous call takes names, objects and keywords', async (t) => {
  const bridge = await openEmbedded(t);
  assert.equal(bridge.callSync('math:floor', 2.5), 2);
  const fixture = await bridge.import('bridge_fixture');
  assert.deepEqual(bridge.callSync(fixture.echo, 1, kw({ a: 2 })), { args: [1], kwargs: { a: 2 } });
  assert.equal(bridge.callSync(fixture.add_async, 20, kw({ right: 22 })), 42);
  const counter = await fixture.Counter.ref(1);
  assert.equal(bridge.callSync(counter.add, 2), 3);
  const add = bridge.sync<number>(counter.add);
  assert.deepEqual([add(), add(10)], [4, 14]);
  counter[Symbol.dispose]();
  assert.equal(thrown(() => add()).code, 'released');
});

test('values pass as in asynchronous calls, large ones too', async (t) => {
  const bridge = await openEmbedded(t);
  const echo = bridge.sync('bridge_fixture:echo');
  const samples = bridge.callSync('bridge_fixture:samples');
  assert.deepEqual(echo(samples), samples);
  const floats = Array.from({ length: 100_000 }, (_, i) => i + 0.5);
  assert.deepEqual(echo(floats), floats);
  const text = 'ä'.repeat(300_000);
  assert.equal(echo(text), text);
  const bytes = new Uint8Array(1_000_000).fill(3);
  assert.ok(Buffer.from(echo(bytes) as Uint8Array).equals(bytes));
});

test('a held callable without arguments gives None, values of any size, errors and what is awaited', async (t) => {
  const bridge = await openEmbedded(t);
  const make = async (source: string) => bridge.sync(await bridge.callRef('builtins:eval', [source]));
  const nothing = await make('lambda: None');
  assert.equal(nothing(), null);
  assert.deepEqual(
    (await make('lambda: {"a": (1,)}'))(),
    bridge.callSync('builtins:dict', kw({ a: tuple(1) })),
  );
  assert.equal(((await make('lambda: list(range(100_000))'))() as number[]).length, 100_000);
  assert.deepEqual((await make('lambda: bytes(200_000)'))(), new Uint8Array(200_000));
  assert.equal(await (await make('lambda: __import__("asyncio").sleep(0.001, "slept")'))(), 'slept');
  const error = thrown(await make('lambda: 1 / 0'));
  assert.equal((error as PythonError).type, 'ZeroDivisionError');
  assert.match(String(error.stack), /TypeScript[\s\S]+Python/);
  assert.equal(nothing(), null);
  const again = bridge.sync(await bridge.callRef('builtins:eval', ['lambda f: f() or f()']));
  assert.equal(
    again(() => nothing()),
    null,
  );
  await bridge.close();
  assert.ok(thrown(nothing) instanceof BridgeClosed);
});

test('errors are thrown with the caller in front', async (t) => {
  const bridge = await openEmbedded(t);
  const error = thrown(() => bridge.callSync('bridge_fixture:fail', 'on purpose'));
  assert.ok(error instanceof PythonError);
  assert.equal(error.type, 'ValueError');
  assert.match(String(error.stack), /TypeScript[\s\S]+sync\.test\.ts[\s\S]+Python[\s\S]+_fail_below/);
  const refused = thrown(() => bridge.callSync('bridge_fixture:echo', [new Date(Number.NaN)]));
  assert.ok(refused instanceof ConversionError);
  assert.match(refused.message, /args\[0\]\[0\]/);
  assert.equal(bridge.callSync('bridge_fixture:echo', 5), 5);
});

test('synchronous and asynchronous calls mix', async (t) => {
  const bridge = await openEmbedded(t);
  const fixture = await bridge.import('bridge_fixture');
  bridge.expose('desk', { upper: (text: string) => bridge.callSync('builtins:str.upper', text) });
  const results = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const later = fixture.add_async(i, 1);
      assert.equal(bridge.callSync('builtins:abs', -i), i);
      return later;
    }),
  );
  assert.equal(results[99], 100);
  assert.equal(await fixture.call_host('desk.upper', 'x'), 'X');
});

test('after the end, synchronous calls fail like all others', async (t) => {
  const bridge = await openEmbedded(t);
  await bridge.close();
  assert.ok(thrown(() => bridge.callSync('math:floor', 1)) instanceof BridgeClosed);
});

test('options that give up are refused: nobody could act upon them', async (t) => {
  const bridge = await openEmbedded(t);
  for (const options of [{ deadlineMs: 50 }, { signal: new AbortController().signal }, { giveUp: true }]) {
    const error = thrown(() => bridge.callSync('time:sleep', 0, kw({}, options)));
    assert.equal(error.code, 'unsupported');
    assert.match(String(error.hint), /without callSync/);
    const time = await bridge.import('time');
    for (const call of [
      () => bridge.callSync(time.sleep.with(options), 0),
      () => bridge.sync(time.sleep.with(options)),
    ]) {
      assert.equal(thrown(call).code, 'unsupported');
    }
  }
});

test('regression: strict counts where it is bound to the function, too', async (t) => {
  const bridge = await openEmbedded(t);
  const operator = await bridge.import('operator');
  const pos = await value<PyObject>(operator.pos);
  const exact = new PyFloat(2);
  assert.deepEqual(bridge.callSync(operator.pos.with({ strict: true }), exact), exact);
  assert.deepEqual(bridge.sync(pos.with({ strict: true }))(exact), exact);
  assert.equal(bridge.callSync(operator.pos, exact), 2);
});
