/**
 * Frames: a header and a packed value as one run of bytes, and back.
 *
 * JavaScript thread only. Knows the layout, not the meaning: calls, replies and references are the session's.
 */
import {
  FRAME_HEADER,
  FRAME_VERSION,
  type FrameHeader,
  FrameKind,
  FrameOffset,
  MAX_FRAME,
} from '../../protocol/frame';
import { Tag } from '../../protocol/pack';
import { type CharBuffer, viewChars } from './charBuffer';
import type { PathStep } from './conversionError';
import { ConversionError, FrameError } from './conversionError';
import { type FrameMemory, isLong, reserve } from './frameMemory';
import type { PackView } from './packCursor';
import { leasePacker, type Packer } from './packer';
import type { CallSite, RefContext } from './refContext';
import type { PathRoot } from './refusal';
import { type Callee, type CalleeFinder, type ReadCall, Unpacker } from './unpacker';

/** Says that a frame carries no value; it reads as undefined. */
export const NO_PAYLOAD: unique symbol = Symbol('no payload');

const COPY_BY_LOOP = 48;

/**
 * Packs a value behind a header.
 *
 * @returns one whole frame, 8-byte aligned in its buffer, which it may share with other frames
 * @throws ConversionError when the value has no form on the other side; the path starts at `args`, `kwargs`, `result`, …
 */
export function encodeFrame(header: FrameHeader, value: unknown, refs: RefContext): Uint8Array {
  return leasePacker((packer) => {
    if (value === NO_PAYLOAD) packer.begin();
    else packer.pack(value, refs, ROOTS[header.kind] ?? 'value');
    const length = frameLength(packer);
    const memory = reserve(length);
    const start = memory.used;
    writeFrame(header, packer, memory, length);
    return new Uint8Array(memory.bytes.buffer, start, length);
  });
}

/** Is told where a frame was written, in memory that is not written again. */
export interface FrameSink {
  wrote(memory: ArrayBufferLike, start: number, end: number): void;
  /** The front of a long frame is written, its bytes are copied next and told by `wrote`. False: tell all of it then. */
  begun?(memory: ArrayBufferLike, start: number, end: number): boolean;
}

/** {@link encodeFrame} for a CALL, without the tuples (name, args, kwargs, site), told to `sink`; see `Packer.call`. */
export function encodeCall(
  sink: FrameSink,
  header: FrameHeader,
  name: string | null,
  args: readonly unknown[],
  kwargs: Record<string, unknown> | null,
  site: CallSite,
  wanted: boolean,
  refs: RefContext,
): void {
  leasePacker((packer) => {
    packer.call(name, args, kwargs, site, wanted, refs, callRoot);
    const length = frameLength(packer);
    const memory = reserve(length);
    const start = memory.used;
    const told = writeFrame(header, packer, memory, length, sink);
    sink.wrote(memory.bytes.buffer, told, start + length);
  });
}

/** A frame as it is handed out; `read` unpacks its value, any number of times, while the chunk's bytes stay as they are. */
export type OnFrame = (header: FrameHeader, read: ReadPayload) => void;

/** Unpacks a frame's value; `strict`: integral floats arrive as `PyFloat`. */
export type ReadPayload = (strict?: boolean) => unknown;

/**
 * Goes through a chunk of whole frames in order.
 *
 * @throws FrameError when the chunk is malformed; what `onFrame` throws ends the walk and passes unchanged
 */
export function decodeFrames(chunk: Uint8Array, onFrame: OnFrame, refs: RefContext): void {
  walk(chunk, (reader, start, length) =>
    onFrame(reader.header(start), (strict) => reader.read(start, length, refs, strict)),
  );
}

/** {@link decodeFrames} with one object for each frame. */
export function readFrames(
  chunk: Uint8Array,
  onFrame: (frame: ReceivedFrame) => void,
  refs: RefContext,
): void {
  walk(chunk, (reader, start, length) => onFrame(new ReceivedFrame(reader, start, length, refs)));
}

/** A frame of a chunk: its header, and its value as long as the chunk's bytes stay as they are. */
export class ReceivedFrame implements FrameHeader {
  readonly kind: FrameKind;
  readonly flags: number;
  readonly id: number;

  constructor(
    private readonly reader: ChunkReader,
    private readonly start: number,
    private readonly length: number,
    private readonly refs: RefContext,
  ) {
    const word = reader.uint(start + FrameOffset.KIND);
    this.kind = word & 0xff;
    this.flags = (word >> 8) & 0xff;
    this.id = reader.uint(start + FrameOffset.ID);
  }

  // Answers have no use for the rest, and a field of the number kind is an object of its own.

  get target(): number {
    return this.reader.uint(this.start + FrameOffset.TARGET);
  }

  get span(): number {
    return this.reader.float(this.start + FrameOffset.SPAN);
  }

  get parent(): number {
    return this.reader.float(this.start + FrameOffset.PARENT);
  }

  get sentNs(): number {
    return this.reader.float(this.start + FrameOffset.SENT);
  }

