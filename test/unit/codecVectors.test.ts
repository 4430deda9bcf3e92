/**
 * Golden vectors: frames that Python wrote are read here, and what is packed here is, byte for byte, what Python wrote.
 * `test/python/codec_vectors.py` tells the neutral form of the values and rewrites the file.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  encodeFrame,
  NdArray,
  NO_REFS,
  PyByteArray,
  PyComplex,
  PyConverted,
  PyDataclass,
  PyDate,
  PyDateTime,
  PyDecimal,
  PyEllipsis,
  PyEnum,
  PyFraction,
  PyFrozenSet,
  PyNamedTuple,
  PyPath,
  PyRange,
  PySlice,
  PyString,
  PyTime,
  PyTimeDelta,
  PyTimeZone,
  PyUUID,
  tuple,
} from '../../extension/bridge/codec';
import { FrameKind } from '../../extension/protocol/frame';
import { decode } from './codecSupport';

type Form = [kind: string, content?: unknown, ...more: unknown[]];

interface Vector {
  name: string;
  writers: string[];
  value: Form;
  frame?: string;
  sha256?: string;
}

const file = join(__dirname, '../fixtures/codec-vectors.json');
const vectors: Vector[] = JSON.parse(readFileSync(file, 'utf8'));
const header = {
  kind: FrameKind.RESULT,
  flags: 0,
  id: 0,
  target: 0,
  span: 0,
  parent: 0,
  sentNs: 0,
  within: 0,
};

for (const { name, writers, value: form, frame, sha256 } of vectors) {
  test(name, () => {
    const value = build(form);
    const written = Buffer.from(encodeFrame(header, value, NO_REFS));
    if (sha256 !== undefined) {
      assert.equal(createHash('sha256').update(written).digest('hex'), sha256);
      assert.deepStrictEqual(decode(written), value);
      return;
    }
    assert.ok(frame);
    if (writers.includes('typescript')) assert.equal(written.toString('base64'), frame);
    assert.deepStrictEqual(decode(Buffer.from(frame, 'base64')), value);
  });
}

const makers: Record<string, (content: never) => unknown> = {
  none: () => null,
  undefined: () => undefined,
  bool: (content: boolean) => content,
  int: (content: string) => (Number.isSafeInteger(Number(content)) ? Number(content) : BigInt(content)),
  float: (content: string) => Number(content.replace('inf', 'Infinity')),
  str: (content: string | Repeated) =>
    typeof content === 'string' ? content : content.repeat.repeat(content.times),
  bytes: (content: string | Repeated) => new Uint8Array(Buffer.from(hex(content), 'hex')),
  bytearray: (content: string) => new PyByteArray(Buffer.from(content, 'hex')),
  list: (content: Form[]) => content.map(build),
  tuple: (content: Form[]) => tuple(...content.map(build)),
  set: (content: Form[]) => new Set(content.map(build)),
  frozenset: (content: Form[]) => new PyFrozenSet(content.map(build)),
  map: (content: [Form, Form][]) => new Map(content.map(([key, item]) => [build(key), build(item)])),
  object: (content: [string, Form][]) => entries(content),
};

/** Forms with more than one part. */
const rich: Record<string, (...parts: never[]) => unknown> = {
  dataclass: (type: string, fields: [string, Form][]) => new PyDataclass(type, entries(fields)),
  shared: (forms: Form[]) => {
    const made: unknown[] = [];
    const item = (form: Form): unknown => {
      if (form[0] === 'again') return made[form[1] as number];
      if (form[0] !== 'map') return build(form);
      return new Map((form[1] as [Form, Form][]).map(([key, value]) => [item(key), item(value)]));
    };
    for (const form of forms) made.push(item(form));
    return made;
  },
  cycle: () => {
    const made: unknown[] = [];
    made.push(made);
    return made;
  },
  complex: (real: string, imaginary: string) => new PyComplex(Number(real), Number(imaginary)),
  decimal: (text: string) => new PyDecimal(text),
  fraction: (top: string, bottom: string) => new PyFraction(Number(top), Number(bottom)),
  uuid: (text: string) => new PyUUID(text),
  path: (kind: 'PurePosixPath', text: string) => new PyPath(text, kind),
  datetime: (at: [number, number, number], fold: 0 | 1, zone: [number, string | null] | null) => {
    const [year, month, day, ...time] = at;
    const [hour, minute, second, microsecond] = time as number[];
    const tz = zone && new PyTimeZone(...zone);
    return new PyDateTime(year, month, day, hour, minute, second, microsecond, fold, tz);
  },
  date: (at: [number, number, number]) => new PyDate(...at),
  time: (at: [number, number, number, number], fold: 0 | 1) => new PyTime(...at, fold),
  timedelta: (parts: [number, number, number]) => new PyTimeDelta(...parts),
  range: (parts: [number, number, number]) => new PyRange(...parts),
  slice: (forms: Form[]) => new PySlice(...forms.map(build)),
  enum: (type: string, name: string, value: Form) => new PyEnum(type, name, build(value)),
  namedtuple: (type: string, names: string[], values: Form[]) =>
    PyNamedTuple.make(type, names, values.map(build)),
  ellipsis: () => PyEllipsis,
  surrogates: (units: number[]) => new PyString(String.fromCharCode(...units)),
  parts: (parts: number[][]) =>
    new PyConverted('str', tuple(...parts.map((points) => String.fromCodePoint(...points)))),
  memoryview: (_format: 'd', content: string) => new Float64Array(bytes(content).buffer),
  array: (format: string, content: string) => {
    const facts = { kind: 'array' as const, format, shape: [content.length / 4], order: 'C' as const };
    return new NdArray({ ...facts, readonly: false }, bytes(content));
  },
  bigint: (text: string) => BigInt(text),
  'js:bytes': (_kind: 'DataView', content: string) => new DataView(bytes(content).buffer),
  'js:Date': (ms: number) => new Date(ms),
  'js:Map': (pairs: [Form, Form][]) => new Map(pairs.map(([key, item]) => [build(key), build(item)])),
  'js:object': (pairs: [Form, Form][]) =>
    Object.fromEntries(pairs.map(([key, item]) => [build(key), build(item)])),
};

function bytes(content: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(content, 'hex'));
}

interface Repeated {
  repeat: string;
  times: number;
}

function build([kind, ...parts]: Form): unknown {
  const make = rich[kind];
  return make === undefined ? makers[kind](parts[0] as never) : make(...(parts as never[]));
}

function entries(content: [string, Form][]): Record<string, unknown> {
  return Object.fromEntries(content.map(([key, item]) => [key, build(item)]));
}

function hex(content: string | Repeated): string {
  return typeof content === 'string' ? content : content.repeat.repeat(content.times);
}
