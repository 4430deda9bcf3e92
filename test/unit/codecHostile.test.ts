/** Hostile values and hostile packs: a clear error with the path, or the right value; never a crash, never a hang. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';
import fc from 'fast-check';
import {
  ConversionError,
  encodeFrame,
  FrameError,
  NO_REFS,
  PyTuple,
  registerConverter,
  view,
} from '../../extension/bridge/codec';
import { KEPT, Tag } from '../../extension/protocol/pack';
import { decode, HEADER, roundTrip } from './codecSupport';
import { runs } from './codecValues';

/** The error of a value that is refused. */
function refusal(value: unknown): ConversionError {
  try {
    roundTrip(value);
  } catch (error) {
    assert.ok(error instanceof ConversionError, String(error));
    return error;
  }
  throw new Error('it was not refused');
}

test('a getter that throws is told with its path and its error', () => {
  const boom = new Error('boom');
  const value = {
    get bad(): never {
      throw boom;
    },
  };
  const error = refusal({ items: [1, value] });
  assert.equal(error.message, 'cannot convert result.items[1].bad: reading it failed: boom');
  assert.equal(error.cause, boom);
  // Common shapes are written by generated code.
  for (let i = 0; i < 100; i++) assert.equal(refusal(value).path, 'result.bad');
});

test('errors that cannot be read either', () => {
  const evil = {
    get message(): never {
      throw evil;
    },
    toString(): never {
      throw evil;
    },
  };
  const thrower = (thrown: unknown) => ({
    get x(): never {
      throw thrown;
    },
  });
  for (const thrown of [evil, null, undefined, 'text', 5n, Object.create(null)]) {
    assert.match(refusal([thrower(thrown)]).message, /^cannot convert result\[0\]\.x: reading it failed/);
  }
});

test('Proxy traps that throw, at every place they can', () => {
  const traps = ['getPrototypeOf', 'ownKeys', 'get', 'getOwnPropertyDescriptor', 'has'] as const;
  for (const trap of traps) {
    const handler: ProxyHandler<object> = {
      [trap]: () => {
        throw new Error(`trap ${trap}`);
      },
    };
    for (const target of [{ a: 1 }, [1, undefined], new Map([[1, 2]]), new Date(), () => 1]) {
      // Whoever does not meet the trap gets the value.
      try {
        assert.deepStrictEqual(roundTrip({ deep: [new Proxy(target, handler)] }), { deep: [target] });
      } catch (error) {
        assert.ok(error instanceof ConversionError, String(error));
        assert.match(error.message, /^cannot convert result\.deep\[0\]/);
      }
    }
  }
});

test('revoked proxies, of objects, arrays and functions', () => {
  for (const target of [{}, [], () => 1]) {
    const { proxy, revoke } = Proxy.revocable<object>(target, {});
    revoke();
    assert.match(refusal({ a: [proxy] }).path, /^result\.a\[0\]$/);
  }
});

test('a Proxy that only looks like a Map or a Date', () => {
  for (const target of [new Map(), new Set(), new Date(), new Uint8Array(3), new ArrayBuffer(2)]) {
    assert.equal(refusal([new Proxy(target, {})]).path, 'result[0]');
  }
});

test('containers that change while they are read', () => {
  const changing = (change: () => void) => ({
    get now() {
      change();
      return 1;
    },
  });
  const array: unknown[] = [];
  array.push(
    changing(() => array.push(1)),
    2,
  );
  const shrinking: unknown[] = [];
  shrinking.push(
    changing(() => {
      shrinking.length = 1;
    }),
    2,
    3,
  );
  const set = new Set<unknown>();
  set.add(changing(() => set.add({})));
  const endless = new Set<unknown>();
  const add = (): void => {
    endless.add(changing(add));
  };
  add();
  const map = new Map<unknown, unknown>();
  map.set(
    1,
    changing(() => map.set({}, 1)),
  );
  const losing = new Map<unknown, unknown>([
    [0, changing(() => losing.delete(2))],
    [2, 3],
  ]);
  for (const value of [array, shrinking, set, endless, map, losing]) {
    assert.match(refusal(value).message, /changed while it was read/);
  }
});

