/**
 * Memory that frames are written to.
 *
 * JavaScript thread only. Short frames share a slab, in which nothing is written twice. Long ones have memory of their
 * own, which comes back when it has been sent: fresh memory takes longer to map than to fill.
 */

const SLAB = 64 * 1024;
/** Longer frames get memory of their own. */
const FROM_SLAB = 8 * 1024;
/** Memory from this size on is used again. */
const LONG = 1024 * 1024;
/** How long it waits for the next long frame, milliseconds. */
const KEPT_MS = 1000;

/** Memory, and how much of it from the front is written. */
export interface FrameMemory {
  readonly ints: Int32Array;
  readonly floats: Float64Array;
  readonly bytes: Uint8Array;
  used: number;
}

let slab = make(new ArrayBuffer(SLAB));
let kept: ArrayBufferLike | null = null;
let expiry: NodeJS.Timeout | null = null;

/** Room for `length` bytes behind what is used; it may hold anything. */
export function reserve(length: number): FrameMemory {
  if (length > FROM_SLAB) return make(takeKept(length) ?? new ArrayBuffer(length));
  if (slab.used + length > SLAB) slab = make(new ArrayBuffer(SLAB));
  return slab;
}

/** Whether memory of this length is worth to be given back. */
export function isLong(bytes: Uint8Array): boolean {
  return bytes.byteLength >= LONG;
}

/** Takes memory back whose only frame {@link isLong} and has been sent: nobody may look at it any more. */
export function giveBack(frames: Uint8Array): void {
  // The longest serves most frames.
  if (kept === null || kept.byteLength < frames.buffer.byteLength) kept = frames.buffer;
  expiry ??= setTimeout(forget, KEPT_MS).unref();
  expiry.refresh();
}

function takeKept(length: number): ArrayBufferLike | null {
  if (length < LONG || kept === null || kept.byteLength < length) return null;
  const taken = kept;
  kept = null;
  return taken;
}

function forget(): void {
  kept = null;
  expiry = null;
}

function make(buffer: ArrayBufferLike): FrameMemory {
  return {
    ints: new Int32Array(buffer, 0, buffer.byteLength >> 2),
    floats: new Float64Array(buffer, 0, buffer.byteLength >> 3),
    bytes: new Uint8Array(buffer),
    used: 0,
  };
}