  get within(): number {
    return this.reader.uint(this.start + FrameOffset.WITHIN);
  }

  /** Unpacks the value; `strict` as in `CallOptions`. @throws FrameError when it is malformed */
  payload(strict?: boolean): unknown {
    return this.reader.read(this.start, this.length, this.refs, strict);
  }

  /** Unpacks the payload of a CALL, as its receiver wants it. @throws FrameError when it is malformed */
  call<C extends Callee>(finder: CalleeFinder<C>): ReadCall<C> {
    return this.reader.readCall(this.start, this.length, this.refs, this.target, finder);
  }
}

function walk(
  chunk: Uint8Array,
  onFrame: (reader: ChunkReader, start: number, length: number) => void,
): void {
  const bytes = (chunk.byteOffset & 7) === 0 ? chunk : new Uint8Array(chunk);
  const size = bytes.byteLength;
  if ((size & 7) !== 0) throw new FrameError(`malformed frame: ${size} bytes are no whole frames`);
  const reader = new ChunkReader(bytes);
  for (let start = 0; start < size; ) {
    const length = reader.frameLength(start);
    onFrame(reader, start, length);
    start += length;
  }
}

class ChunkReader {
  private readonly ints: Int32Array;
  private readonly floats: Float64Array;
  private readonly chars: CharBuffer;
  private readonly unpacker = new Unpacker();

  constructor(bytes: Uint8Array) {
    const { buffer, byteOffset, byteLength } = bytes;
    this.ints = new Int32Array(buffer, byteOffset, byteLength >> 2);
    this.floats = new Float64Array(buffer, byteOffset, byteLength >> 3);
    this.chars = viewChars(bytes);
  }

  frameLength(start: number): number {
    const room = this.chars.length - start;
    const length = room < FRAME_HEADER ? 0 : this.uint(start + FrameOffset.LENGTH);
    if (length < FRAME_HEADER || length > room || (length & 7) !== 0) {
      throw new FrameError(`malformed frame: length ${length} where ${room} bytes are left`);
    }
    const version = this.uint(start + FrameOffset.KIND) >>> 16;
    if (version !== FRAME_VERSION) {
      throw new FrameError(
        `frame version ${version} is not ${FRAME_VERSION}: the two sides are of different builds`,
      );
    }
    return length;
  }

  header(start: number): FrameHeader {
    const word = this.ints[(start + FrameOffset.KIND) >> 2];
    return {
      kind: word & 0xff,
      flags: (word >> 8) & 0xff,
      id: this.uint(start + FrameOffset.ID),
      target: this.uint(start + FrameOffset.TARGET),
      span: this.floats[(start + FrameOffset.SPAN) >> 3],
      parent: this.floats[(start + FrameOffset.PARENT) >> 3],
      sentNs: this.floats[(start + FrameOffset.SENT) >> 3],
      within: this.uint(start + FrameOffset.WITHIN),
    };
  }

  read(start: number, length: number, refs: RefContext, strict = false): unknown {
    const view = this.view(start, length);
    const ops = view.opsEnd - view.opsAt;
    if (ops === 0) return undefined;
    // What most functions return needs no reader.
    if (ops === 1 && this.ints[view.opsAt] === Tag.NONE) return null;
    return this.unpacker.unpack(view, refs, strict);
  }

  readCall<C extends Callee>(
    start: number,
    length: number,
    refs: RefContext,
    target: number,
    finder: CalleeFinder<C>,
  ): ReadCall<C> {
    return this.unpacker.unpackCall(this.view(start, length), refs, target, finder);
  }

  private view(start: number, length: number): PackView {
    const ops = this.uint(start + FrameOffset.OPS);
    const nums = this.uint(start + FrameOffset.NUMS);
    const chars = this.uint(start + FrameOffset.CHARS);
    const segmentCount = this.uint(start + FrameOffset.SEGMENTS);
    const numsFrom = start + FRAME_HEADER;
    const opsFrom = numsFrom + nums * 8;
    const charsFrom = opsFrom + pad8(ops * 4);
    const segmentsFrom = charsFrom + pad8(chars);
    if (segmentsFrom > start + length)
      throw new FrameError('malformed frame: its parts are longer than the whole');
    const segments =
      segmentCount === 0 ? NO_SEGMENTS : this.segments(segmentsFrom, start + length, segmentCount);
    return {
      ops: this.ints,
      nums: this.floats,
      chars: this.chars,
      segments,
      ours: false,
      opsAt: opsFrom >> 2,
      opsEnd: (opsFrom >> 2) + ops,
      numsAt: numsFrom >> 3,
      numsEnd: (numsFrom >> 3) + nums,
      charsAt: charsFrom,
      charsEnd: charsFrom + chars,
    };
  }

