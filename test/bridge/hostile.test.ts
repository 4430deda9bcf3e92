/**
 * Values that resist being looked at, through the bridge: each crosses whole, by reference, or is refused with a clear
 * error; and the next call works.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BridgeError } from '../../extension/bridge/errors';
import type { Bridge, EmbeddedBridge } from '../../extension/conductor/openBridge';
import { HOSTS, openForTest } from './bothHosts';

const MODULE = 'hostile_fixture';
const REFUSED = Symbol('refused');
const BY_REFERENCE = Symbol('by reference');

type Expected = typeof REFUSED | typeof BY_REFERENCE | ((value: unknown) => void);

const revoked = Proxy.revocable({}, {});
revoked.revoke();

const OURS: Record<string, [make: () => unknown, expected: Expected]> = {
  'a getter that throws': [
    () => ({
      get x() {
        throw new Error('do not ask');
      },
    }),
    REFUSED,
  ],
  'a Proxy whose traps throw': [
    () =>
      new Proxy(
        {},
        {
          ownKeys() {
            throw new Error('do not ask');
          },
        },
      ),
    REFUSED,
  ],
  'a revoked Proxy': [() => revoked.proxy, REFUSED],
  'an instance that fails when asked': [
    () =>
      new (class Furious {
        get [Symbol.toStringTag](): string {
          throw new Error('do not ask');
        }
      })(),
    BY_REFERENCE,
  ],
  'keys with a meaning': [
    () => JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "10": 2, "2": 3}'),
    (value) => {
      assert.deepEqual(Object.entries(value as object).sort(), [
        ['10', 2],
        ['2', 3],
        ['__proto__', { polluted: true }],
        ['constructor', 1],
      ]);
      assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    },
  ],
  'lone surrogates': [() => '\ud800 and \udc00', (value) => assert.equal(value, '\ud800 and \udc00')],
  'an integer of 100,000 digits': [() => 7n ** 120_000n, (value) => assert.equal(value, 7n ** 120_000n)],
  'lists in lists, 100,000 deep': [() => deep((inner) => [inner]), REFUSED],
  'objects in objects, 100,000 deep': [() => deep((inner) => ({ inner })), REFUSED],
};

const THEIRS: Record<string, Expected> = {
  furious: BY_REFERENCE,
  'furious class': BY_REFERENCE,
  liar: BY_REFERENCE,
  sulky: BY_REFERENCE,
  'sulky class': BY_REFERENCE,
  'unhashable text': BY_REFERENCE,
  growing: BY_REFERENCE,
  nosy: REFUSED,
  'lone surrogate': (value) => assert.equal(value, '\ud800 and \udc00'),
  'long int': (value) => assert.equal(value, 7n ** 120_000n),
  proto: (value) => assert.equal((value as Map<string, unknown>).get('constructor'), 1),
  'deep list': REFUSED,
  'deep tuple': REFUSED,
  'deep dict': REFUSED,
};

function deep(wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 0;
  for (let i = 0; i < 100_000; i++) value = wrap(value);
  return value;
}

/** Settles the call and holds what came against what is expected. */
async function hold(name: string, expected: Expected, call: () => unknown): Promise<void> {
  let value: unknown;
  try {
    value = await call();
  } catch (error) {
    assert.equal(expected, REFUSED, `${name}: ${(error as Error).stack}`);
    assert.ok(error instanceof BridgeError, `${name}: ${error}`);
    assert.ok(error.code && error.message, name);
    return;
  }
  assert.notEqual(expected, REFUSED, `${name} came as ${String(typeof value)}`);
  if (typeof expected === 'function') expected(value);
  else assert.ok(value !== null && ['object', 'function'].includes(typeof value), name);
}

/** The ways a value can go to the other side and come back, or come from there. */
function waysOf(bridge: Bridge): ((name: string, args: unknown[]) => unknown)[] {
  const ways = [(name: string, args: unknown[]): unknown => bridge.call(`${MODULE}:${name}`, args)];
  if (bridge.kind === 'embedded') {
    ways.push((name, args) => (bridge as EmbeddedBridge).callSync(`${MODULE}:${name}`, ...args));
  }
  return ways;
}

for (const host of HOSTS) {
  test(`${host}: JavaScript's values, there and back`, async (t) => {
    const bridge = await openForTest(t, host);
    for (const way of waysOf(bridge)) {
      for (const [name, [make, expected]] of Object.entries(OURS)) {
        await hold(name, expected, () => way('same', [make()]));
        await hold(`${name}, inside`, expected === REFUSED ? REFUSED : () => undefined, () =>
          way('same', [{ list: [make()] }]),
        );
        assert.equal(await way('same', [42]), 42, name);
      }
    }
  });

  test(`${host}: Python's values, as results and as arguments`, async (t) => {
    const bridge = await openForTest(t, host);
    for (const way of waysOf(bridge)) {
      for (const [name, expected] of Object.entries(THEIRS)) {
        await hold(name, expected, () => way('make', [name]));
        let came: unknown;
        const take = (value: unknown): null => {
          came = value;
          return null;
        };
        await hold(name, expected, async () => {
          await way('give_to', [take, name]);
          return came;
        });
        assert.equal(await way('same', [42]), 42, name);
      }
    }
  });

  test(`${host}: a dict that changes while it is read`, async (t) => {
    const bridge = await openForTest(t, host);
    for (const way of waysOf(bridge)) {
      for (let i = 0; i < 3; i++) {
        const ended = await way('give_in_a_changing_dict', [(value: object) => Object.keys(value).length]);
        assert.match(String(ended), /^\d+$|changed/, String(ended));
      }
      assert.equal(await way('same', [42]), 42);
    }
  });
}
