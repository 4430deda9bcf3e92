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
  NO_REFS,
  PyByteArray,
  PyDataclass,
  PyFrozenSet,
  tuple,
} from '../../extension/bridge/codec';
import { FrameKind } from '../../extension/protocol/frame';
import { decode } from './codecSupport';

type Form = [kind: string, content?: unknown, fields?: [string, Form][]];

interface Vector {
  name: string;
  writers: string[];
  value: Form;
  frame?: string;
  sha256?: string;
}

const file = join(__dirname, '../fixtures/codec-vectors.json');
const vectors: Vector[] = JSON.parse(readFileSync(file, 'utf8'));
const header = { kind: FrameKind.RESULT, flags: 0, id: 0, target: 0, span: 0, parent: 0, sentNs: 0 };

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

interface Repeated {
  repeat: string;
  times: number;
}

function build([kind, content, fields]: Form): unknown {
  if (kind === 'dataclass') return new PyDataclass(content as string, entries(fields ?? []));
  return makers[kind](content as never);
}

function entries(content: [string, Form][]): Record<string, unknown> {
  return Object.fromEntries(content.map(([key, item]) => [key, build(item)]));
}

function hex(content: string | Repeated): string {
  return typeof content === 'string' ? content : content.repeat.repeat(content.times);
}
