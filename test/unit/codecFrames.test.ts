/** Frames: streams cut anywhere, frames without a value, and bytes that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeFrames,
  encodeFrame,
  FrameError,
  FrameSplitter,
  NO_PAYLOAD,
  NO_REFS,
  tuple,
} from '../../extension/bridge/codec';
import { FRAME_HEADER, type FrameHeader, FrameKind } from '../../extension/protocol/frame';
import { callFrame, decode, HEADER } from './codecSupport';

const VALUES = [
  null,
  { a: [1, 2.5, 'text'] },
  '日本',
  new Uint8Array(70_000).fill(9),
  [10n ** 30n],
  new Map([[1, 2]]),
];

test('headers come back as they were', () => {
  const header: FrameHeader = {
    ...HEADER,
    kind: FrameKind.CALL,
    flags: 5,
    id: 2 ** 32 - 1,
    target: 2 ** 31,
    span: 2 ** 53,
  };
  decodeFrames(encodeFrame(header, 1, NO_REFS), (read) => assert.deepStrictEqual(read, header), NO_REFS);
});

test('a frame without a value', () => {
  const frame = encodeFrame(HEADER, NO_PAYLOAD, NO_REFS);
  assert.equal(frame.byteLength, FRAME_HEADER);
  assert.equal(decode(frame), undefined);
});

test('a call is the tuple (name, args, kwargs, site)', () => {
  const frame = callFrame('m:f', [1, [2]], { k: 3 }, 'file.ts:4');
  assert.deepStrictEqual(
    decode(frame),
    tuple<unknown[]>('m:f', tuple<unknown[]>(1, [2]), { k: 3 }, 'file.ts:4'),
  );
  assert.deepStrictEqual(decode(callFrame(null, [], null, null)), tuple(null, tuple(), null, null));
});

test('many frames stay apart', () => {
  const frames = VALUES.flatMap((value) =>
    Array.from({ length: 30 }, () => encodeFrame(HEADER, value, NO_REFS)),
  );
  const read: unknown[] = [];
  decodeFrames(Buffer.concat(frames), (_header, value) => read.push(value()), NO_REFS);
  assert.deepStrictEqual(
    read,
    VALUES.flatMap((value) => Array.from({ length: 30 }, () => value)),
  );
});

test('a value may be read later and more than once', () => {
  const reads: (() => unknown)[] = [];
  const chunk = Buffer.concat(VALUES.map((value) => encodeFrame(HEADER, value, NO_REFS)));
  decodeFrames(chunk, (_header, read) => reads.push(read), NO_REFS);
  for (const _ of [1, 2])
    assert.deepStrictEqual(
      reads.map((read) => read()),
      VALUES,
    );
});

test('a stream cut anywhere gives the same frames', () => {
  const stream = Buffer.concat(VALUES.map((value) => encodeFrame(HEADER, value, NO_REFS)));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }), (cuts) => {
      const splitter = new FrameSplitter();
      const read: unknown[] = [];
      let at = 0;
      for (let i = 0; at < stream.length; i++) {
        // A socket reuses its buffer: what was pushed must not be looked at later.
        const piece = Buffer.from(stream.subarray(at, at + cuts[i % cuts.length]));
        at += piece.length;
        for (const chunk of splitter.push(piece))
          decodeFrames(chunk, (_header, value) => read.push(value()), NO_REFS);
        piece.fill(0xff);
      }
      assert.deepStrictEqual(read, VALUES);
      assert.equal(splitter.pending, 0);
    }),
    { numRuns: 60 },
  );
});

test('a length that makes no sense ends the stream', () => {
  for (const length of [0, 8, 65, 2 ** 31, 2 ** 32 - 8]) {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt32LE(length);
    assert.throws(() => new FrameSplitter().push(bytes), FrameError);
    const late = new FrameSplitter();
    late.push(bytes.subarray(0, 3));
    assert.throws(() => late.push(bytes.subarray(3)), FrameError);
  }
  assert.throws(() => new FrameSplitter(64).push(encodeFrame(HEADER, 'longer', NO_REFS)), FrameError);
});

test('another version is refused by name', () => {
  const frame = Uint8Array.from(encodeFrame(HEADER, 1, NO_REFS));
  frame[6] = 2;
  assert.throws(() => decode(frame), /frame version 2 is not 1/);
});

test('hostile frames give errors and nothing else', () => {
  const sound = Buffer.concat(VALUES.slice(0, 3).map((value) => encodeFrame(HEADER, value, NO_REFS)));
  const refs = { refOf: () => undefined, ownValue: () => null, makeProxy: () => null };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      fc.nat(20),
      (flips, cut) => {
        const broken = Buffer.from(sound.subarray(0, sound.length - cut * 8));
        for (const [at, byte] of flips) if (at < broken.length) broken[at] = byte;
        survives(broken, refs);
      },
    ),
    { numRuns: 2000 },
  );
});

test('random ops give errors and nothing else', () => {
  const op = fc.oneof(
    fc.integer(),
    fc.tuple(fc.nat(24), fc.nat(6)).map(([tag, arg]) => tag | (arg << 8)),
    fc.nat(24).map((tag) => tag | (0xffffff << 8)),
  );
  const refs = { refOf: () => undefined, ownValue: () => null, makeProxy: () => null };
  fc.assert(
    fc.property(fc.array(op, { maxLength: 40 }), fc.nat(8), fc.nat(16), (ops, nums, chars) => {
      survives(frameOf(ops, nums, chars), refs);
    }),
    { numRuns: 3000 },
  );
});

test('a million nested lists are refused', () => {
  assert.throws(() => decode(frameOf(new Array(1_000_000).fill(13 | (1 << 8)), 0, 0)), /nested more than/);
});

function survives(chunk: Uint8Array, refs: Parameters<typeof decodeFrames>[2]): void {
  try {
    decodeFrames(chunk, (_header, read) => read(), refs);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
  }
}

function frameOf(ops: number[], nums: number, chars: number): Uint8Array {
  const opsBytes = Math.ceil(ops.length / 2) * 8;
  const frame = Buffer.alloc(FRAME_HEADER + nums * 8 + opsBytes + Math.ceil(chars / 8) * 8, 0x41);
  frame.writeUInt32LE(frame.length, 0);
  frame.writeUInt32LE(2 | (1 << 16), 4);
  frame.writeUInt32LE(ops.length, 40);
  frame.writeUInt32LE(nums, 44);
  frame.writeUInt32LE(chars, 48);
  frame.writeUInt32LE(0, 52);
  for (const [i, op] of ops.entries()) frame.writeInt32LE(op | 0, FRAME_HEADER + nums * 8 + i * 4);
  return frame;
}
