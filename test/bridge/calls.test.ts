/** The contract of calls, the same for both hosts. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { PyDataclass, PyTuple } from '../../extension/bridge/codec';
import {
  BridgeClosed,
  BridgeError,
  CallCancelled,
  ConversionError,
  HostError,
  PythonError,
} from '../../extension/bridge/errors';
import { kw, type PyObject, value } from '../../extension/bridge/refs';
import { currentCall } from '../../extension/bridge/scope';
import { onBothHosts, recordOutput, rejection } from './bothHosts';

onBothHosts('facts about the host', async (bridge) => {
  assert.match(bridge.info.version, /^3\.\d+\.\d+/);
  assert.equal(await bridge.call('os:getpid'), bridge.info.pid);
  const sys = await bridge.import('sys');
  assert.equal(await value(sys.executable), bridge.info.executable);
  assert.equal(await value(sys.prefix), bridge.info.prefix);
  assert.notEqual(bridge.info.executable, process.execPath);
});

onBothHosts('plain functions, keywords, coroutines', async (bridge) => {
  const stats = await bridge.import('statistics');
  assert.equal(await stats.mean([1, 2, 3]), 2);
  assert.deepEqual(await stats.quantiles([1, 2, 3, 4], kw({ n: 2 })), [2.5]);
  const fixture = await bridge.import('bridge_fixture');
  assert.deepEqual(await fixture.echo(1, kw({ a: 2 })), { args: [1], kwargs: { a: 2 } });
  assert.equal(await fixture.add_async(20, 22), 42);
  assert.equal(await fixture.add_async(20, kw({ right: 22 })), 42);
  const counter = await bridge.call<PyObject>('bridge_fixture:Counter', [], { kwargs: { start: 3 } });
  assert.equal(await counter.add(1), 4);
});

onBothHosts('values keep kind and content both ways', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  const samples = await fixture.samples();
  assert.equal(samples.int, 2 ** 40);
  assert.equal(samples.big, 2n ** 70n);
  assert.equal(samples.str, 'äö€𝄞');
  assert.deepEqual(samples.bytes, new Uint8Array([0, 255]));
  assert.ok(samples.tuple instanceof PyTuple);
  assert.ok(samples.point instanceof PyDataclass);
  assert.deepEqual(samples.point.fields, { x: 1, y: 2.5 });
  assert.deepEqual(await fixture.echo(samples), samples);
  assert.equal(await fixture.type_name(samples.point), 'Point');
  assert.equal(await fixture.type_name(samples.tuple), 'tuple');
  const large = new Uint8Array(3_000_000).fill(7);
  assert.deepEqual(Buffer.from(await fixture.echo(large)).equals(large), true);
});

onBothHosts('many calls at once all get their own answer', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => fixture.add_async(i, i)));
  assert.deepEqual(
    answers,
    Array.from({ length: 500 }, (_, i) => 2 * i),
  );
});

onBothHosts('objects stay in Python until they are released', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  {
    const counter = await fixture.Counter.ref(5);
    assert.equal(await counter.add(2), 7);
    assert.equal(await value(counter.count), 7);
    assert.equal(await fixture.counters_alive(), 1);
    assert.equal(await bridge.call('bridge_fixture:Counter.add', [counter]), 8);
    counter[Symbol.dispose]();
  }
  for (let i = 0; i < 100 && (await fixture.counters_alive()) > 0; i++) await delay(10);
  assert.equal(await fixture.counters_alive(), 0);
});

onBothHosts('Python calls exposed functions, waiting or awaiting', async (bridge) => {
  bridge.expose('desk', {
    upper: (text: string) => text.toUpperCase(),
    later: async (text: string) => {
      await delay(5);
      return `${text} later`;
    },
    name: () => currentCall()?.name,
  });
  const fixture = await bridge.import('bridge_fixture');
  assert.equal(await fixture.call_host('desk.upper', 'a'), 'A');
  assert.equal(await fixture.call_host('desk.later', 'a'), 'a later');
  assert.equal(await fixture.call_host_async('desk.later', 'b'), 'b later');
  assert.equal(await fixture.call_host('desk.name'), 'desk.name');
  assert.equal(await fixture.call_back((x: number) => x + 1, 41), 42);
});

onBothHosts('calls nest through both languages', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  bridge.expose('desk', {
    down: async (depth: number): Promise<number> =>
      depth === 0 ? 0 : 1 + (await fixture.call_host('desk.down', depth - 1)),
  });
  assert.equal(await fixture.call_host('desk.down', 12), 12);
});

onBothHosts('an exception of Python reads as one story, with its cause', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  const error = await rejection(fixture.fail('on purpose'));
  assert.ok(error instanceof PythonError);
  assert.equal(error.type, 'ValueError');
  assert.equal(error.code, 'python-exception');
  assert.equal(error.message, 'on purpose');
  assert.ok(error.cause instanceof PythonError && error.cause.type === 'KeyError');
  assert.deepEqual(
    error.frames.filter(({ language }) => language === 'python').map((frame) => frame.function),
    ['fail', '_fail_below'],
  );
  const stack = String(error.stack);
  assert.ok(stack.indexOf('calls.test.ts') < stack.indexOf('bridge_fixture.py'), stack);
  assert.match(stack, /bridge_fixture\.py:\d+\)/);
  assert.match(stack, /caused by PythonError \[KeyError\]/);
  const later = await rejection(fixture.fail_async('on the loop'));
  assert.ok(later instanceof PythonError && /fail_async/.test(String(later.stack)), later.stack);
});

onBothHosts(
  'an error of an exposed function comes back as the same object, with both stacks',
  async (bridge) => {
    const thrown = new RangeError('no such page');
    bridge.expose('desk', {
      open() {
        throw thrown;
      },
    });
    const fixture = await bridge.import('bridge_fixture');
    for (const call of [fixture.call_host, fixture.call_host_async]) {
      const error = await rejection(call('desk.open'));
      assert.ok(error instanceof HostError, error.stack);
      assert.equal(error.original, thrown);
      const languages = error.frames.map(({ language }) => language);
      assert.deepEqual(
        [languages[0], languages.includes('python'), languages.at(-1)],
        ['typescript', true, 'typescript'],
      );
    }
    const missing = await rejection(fixture.call_host('desk.missing'));
    assert.equal((missing as BridgeError).code, 'host-unavailable');
  },
);

onBothHosts('what cannot be converted is refused by path and type', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  const outgoing = await rejection(fixture.echo([{ deep: new Date(Number.NaN) }]));
  assert.ok(outgoing instanceof ConversionError);
  assert.match(outgoing.message, /args\[0\]\[0\]\.deep/);
  const incoming = await rejection(bridge.call('builtins:eval', ['(lambda t: t[0].append(t) or t)(([],))']));
  assert.equal((incoming as BridgeError).code, 'conversion');
  assert.match(incoming.message, /tuple/);
});

onBothHosts('a busy loop and a coroutine are cancelled', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  for (const [name, cleansUp] of [
    ['spin', false],
    ['sleep_async', true],
  ] as const) {
    const controller = new AbortController();
    const call = fixture[name].with({ signal: controller.signal })(30);
    setTimeout(() => controller.abort(), 50);
    const began = performance.now();
    const error = await rejection(call);
    assert.ok(error instanceof CallCancelled, error.stack);
    assert.ok(performance.now() - began < 1000, `${name} took ${performance.now() - began} ms`);
    if (cleansUp) assert.deepEqual(await fixture.take_log(), ['cleaned up']);
  }
  assert.equal(await fixture.echo(1), 1);
});

onBothHosts('a deadline cancels', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  const error = await rejection(fixture.sleep_async(30, kw({}), { deadlineMs: 30 }));
  assert.equal((error as BridgeError).code, 'deadline');
});

onBothHosts('a wait that nothing can break is given up, with its stack', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  const controller = new AbortController();
  const call = fixture.sleep.with({ signal: controller.signal })(4);
  setTimeout(() => controller.abort(), 50);
  const began = performance.now();
  const error = await rejection(call);
  assert.ok(performance.now() - began < 1500);
  assert.equal((error as BridgeError).code, 'abandoned', error.stack);
  assert.match(error.message + String(error.stack), /bridge_fixture\.py.*line \d+, in sleep/s);
  assert.equal(await fixture.echo('still here'), 'still here');
});

onBothHosts('output comes in order with answers', async (bridge) => {
  const output = recordOutput(bridge);
  await bridge.call('builtins:print', ['hello', 'wörld']);
  await bridge.host.drainOutput();
  assert.equal(output.stdout, 'hello wörld\n');
  await bridge.call('bridge_fixture:print_much', [10]);
  await bridge.host.drainOutput();
  assert.equal(output.stdout.length, 'hello wörld\n'.length + 10 * 1024 * 1024);
});

onBothHosts('the runtime answers pings while Python is busy', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  const busy = fixture.spin(0.4);
  await delay(30);
  assert.ok((await bridge.host.session.ping()) < 300);
  await busy;
});

onBothHosts('closing fails calls in flight', async (bridge) => {
  const fixture = await bridge.import('bridge_fixture');
  const call = fixture.sleep_async(30);
  await delay(20);
  const failed = rejection(call);
  await bridge.close();
  assert.ok((await failed) instanceof BridgeClosed);
  assert.ok((await rejection(fixture.echo(1))) instanceof BridgeClosed);
  assert.ok((await rejection(bridge.call('os:getpid'))) instanceof BridgeClosed);
  await bridge.close();
});

onBothHosts('a restart begins anew and keeps exposed functions', async (bridge) => {
  bridge.expose('desk', { one: () => 1 });
  const old = await bridge.import('statistics');
  await bridge.restart();
  assert.ok((await rejection(old.mean([1]))) instanceof BridgeError);
  const stats = await bridge.import('statistics');
  assert.equal(await stats.mean([4]), 4);
  assert.equal(await bridge.call('symphony_bridge:host.desk.one'), 1);
});

onBothHosts(
  'regression: a call into a module that another call is importing waits for it',
  async (bridge) => {
    const answers = [1, 2, 3, 4].map(() => bridge.call('slow_import_fixture:answer'));
    assert.deepEqual(await Promise.all(answers), [42, 42, 42, 42]);
  },
);