  private segments(from: number, end: number, count: number): Uint8Array<ArrayBuffer>[] {
    const segments: Uint8Array<ArrayBuffer>[] = [];
    let at = from;
    for (let i = 0; i < count; i++) {
      const length = at + 8 > end ? Number.POSITIVE_INFINITY : this.uint(at) + this.uint(at + 4) * 2 ** 32;
      const next = at + 8 + pad8(length);
      if (!(next <= end)) throw new FrameError(`malformed frame: segment ${i} is longer than the frame`);
      segments.push(this.chars.subarray(at + 8, at + 8 + length) as Uint8Array<ArrayBuffer>);
      at = next;
    }
    return segments;
  }

  uint(at: number): number {
    return this.ints[at >> 2] >>> 0;
  }

  float(at: number): number {
    return this.floats[at >> 3];
  }
}

function frameLength(packer: Packer): number {
  const { opsLen, numsLen, charsLen, segments } = packer;
  let length = FRAME_HEADER + numsLen * 8 + pad8(opsLen * 4) + pad8(charsLen);
  for (const segment of segments) length += 8 + pad8(segment.byteLength);
  if (length > MAX_FRAME) {
    const size = `${Math.ceil(length / 2 ** 20)} MiB`;
    throw new ConversionError(
      `cannot send ${size} at once: the limit is ${MAX_FRAME / 2 ** 20} MiB; pass it in parts or as a file`,
      'value',
      'frame',
    );
  }
  return length;
}

/** Writes behind what the memory holds already. Gives up to where `sink` knows of it. */
function writeFrame(
  header: FrameHeader,
  packer: Packer,
  memory: FrameMemory,
  length: number,
  sink?: FrameSink,
): number {
  const { opsLen, numsLen, charsLen, segments } = packer;
  const opsFrom = FRAME_HEADER + numsLen * 8;
  const charsFrom = opsFrom + pad8(opsLen * 4);
  const segmentsFrom = charsFrom + pad8(charsLen);
  const start = memory.used;
  memory.used += length;
  writeHeader(memory, start, length, header, packer);
  copy(memory.floats, (start + FRAME_HEADER) >> 3, packer.nums, numsLen);
  const opsAt = (start + opsFrom) >> 2;
  copy(memory.ints, opsAt, packer.ops, opsLen);
  if ((opsLen & 1) !== 0) memory.ints[opsAt + opsLen] = 0;
  copy(memory.bytes, start + charsFrom, packer.chars, charsLen);
  const charsEnd = start + charsFrom + charsLen;
  for (let i = charsEnd; i < start + segmentsFrom; i++) memory.bytes[i] = 0;
  let at = start + segmentsFrom;
  let told = start;
  for (const segment of segments) {
    memory.ints[at >> 2] = segment.byteLength;
    memory.ints[(at >> 2) + 1] = 0;
    const isOnly = segments.length === 1;
    if (isOnly && isLong(segment) && sink?.begun?.(memory.bytes.buffer, start, at + 8)) told = at + 8;
    memory.bytes.set(segment, at + 8);
    const end = at + 8 + segment.byteLength;
    at += 8 + pad8(segment.byteLength);
    memory.bytes.fill(0, end, at);
  }
  return told;
}

function writeHeader(
  memory: FrameMemory,
  start: number,
  length: number,
  header: FrameHeader,
  packer: Packer,
): void {
  const ints = memory.ints;
  const at = start >> 2;
  ints[at] = length;
  ints[at + 1] = header.kind | (header.flags << 8) | (FRAME_VERSION << 16);
  ints[at + 2] = header.id;
  ints[at + 3] = header.target;
  const floats = memory.floats;
  floats[(start + FrameOffset.SPAN) >> 3] = header.span;
  floats[(start + FrameOffset.PARENT) >> 3] = header.parent;
  floats[(start + FrameOffset.SENT) >> 3] = header.sentNs;
  ints[at + 10] = packer.opsLen;
  ints[at + 11] = packer.numsLen;
  ints[at + 12] = packer.charsLen;
  ints[at + 13] = packer.segments.length;
  ints[at + 14] = header.within;
  ints[at + 15] = 0;
}

function copy<A extends Int32Array | Float64Array | Uint8Array>(to: A, at: number, from: A, n: number): void {
  if (n > COPY_BY_LOOP) to.set(from.subarray(0, n), at);
  else for (let i = 0; i < n; i++) to[at + i] = from[i];
}

function pad8(n: number): number {
  return Math.ceil(n / 8) * 8;
}

const NO_SEGMENTS: readonly Uint8Array<ArrayBuffer>[] = [];

/** A call's payload is (name, args, kwargs, site); its paths begin at the argument, as a programmer would say it. */
export function callRoot(steps: PathStep[]): string {
  const part = steps.shift();
  if (part === 2 && typeof steps[0] === 'string') return 'kwargs';
  return CALL_PARTS[Number(part)] ?? 'call';
}

const CALL_PARTS = ['name', 'args', 'kwargs', 'site'];

const ROOTS: Partial<Record<FrameKind, PathRoot>> = {
  [FrameKind.CALL]: callRoot,
  [FrameKind.RESULT]: 'result',
  [FrameKind.ERROR]: 'error',
  [FrameKind.EVENT]: 'event',
};