test('memory that goes away while it is read', () => {
  const large = new Uint8Array(100_000);
  const value = [
    large,
    {
      get now() {
        structuredClone(large.buffer, { transfer: [large.buffer] });
        return 1;
      },
    },
  ];
  assert.match(refusal(value).message, /changed while it was read/);
});

test('nesting ends in an error, not in a stack overflow', () => {
  const nest = (levels: number, wrap: (inner: unknown, i: number) => unknown) => {
    let value: unknown = 'core';
    for (let i = 0; i < levels; i++) value = wrap(value, i);
    return value;
  };
  const mixed = (inner: unknown, i: number) => (i % 2 ? [inner] : { in: inner });
  assert.deepStrictEqual(roundTrip(nest(1000, mixed)), nest(1000, mixed));
  for (const wrap of [
    mixed,
    (inner: unknown) => new Map([['k', inner]]),
    (inner: unknown) => new Set([inner]),
    (inner: unknown) => Object.freeze(PyTuple.of(inner)),
  ]) {
    assert.match(refusal(nest(1001, wrap)).message, /nested more than 1000 levels deep/);
    assert.match(refusal(nest(100_000, wrap)).message, /nested more than 1000 levels deep/);
  }
});

test('a converter that never ends, or throws', () => {
  class Endless {}
  class Failing {}
  const endless = registerConverter({ name: 'endless', match: Endless, toPlain: () => [new Endless()] });
  const failing = registerConverter<Failing>({
    name: 'failing',
    match: Failing,
    toPlain: () => [1],
    fromPlain: () => {
      throw new Error('no way back');
    },
  });
  assert.match(refusal({ a: new Endless() }).message, /nested more than 1000 levels deep/);
  assert.match(refusal([new Failing()]).message, /converter failing cannot read its value: no way back/);
  endless.dispose();
  failing.dispose();
});

test('polluted prototypes neither leak in nor are triggered', () => {
  const keys = ['polluted', 'setter'];
  let triggered = 0;
  try {
    Object.defineProperty(Object.prototype, 'polluted', { value: 1, enumerable: true, configurable: true });
    Object.defineProperty(Object.prototype, 'setter', {
      set: () => triggered++,
      get: () => 7,
      configurable: true,
    });
    assert.deepEqual(Object.keys(roundTrip({ a: 1 }) as object), ['a']);
    for (let i = 0; i < 50; i++) {
      const back = roundTrip({ setter: 1, polluted: 2, ['__proto__']: 3 }) as Record<string, unknown>;
      assert.deepEqual([back.setter, back.polluted, Object.keys(back).length], [1, 2, 3]);
    }
  } finally {
    for (const key of keys) delete (Object.prototype as Record<string, unknown>)[key];
  }
  assert.equal(triggered, 0);
});

test('own properties that hide methods change nothing', () => {
  const map = Object.assign(new Map([[1, 2]]), { entries: null, keys: null, [Symbol.iterator]: null });
  Object.defineProperty(map, 'size', { value: 9 });
  assert.deepEqual([...(roundTrip(map) as Map<unknown, unknown>)], [[1, 2]]);
  const date = Object.assign(new Date(5), { getTime: () => 7, valueOf: () => 8 });
  assert.equal((roundTrip(date) as Date).getTime(), 5);
});

test('values of another realm are what they are here', () => {
  const foreign = vm.runInNewContext(`({
    map: new Map([['a', [1]]]), set: new Set([1.5]), date: new Date(5), bytes: new Uint8Array([1]),
    floats: new Float64Array([1.5]), buffer: new ArrayBuffer(2), big: 5n, nested: [[{ a: undefined }]],
    view: new DataView(new ArrayBuffer(1)),
  })`);
  assert.deepStrictEqual(roundTrip(foreign), {
    map: new Map([['a', [1]]]),
    set: new Set([1.5]),
    date: new Date(5),
    bytes: new Uint8Array([1]),
    floats: new Float64Array([1.5]),
    buffer: new ArrayBuffer(2),
    big: 5n,
    nested: [[{ a: undefined }]],
    view: new DataView(new ArrayBuffer(1)),
  });
  assert.match(refusal(vm.runInNewContext('new (class Map {})()')).message, /type 'Map'/);
});

