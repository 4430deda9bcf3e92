/** `strict`: what Python passes to functions of ours keeps its exact type, however Python calls them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NdArray, PyFloat } from '../../extension/bridge/codec';
import { strict } from '../../extension/bridge/strict';
import type { Bridge } from '../../extension/conductor/openBridge';
import { HOSTS, openEmbedded, openForTest } from './bothHosts';
import { isSkipped } from './typesTable';

/** Each is merged with another type by default. */
const MERGED = [
  '2.0',
  '[2.0, 1]',
  '[1.5, 2]',
  '[1.0, 2.0]',
  '{"a": (2.0, 2)}',
  'numpy.float64(1.5)',
  'numpy.int16(7)',
];

type Ask = (name: string, ...args: unknown[]) => Promise<unknown>;

class Box {
  constructor(readonly given: unknown) {}
}

class Desk {
  given: unknown = null;
  readonly received: unknown[] = [];

  same(value: unknown): unknown {
    this.received.push(value);
    return value;
  }
}

function* echoes(): Generator<unknown, void, unknown> {
  let sent: unknown;
  while (true) sent = yield sent;
}

for (const host of HOSTS) {
  test(`${host}: strict functions get exact types`, async (t) => {
    const bridge = await openForTest(t, host);
    const ask: Ask = (name, ...args) => bridge.call(`strict_fixture:${name}`, args);
    await checkAll(bridge, ask);
    await eachValue(bridge, async (expression) => {
      const async = strict(async (value: unknown) => value);
      assert.equal(await ask('call_async', async, expression), null, `async: ${expression}`);
      assert.equal(await ask('call_host_async', 'desk.same_async', expression), null, expression);
    });
  });
}

test('embedded: strict functions get exact types inside a synchronous call', async (t) => {
  const bridge = await openEmbedded(t);
  await checkAll(bridge, async (name, ...args) => bridge.callSync(`strict_fixture:${name}`, ...args));
});

test('without strict, types are merged as the table of types says', async (t) => {
  const bridge = await openEmbedded(t);
  const seen: unknown[] = [];
  const look = (value: unknown): unknown => seen.push(value);
  const marked = strict((value: unknown) => seen.push(value));
  for (const fn of [look, marked]) {
    bridge.callSync('bridge_fixture:call_back', fn, 1);
    bridge.callSync('types_table:call_with', fn, '[2.0, 1]');
  }
  assert.deepEqual(seen, [1, [2, 1], 1, [new PyFloat(2), 1]]);
  if (!(await hasNumPy(bridge))) return;
  seen.length = 0;
  for (const fn of [look, marked]) {
    bridge.callSync('types_table:call_with', fn, 'numpy.float64(1.5)');
    await bridge.call('types_table:call_with', [fn, 'numpy.float64(1.5)']);
  }
  assert.deepEqual(seen.slice(0, 2), [1.5, 1.5]);
  assert.ok(seen.slice(2).every((each) => each instanceof NdArray && each.kind === 'scalar'));
});

async function checkAll(bridge: Bridge, ask: Ask): Promise<void> {
  const desk = strict(new Desk());
  bridge.expose('desk', strict({ same: (value: unknown) => value }));
  bridge.expose('drawer', { deep: { same: strict((value: unknown) => value) } });
  await eachValue(bridge, async (expression) => {
    const ways: [string, unknown][] = [
      ['call', strict((value: unknown) => value)],
      ['call_keyword', strict((keywords: unknown) => keywords)],
      ['apply', strict((value: unknown) => value)],
      ['call_method', desk],
      ['set_attribute', desk],
      ['make_new', strict(class extends Box {})],
      ['send', strict(echoes())],
      ['call_host', 'desk.same'],
      ['call_host', 'drawer.deep.same'],
    ];
    for (const [way, receiver] of ways)
      assert.equal(await ask(way, receiver, expression), null, `${way} ${receiver}: ${expression}`);
  });
  assert.equal(await ask('items', strict(new Desk())), true);
}

async function eachValue(bridge: Bridge, check: (expression: string) => Promise<void>): Promise<void> {
  for (const expression of MERGED) {
    if (!isSkipped(await bridge.call('types_table:lacks', [expression]))) await check(expression);
  }
}

async function hasNumPy(bridge: Bridge): Promise<boolean> {
  return !isSkipped(await bridge.call('types_table:lacks', ['numpy']));
}
