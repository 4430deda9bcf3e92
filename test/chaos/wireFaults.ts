/**
 * Purpose: faults of the connection, from either end: cut at every byte of a frame, garbage, frames that lie.
 * Threads: JavaScript main thread only.
 * Must not know: what has to hold afterwards.
 */
import type { Socket } from 'node:net';
import { encodeFrame, NO_REFS } from '../../extension/bridge/codec';
import type { Bridge } from '../../extension/conductor/openBridge';
import { FRAME_HEADER, FrameKind, FrameOffset, MAX_FRAME } from '../../extension/protocol/frame';
import type { Fault, Struck } from './faults';

/** A frame as either side might send it. */
const whole = encodeFrame(
  { kind: FrameKind.EVENT, flags: 0, id: 0, target: 0, span: 0, parent: 0, sentNs: 0, within: 0 },
  ['chaos', { text: 'of some length', numbers: [1, 2.5], bytes: new Uint8Array(20) }],
  NO_REFS,
);

/** So many cuts go through the frame. */
export const FRAME_LENGTH = whole.length;

/** A change of the frame that makes it a lie. */
function changed(change: (frame: DataView) => void): Uint8Array {
  const copy = whole.slice();
  change(new DataView(copy.buffer));
  return copy;
}

const lies: Readonly<Record<string, Uint8Array>> = {
  'unknown kind': changed((frame) => frame.setUint8(FrameOffset.KIND, 99)),
  'length 0': changed((frame) => frame.setUint32(FrameOffset.LENGTH, 0, true)),
  'length over the limit': changed((frame) => frame.setUint32(FrameOffset.LENGTH, MAX_FRAME + 8, true)),
  'length that never comes': changed((frame) => frame.setUint32(FrameOffset.LENGTH, MAX_FRAME, true)),
  'parts longer than the frame': changed((frame) => frame.setUint32(FrameOffset.OPS, 0x7fff_fff0, true)),
  'cut pack': changed((frame) => frame.setUint32(FrameOffset.LENGTH, FRAME_HEADER + 8, true)),
};

const randomBytes = ({ random }: Struck): Uint8Array =>
  Uint8Array.from({ length: 1 + Math.floor(random() * 300) }, () => Math.floor(random() * 256));

const upToCut = ({ turn }: Struck): Uint8Array => whole.subarray(0, turn % (FRAME_LENGTH + 1));

/** The child sends it, past its writer. */
const fromChild = (bytes: (struck: Struck) => Uint8Array, hangUp: boolean): Fault => ({
  survived: false,
  strike: async (struck) => [
    struck.bridge.call('chaos_fixture:send_raw', [bytes(struck), hangUp], { deadlineMs: 600 }),
  ],
});

/** We send it, past the session. */
const fromUs = (bytes: (struck: Struck) => Uint8Array, hangUp: boolean): Fault => ({
  survived: false,
  strike: async (struck) => {
    const socket = socketOf(struck.bridge);
    socket.write(bytes(struck), () => {
      if (hangUp) socket.destroy();
    });
    return [];
  },
});

function socketOf(bridge: Bridge): Socket {
  const host = bridge.host as unknown as { current: { transport: { socket: Socket } } };
  return host.current.transport.socket;
}

const both = (what: string, bytes: (struck: Struck) => Uint8Array, hangUp: boolean): [string, Fault][] => [
  [`child: ${what}`, fromChild(bytes, hangUp)],
  [`editor: ${what}`, fromUs(bytes, hangUp)],
];

export const wireFaults: Readonly<Record<string, Fault>> = Object.fromEntries([
  ...both('a frame cut at a byte', upToCut, true),
  ...both('garbage', randomBytes, false),
  ...Object.entries(lies).flatMap(([what, bytes]) => both(what, () => bytes, false)),
]);