test('detached, shrunk and resizable memory', () => {
  const detached = (): ArrayBuffer => {
    const memory = new ArrayBuffer(8);
    structuredClone(memory, { transfer: [memory] });
    return memory;
  };
  const gone = new ArrayBuffer(8);
  const views = [new Uint8Array(gone), new Float64Array(gone), new DataView(gone), Buffer.from(gone)];
  structuredClone(gone, { transfer: [gone] });
  for (const value of [detached(), ...views]) {
    assert.match(
      refusal({ a: [value] }).message,
      /^cannot convert result\.a\[0\] \(type '\w+'\): its memory is detached/,
    );
  }
  const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer & {
    resize(n: number): void;
  };
  const fixed = new Uint8Array(resizable, 4, 4);
  const tracking = new Uint8Array(resizable, 2);
  assert.equal((roundTrip(tracking) as Uint8Array).length, 6);
  resizable.resize(6);
  assert.equal((roundTrip(tracking) as Uint8Array).length, 4);
  assert.match(refusal(fixed).message, /made smaller/);
  for (const empty of [
    new Uint8Array(0),
    new Float64Array(0),
    new ArrayBuffer(0),
    new DataView(new ArrayBuffer(0)),
  ]) {
    assert.deepStrictEqual(roundTrip([empty]), [empty]);
  }
});

test('memory is lent in synchronous calls only', () => {
  assert.match(refusal([view(new Uint8Array(2))]).message, /only a synchronous call can lend memory/);
  assert.throws(() => view([1] as never), /view\(\) takes/);
});

test('random ops give a value or a FrameError', () => {
  const tags = Object.values(Tag).filter((tag): tag is Tag => typeof tag === 'number');
  const op = fc
    .tuple(fc.constantFrom(...tags), fc.boolean(), fc.oneof(fc.nat(6), fc.nat(0xffffff)))
    .map(([tag, kept, arg]) => tag | (kept ? KEPT : 0) | (arg << 8));
  const refs = { ...NO_REFS, ownValue: () => null, makeProxy: () => null };
  fc.assert(
    fc.property(fc.array(op, { minLength: 1, maxLength: 40 }), fc.string({ maxLength: 40 }), (ops, chars) => {
      try {
        decode(frameOf(ops, chars), refs);
      } catch (error) {
        assert.ok(error instanceof FrameError, String((error as Error).stack));
      }
    }),
    { numRuns: runs(5000, 500_000) },
  );
});

test('a valid frame with any op changed gives a value or a FrameError', () => {
  const value = [{ a: [1, 2.5, 'x'], d: new Date(0) }, new Map([['k', new Float64Array(2)]]), { a: 1, d: 2 }];
  const frame = Buffer.from(encodeFrame(HEADER, [value, value], NO_REFS));
  const [nums, ops] = [frame.readUInt32LE(44), frame.readUInt32LE(40)];
  fc.assert(
    fc.property(fc.nat(ops - 1), fc.integer(), (at, word) => {
      const broken = Buffer.from(frame);
      broken.writeInt32LE(word, 64 + nums * 8 + at * 4);
      try {
        decode(broken, { ...NO_REFS, ownValue: () => null, makeProxy: () => null });
      } catch (error) {
        assert.ok(error instanceof FrameError, String((error as Error).stack));
      }
    }),
    { numRuns: runs(3000, 300_000) },
  );
});

function frameOf(ops: number[], chars: string): Uint8Array {
  const text = Buffer.from(chars, 'latin1');
  const pad = (n: number) => Math.ceil(n / 8) * 8;
  const frame = Buffer.alloc(64 + 80 + pad(ops.length * 4) + pad(text.length));
  frame.writeUInt32LE(frame.length, 0);
  frame.writeUInt8(2, 4);
  frame.writeUInt16LE(1, 6);
  frame.writeUInt32LE(ops.length, 40);
  frame.writeUInt32LE(10, 44);
  frame.writeUInt32LE(text.length, 48);
  for (let i = 0; i < 10; i++) frame.writeDoubleLE(i * 1.5, 64 + i * 8);
  for (const [i, op] of ops.entries()) frame.writeInt32LE(op | 0, 144 + i * 4);
  text.copy(frame, 144 + pad(ops.length * 4));
  return new Uint8Array(frame);
}
