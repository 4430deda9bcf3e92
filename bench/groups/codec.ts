/**
 * The codec beside JSON, and beside V8's own serialiser: one side alone, and both sides together (what a value costs
 * from TypeScript into Python and back, without the call).
 */
import v8 from 'node:v8';
import { decodeFrames, encodeFrame, NO_REFS } from '../../extension/bridge/codec';
import { FrameKind } from '../../extension/protocol/frame';
import { best } from '../measure';
import { payloads } from '../payloads';
import { runPython } from '../python';
import { type Result, result } from '../result';

const HEADER = {
  kind: FrameKind.RESULT,
  flags: 0,
  id: 1,
  target: 0,
  span: 0,
  parent: 0,
  sentNs: 0,
  within: 0,
};

interface PythonTimes {
  encode: number;
  decode: number;
  dumps: number;
  loads: number;
}

export async function codec(): Promise<Result[]> {
  const python = runPython<Record<string, PythonTimes>>('codec.py', payloads);
  const results: Result[] = [];
  for (const [name, value] of Object.entries(payloads)) {
    const other = python[name];
    const packed = encodeFrame(HEADER, value, NO_REFS).slice();
    const text = JSON.stringify(value);
    const serialized = v8.serialize(value);
    const pack = best(() => encodeFrame(HEADER, value, NO_REFS));
    const unpack = best(() => read(packed));
    const stringify = best(() => JSON.stringify(value));
    const parse = best(() => JSON.parse(text));
    results.push(
      micros(`pack ${name}`, pack, { JSON: stringify, v8: best(() => v8.serialize(value)) }),
      micros(`unpack ${name}`, unpack, { JSON: parse, v8: best(() => v8.deserialize(serialized)) }),
      micros(`TypeScript → Python ${name}`, pack + other.decode, { JSON: stringify + other.loads }, 1),
      micros(`Python → TypeScript ${name}`, other.encode + unpack, { JSON: other.dumps + parse }, 1),
    );
  }
  return results;
}

/** A row in microseconds from times in nanoseconds; `times`: at most so many times JSON. */
function micros(name: string, ours: number, peers: Record<string, number>, times?: number): Result {
  const scaled = Object.fromEntries(Object.entries(peers).map(([peer, ns]) => [peer, ns / 1000]));
  return result(name, 'µs', ours / 1000, scaled, times === undefined ? [] : [{ times, peer: 'JSON' }]);
}

function read(frame: Uint8Array): unknown {
  let value: unknown;
  decodeFrames(
    frame,
    (_header, payload) => {
      value = payload();
    },
    NO_REFS,
  );
  return value;
}
