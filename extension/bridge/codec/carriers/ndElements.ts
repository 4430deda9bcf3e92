/**
 * Types of buffer elements: characters of Python's `struct` and NumPy's `dtype.str`. Any thread; knows nothing of packs.
 */
import { endianness } from 'node:os';
import { PyComplex } from './numbers';

/** Reads the element with this index in memory. */
export type ElementReader = (index: number) => unknown;

export type NumberArray =
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

interface ElementType {
  /** NumPy's letter: b(ool), i, u, f, c, S, U, m, M, V. */
  letter: string;
  size: number;
  little: boolean;
}

/** Bytes of one element; undefined where the format does not tell. */
export function itemSize(format: string): number | undefined {
  return elementType(format)?.size;
}

/** The bytes as a TypedArray, when there is one for the format in this machine's byte order. */
export function typedView(format: string, data: Uint8Array<ArrayBuffer>): NumberArray | undefined {
  const type = elementType(format);
  if (type === undefined || (type.size > 1 && type.little !== LITTLE)) return undefined;
  const Class = ARRAYS[type.letter + type.size];
  if (Class === undefined) return undefined;
  const aligned = data.byteOffset % type.size === 0 ? data : data.slice();
  return new Class(aligned.buffer, aligned.byteOffset, aligned.byteLength / type.size);
}

export function elementReader(format: string, data: Uint8Array<ArrayBuffer>, size: number): ElementReader {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const type = elementType(format);
  const read = type === undefined ? undefined : (READERS[type.letter + type.size] ?? READERS[type.letter]);
  if (type === undefined || read === undefined) return (i) => data.slice(i * size, (i + 1) * size);
  return (i) => read(view, i * size, type.little, size);
}

function elementType(format: string): ElementType | undefined {
  const native = STRUCT[format.replace(/^@/, '')];
  if (native !== undefined) return { letter: native[0], size: Number(native.slice(1)), little: LITTLE };
  const dtype = /^([<>|=])([biufcSUmMV])(\d+)/.exec(format);
  if (dtype === null) return undefined;
  const [, order, letter, digits] = dtype;
  return {
    letter,
    size: Number(digits) * (letter === 'U' ? 4 : 1),
    little: order === '<' || (order !== '>' && LITTLE),
  };
}

type Read = (view: DataView, at: number, little: boolean, size: number) => unknown;

const READERS: Record<string, Read | undefined> = {
  b1: (view, at) => view.getUint8(at) !== 0,
  i1: (view, at) => view.getInt8(at),
  u1: (view, at) => view.getUint8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  u2: (view, at, little) => view.getUint16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i8: (view, at, little) => view.getBigInt64(at, little),
  u8: (view, at, little) => view.getBigUint64(at, little),
  m8: (view, at, little) => view.getBigInt64(at, little),
  M8: (view, at, little) => view.getBigInt64(at, little),
  f2: (view, at, little) => half(view.getUint16(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
  c8: (view, at, little) => new PyComplex(view.getFloat32(at, little), view.getFloat32(at + 4, little)),
  c16: (view, at, little) => new PyComplex(view.getFloat64(at, little), view.getFloat64(at + 8, little)),
  S: (view, at, _little, size) => trimmed(new Uint8Array(view.buffer, view.byteOffset + at, size)),
  U: (view, at, little, size) => {
    let text = '';
    for (let i = 0; i < size; i += 4) text += String.fromCodePoint(view.getUint32(at + i, little) % 0x110000);
    return text.replace(/\0+$/, '');
  },
};

/** Sizes of C's types on the platforms that have a build: `l` is 8 bytes except on Windows. */
const LONG = process.platform === 'win32' ? '4' : '8';
const STRUCT: Record<string, string | undefined> = {
  '?': 'b1',
  b: 'i1',
  B: 'u1',
  h: 'i2',
  H: 'u2',
  i: 'i4',
  I: 'u4',
  l: `i${LONG}`,
  L: `u${LONG}`,
  q: 'i8',
  Q: 'u8',
  n: 'i8',
  N: 'u8',
  P: 'u8',
  e: 'f2',
  f: 'f4',
  d: 'f8',
  c: 'S1',
};
const LITTLE = endianness() === 'LE';

const ARRAYS: Record<string, (new (b: ArrayBuffer, at: number, n: number) => NumberArray) | undefined> = {
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
  f4: Float32Array,
  f8: Float64Array,
};

/** NumPy ends short bytes with zeros. */
function trimmed(bytes: Uint8Array): Uint8Array {
  let n = bytes.length;
  while (n > 0 && bytes[n - 1] === 0) n--;
  return bytes.slice(0, n);
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
