/** Synchronous calls against an addon that echoes the call: memory that grows, calls inside calls, errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConversionError, NO_REFS, type SyncAddon, SyncCodec, tuple } from '../../extension/bridge/codec';
import { Tag } from '../../extension/protocol/pack';

/** Replies with what it was called with, as the addon does: into whatever memory is registered by then. */
class EchoAddon implements SyncAddon {
  registrations = 0;
  status = 0;
  /** Runs "in Python", while the call is under way. */
  during: (() => void) | undefined;
  private memory: Parameters<SyncAddon['scratch']> | undefined;
  private reply:
    | { ops: Int32Array; nums: Float64Array; chars: Uint8Array; segments: Uint8Array[] }
    | undefined;

  scratch(...memory: Parameters<SyncAddon['scratch']>): void {
    this.memory = memory;
    this.registrations++;
  }

  callSync(segments: readonly Uint8Array[] = []): void {
    assert.ok(this.memory);
    const [ops, nums, chars, , , , registers] = this.memory;
    const reply = {
      ops: ops.slice(0, registers[2]),
      nums: nums.slice(0, registers[3]),
      chars: new Uint8Array(chars.subarray(0, registers[4])),
      segments: segments.map((bytes) => new Uint8Array(bytes)),
    };
    assert.equal(segments.length, registers[5]);
    const { during } = this;
    this.during = undefined;
    during?.();
    this.reply = reply;
    this.takeReply();
  }

  takeReply(): void {
    assert.ok(this.memory && this.reply);
    const [, , , ops, nums, chars, registers] = this.memory;
    const { reply } = this;
    registers.set([reply.ops.length, reply.nums.length, reply.chars.length, reply.segments.length], 7);
    const fits =
      reply.ops.length <= ops.length &&
      reply.nums.length <= nums.length &&
      reply.chars.length <= chars.length;
    registers[6] = fits ? this.status : 2;
    if (!fits) return;
    ops.set(reply.ops);
    nums.set(reply.nums);
    chars.set(reply.chars);
  }

  callBare(): void {
    const { during } = this;
    this.during = undefined;
    during?.();
    assert.ok(this.memory);
    this.memory[6][6] = 4;
    if (this.status === 0) return;
    const none = new Float64Array(0);
    this.reply = { ops: Int32Array.of(Tag.TRUE), nums: none, chars: new Uint8Array(0), segments: [] };
    this.takeReply();
  }

  takeSegments(allocate: (length: number) => Uint8Array): Uint8Array[] {
    return (this.reply?.segments ?? []).map((bytes) => {
      const copy = allocate(bytes.length);
      copy.set(bytes);
      return copy;
    });
  }
}

function setUp() {
  const addon = new EchoAddon();
  const codec = new SyncCodec(addon, NO_REFS, (payload) => new Error(`raised ${JSON.stringify(payload)}`));
  const echo = (...args: unknown[]) => codec.call(7, 'm:f', args, null, { site: () => 'here:1' }, 0);
  const told = (...args: unknown[]) => tuple('m:f', tuple(...args), null, null);
  return { addon, codec, echo, told };
}

test('a call and its reply', () => {
  const { addon, echo, told } = setUp();
  for (let i = 0; i < 3; i++) assert.deepStrictEqual(echo(i, { a: [1.5, 'x'] }), told(i, { a: [1.5, 'x'] }));
  assert.equal(addon.registrations, 1);
});

test('calls and replies larger than the memory', () => {
  const { echo, told } = setUp();
  const large = [
    Array.from({ length: 20_000 }, (_, i) => `text ${i}`),
    Array.from({ length: 20_000 }, (_, i) => i + 0.5),
    'x'.repeat(100_000),
    new Uint8Array(200_000).fill(3),
  ];
  assert.deepStrictEqual(echo(...large), told(...large));
  assert.deepStrictEqual(echo('small again'), told('small again'));
});

test('memory is given back after an unusually large reply', () => {
  const { echo, told } = setUp();
  const large = new Array(5_000_000).fill(null);
  assert.equal(((echo(large) as unknown[])[1] as unknown[][])[0].length, large.length);
  assert.deepStrictEqual(echo(1), told(1));
});

test('Python calls back and is called again, before the reply', () => {
  const { addon, echo, told } = setUp();
  let inner: unknown;
  addon.during = () => {
    inner = echo(
      'inner',
      Array.from({ length: 50_000 }, (_, i) => i),
    );
  };
  assert.deepStrictEqual(echo('outer'), told('outer'));
  assert.equal(((inner as unknown[])[1] as unknown[])[0], 'inner');
});

test('a getter calls while the arguments are packed', () => {
  const { addon, echo, told } = setUp();
  const value = {
    get field() {
      return echo('from the getter');
    },
  };
  assert.deepStrictEqual(
    echo('before', value, 'after'),
    told('before', { field: told('from the getter') }, 'after'),
  );
  // The same, inside a call that has not replied yet.
  addon.during = () => assert.deepStrictEqual(echo(value), told({ field: told('from the getter') }));
  assert.deepStrictEqual(echo('outer'), told('outer'));
});

test('a call that fails inside another leaves the outer one whole', () => {
  const { addon, echo, told } = setUp();
  const bad = {
    get field() {
      echo('from the getter');
      throw new Error('bad getter');
    },
  };
  addon.during = () => assert.throws(() => echo(bad), /bad getter/);
  assert.deepStrictEqual(echo('outer'), told('outer'));
  addon.during = () => assert.throws(() => echo(() => 1), ConversionError);
  assert.deepStrictEqual(echo('outer'), told('outer'));
});

test('calls without arguments write nothing, and leave the memory to the call around them', () => {
  const { addon, codec, echo, told } = setUp();
  assert.equal(codec.callBare(7, 0), null);
  const inner: unknown[] = [];
  addon.during = () => inner.push(codec.callBare(7, 0), echo('inner'), codec.callBare(7, 0));
  assert.deepStrictEqual(echo('outer'), told('outer'));
  assert.deepStrictEqual(inner, [null, told('inner'), null]);
  addon.during = () => assert.deepStrictEqual(echo('inside'), told('inside'));
  assert.equal(codec.callBare(7, 0), null);
  addon.status = 1;
  assert.throws(() => codec.callBare(7, 0), /raised true/);
});

test('an error payload is thrown as the session wants it', () => {
  const { addon, echo } = setUp();
  addon.status = 1;
  assert.throws(() => echo(1), /raised \["m:f",\[1\],null,null\]/);
});
