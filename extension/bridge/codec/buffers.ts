/**
 * Buffers: memory of JavaScript as bytes with their meaning, and back. Everything that is read is a copy in an
 * ArrayBuffer of its own; only `view(x)` lends memory, for the length of a synchronous call.
 * JavaScript thread only; knows nothing of packs.
 */
import { types } from 'node:util';
import { type BufferFacts, NdArray, type NumberArray } from './carriers';
import { type Parts, parts } from './parts';
import { Refusal } from './refusal';

/** Why memory cannot be read. */
const DETACHED = 'its memory is detached, or it lies beyond the end of a buffer that was made smaller';

/** Marks memory that Python may see in place; made by {@link view}. */
export class BufferView {
  constructor(readonly source: ArrayBufferView | ArrayBufferLike) {}
}

/**
 * Lends memory to Python instead of copying it: `bridge.callSync(numpy.sum, view(floats))`. Python gets a writable
 * memoryview, which ends with the call: one that escapes is refused there with a BufferError. Synchronous calls only.
 * Until the call returns, do not detach the memory (`transfer`, `postMessage` with a transfer list).
 *
 * @throws TypeError for anything but a view or an ArrayBuffer
 */
export function view(source: ArrayBufferView | ArrayBufferLike): BufferView {
  if (!ArrayBuffer.isView(source) && !types.isAnyArrayBuffer(source)) {
    throw new TypeError('view() takes a TypedArray, a DataView, a Buffer or an ArrayBuffer');
  }
  return new BufferView(source);
}

/** The payload of a `view`, its bytes apart: they travel in place. @throws Refusal for memory that is gone or may move */
export function viewParts({ source }: BufferView): { facts: unknown[]; bytes: Uint8Array } {
  const bytes = bytesOf(source);
  const memory = bytes.buffer as { resizable?: boolean; growable?: boolean };
  if (memory.resizable || memory.growable) {
    throw new Refusal(
      source,
      'memory that can change its size cannot be lent',
      'pass it without view(), as a copy',
    );
  }
  const format = ArrayBuffer.isView(source) ? (formatOf(source) ?? 'B') : 'B';
  return { facts: ['typedarray', format, parts(itemsOf(source, bytes)), 'C', false], bytes };
}

/** The payload of a TypedArray's `buffer`. */
export function typedArrayPayload(array: NumberArray): Parts {
  const bytes = bytesOf(array);
  return parts('typedarray', formatOf(array) ?? 'B', parts(itemsOf(array, bytes)), 'C', false, bytes);
}

/** The payload of an {@link NdArray}'s `buffer`. */
export function ndArrayPayload({ kind, format, shape, order, readonly, data }: NdArray): Parts {
  return parts(kind, format, parts(...shape), order, readonly, bytesOf(data));
}

/** The payload of `js:bytes`. */
export function bytesPayload(source: ArrayBufferView | ArrayBufferLike): Parts {
  return parts(bytesKind(source), bytesOf(source));
}

/** The value of `js:bytes`; undefined for a kind that does not exist. */
export function readBytes(kind: string, bytes: Uint8Array<ArrayBuffer>): unknown {
  switch (kind) {
    case 'Buffer':
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    case 'DataView':
      return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    case 'ArrayBuffer':
      return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
    case 'Uint8ClampedArray':
      return new Uint8ClampedArray(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    case 'SharedArrayBuffer': {
      const shared = new SharedArrayBuffer(bytes.byteLength);
      new Uint8Array(shared).set(bytes);
      return shared;
    }
    default:
      return undefined;
  }
}

/**
 * The value of a `buffer`: a TypedArray where there is one, else an {@link NdArray}. `strict`: a TypedArray is writable
 * memory only.
 */
export function readBuffer(
  facts: BufferFacts,
  data: Uint8Array<ArrayBuffer>,
  strict: boolean,
): NdArray | NumberArray {
  const array = new NdArray(facts, data);
  const isTyped =
    facts.kind === 'typedarray' ||
    (facts.kind === 'memoryview' && TYPED_FORMATS.has(facts.format) && !(strict && facts.readonly));
  return (isTyped && facts.shape.length === 1 ? array.typed() : undefined) ?? array;
}

/** The bytes that a view shows, or of a whole buffer. @throws Refusal for memory that is gone */
export function bytesOf(source: ArrayBufferView | ArrayBufferLike): Uint8Array<ArrayBuffer> {
  // A Proxy has the prototype, but not the memory.
  if (!ArrayBuffer.isView(source) && !types.isAnyArrayBuffer(source))
    throw new Refusal(source, 'it has no memory');
  try {
    if (!ArrayBuffer.isView(source)) return new Uint8Array(source) as Uint8Array<ArrayBuffer>;
    // The getters of a DataView and the methods of a TypedArray check their memory; its properties just say 0.
    if (source.byteLength === 0 && types.isTypedArray(source)) values.call(source as Uint8Array);
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength) as Uint8Array<ArrayBuffer>;
  } catch {
    throw new Refusal(source, DETACHED);
  }
}

function itemsOf(source: ArrayBufferView | ArrayBufferLike, bytes: Uint8Array): number {
  const size = (source as Partial<NumberArray>).BYTES_PER_ELEMENT ?? 1;
  return bytes.byteLength / size;
}

function formatOf(source: ArrayBufferView): string | undefined {
  // The class's own name, whatever realm made it.
  const name = types.isTypedArray(source) ? (tag.call(source) as string) : '';
  return FORMATS[name];
}

function bytesKind(source: ArrayBufferView | ArrayBufferLike): string {
  if (types.isDataView(source)) return 'DataView';
  if (types.isSharedArrayBuffer(source)) return 'SharedArrayBuffer';
  if (types.isArrayBuffer(source)) return 'ArrayBuffer';
  return types.isUint8ClampedArray(source) ? 'Uint8ClampedArray' : 'Buffer';
}

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const values: (this: Uint8Array) => unknown = typedArrayPrototype.values;
const tag = Object.getOwnPropertyDescriptor(typedArrayPrototype, Symbol.toStringTag)?.get as () => unknown;

/** Characters of Python's `struct`. */
const FORMATS: Record<string, string | undefined> = {
  Int8Array: 'b',
  Int16Array: 'h',
  Uint16Array: 'H',
  Int32Array: 'i',
  Uint32Array: 'I',
  BigInt64Array: 'q',
  BigUint64Array: 'Q',
  Float32Array: 'f',
  Float64Array: 'd',
};
const TYPED_FORMATS: ReadonlySet<string> = new Set(Object.values(FORMATS) as string[]);
