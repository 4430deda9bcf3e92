/** What the codec's tests share: a round trip through one frame, and a header. */
import {
  decodeFrames,
  encodeCall,
  encodeFrame,
  NO_REFS,
  type RefContext,
} from '../../extension/bridge/codec';
import { type FrameHeader, FrameKind } from '../../extension/protocol/frame';

export const HEADER: FrameHeader = {
  kind: FrameKind.RESULT,
  flags: 0,
  id: 7,
  target: 3,
  span: 11,
  parent: 10,
  sentNs: 123.5,
  within: 9,
};

/** The frame of a call. */
export function callFrame(
  name: string | null,
  args: readonly unknown[],
  kwargs: Record<string, unknown> | null,
  site: string | null,
): Uint8Array {
  const frames: Uint8Array[] = [];
  const wrote = (memory: ArrayBufferLike, start: number, end: number): void => {
    frames.push(new Uint8Array(memory, start, end - start));
  };
  encodeCall({ wrote }, HEADER, name, args, kwargs, { site: () => site }, true, NO_REFS);
  return frames[0];
}

/** The value of a chunk that holds one frame. */
export function decode(chunk: Uint8Array, refs: RefContext = NO_REFS): unknown {
  const values: unknown[] = [];
  decodeFrames(chunk, (_header, read) => values.push(read()), refs);
  if (values.length !== 1) throw new Error(`${values.length} frames`);
  return values[0];
}

/** What the other side would see of a value, were it TypeScript too. */
export function roundTrip(value: unknown, refs: RefContext = NO_REFS): unknown {
  return decode(encodeFrame(HEADER, value, refs), refs);
}
