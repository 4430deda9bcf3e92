/**
 * Frame layout: the header in front of every pack on the wire and between addon and TypeScript.
 *
 * Twin: `native/core/src/frame.rs`. Little-endian; the total length is a multiple of 8:
 *
 *      0 u32 length   4 u8 kind   5 u8 flags   6 u16 version
 *      8 u32 id      12 u32 target
 *     16 f64 span    24 f64 parent   32 f64 sentNs
 *     40 u32 ops     44 u32 nums     48 u32 chars   52 u32 segments   56 u32 within   60 u32 zero
 *     64 nums | ops (padded to 8) | chars (padded to 8) | per segment: u64 length, bytes (padded to 8)
 *
 * Imports nothing. Any thread.
 */

export enum FrameKind {
  CALL = 1,
  RESULT = 2,
  ERROR = 3,
  CANCEL = 4,
  RELEASE = 5,
  OUTPUT = 6,
  EVENT = 7,
  PING = 8,
  PONG = 9,
  HELLO = 10,
  CLOSE = 11,
  /** The line at which the sender got `target`. */
  LOCATE = 12,
}

/** Bits of {@link FrameHeader.flags}. */
export const FrameFlag = {
  /** The result stays at the callee as a handle; the reply is a reference to it. */
  RETURN_REF: 1,
  /** The child runs the call on its main thread. */
  MAIN_THREAD: 2,
  /** The handle is declared long-lived: it never counts as a leak. */
  LONG_LIVED: 4,
  /** The caller wants the result's exact types: values that would become plain ones keep their carriers. */
  STRICT: 8,
  /** Of a PING: answered when Python's control thread has the interpreter. */
  INTERPRETER: 1,
  /** Of a PING: the answer is to tell the Python stacks of all threads; of a PONG: it does. */
  STACKS: 2,
} as const;

export const FRAME_HEADER = 64;
export const FRAME_VERSION = 1;
/** Longest frame either side writes or accepts, in bytes. */
export const MAX_FRAME = 0x4000_0000;

/** Byte offsets of the header's fields. */
export const FrameOffset = {
  LENGTH: 0,
  KIND: 4,
  ID: 8,
  TARGET: 12,
  SPAN: 16,
  PARENT: 24,
  SENT: 32,
  OPS: 40,
  NUMS: 44,
  CHARS: 48,
  SEGMENTS: 52,
  WITHIN: 56,
} as const;

/** What a frame says about itself. */
export interface FrameHeader {
  kind: FrameKind;
  flags: number;
  /** Call id, chosen by the caller's side; each direction has its own ids. */
  id: number;
  /** Handle of the receiver; 0: none. */
  target: number;
  /** Span id of the crossing; 0: the receiver makes one. */
  span: number;
  /** Span id of the parent; 0: none. */
  parent: number;
  /** Monotonic clock of the sender, nanoseconds. */
  sentNs: number;
  /** Of a CALL: the call of the receiver's that the sender works for when it makes this one; 0: none. */
  within: number;
}
