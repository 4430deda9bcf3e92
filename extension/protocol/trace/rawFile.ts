/**
 * The trace file as it stands: header, string table, and the events of each ring that are whole.
 *
 * Must not know: what events mean (see `assemble`).
 */
import { type ByteSource, TraceFormatError } from './byteSource';
import * as layout from './layout';

/** The file's header, with sizes checked against the file's length. */
export interface Header {
  pid: number;
  closed: boolean;
  clock: 'tsc' | 'monotonic';
  strings: { offset: number; used: number };
  rings: { offset: number; stride: number; events: number; used: number };
  lostEvents: number;
  lostStrings: number;
  first: Anchor;
  last: Anchor;
}

/** One moment on the three clocks. */
export interface Anchor {
  ticks: bigint;
  monotonicNs: bigint;
  wallNs: bigint;
}

/** The events of one ring, oldest first; event `i` is at `at(i)` of `view`. */
export interface Ring {
  slot: number;
  /** Who owns the ring now. */
  thread: number;
  name: number;
  view: DataView;
  count: number;
  overwritten: number;
  at(index: number): number;
}

export function readHeader(source: ByteSource): Header {
  if (source.size < layout.HEADER_BYTES) {
    throw new TraceFormatError(
      source.size === 0 ? 'the trace file is empty' : `not a trace file: only ${source.size} bytes long`,
    );
  }
  const view = viewOf(source.read(0, layout.HEADER_BYTES));
  if (!startsWithMagic(view)) throw new TraceFormatError('not a trace file: it does not start with SYMTRACE');
  const version = view.getUint32(layout.HEADER_VERSION, true);
  if (version !== layout.VERSION) {
    throw new TraceFormatError(
      `the trace file has format version ${version}; this reader knows ${layout.VERSION}`,
    );
  }
  const header: Header = {
    pid: view.getUint32(layout.HEADER_PID, true),
    closed: view.getUint32(layout.HEADER_CLOSED, true) === 1,
    clock: clockOf(view.getUint32(layout.HEADER_CLOCK, true)),
    strings: {
      offset: u64(view, layout.HEADER_STRINGS_OFFSET),
      used: u64(view, layout.HEADER_STRINGS_USED),
    },
    rings: {
      offset: u64(view, layout.HEADER_RINGS_OFFSET),
      stride: u64(view, layout.HEADER_RING_STRIDE),
      events: view.getUint32(layout.HEADER_RING_EVENTS, true),
      used: view.getUint32(layout.HEADER_RINGS_USED, true),
    },
    lostEvents: u64(view, layout.HEADER_LOST_EVENTS),
    lostStrings: u64(view, layout.HEADER_LOST_STRINGS),
    first: anchorAt(view, layout.HEADER_FIRST_ANCHOR),
    last: newestAnchor(view),
  };
  checkSizes(header, u64(view, layout.HEADER_STRINGS_CAPACITY), source.size);
  return header;
}

/** The string table as it is written; index 0 is the empty entry. */
export function readStrings(source: ByteSource, { strings }: Header): string[] {
  const bytes = source.read(strings.offset, strings.used);
  const view = viewOf(bytes);
  const decoder = new TextDecoder();
  const texts = [''];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view.getUint32(at, true);
    const end = at + 4 + length;
    if (end > bytes.length) throw new TraceFormatError(`damaged trace file: name ${texts.length} is cut off`);
    texts.push(decoder.decode(bytes.subarray(at + 4, end)));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return texts;
}

/** The whole events of ring `slot`. Reads the head twice, so that a writer at work is noticed. */
export function readRing(source: ByteSource, header: Header, slot: number): Ring {
  const capacity = header.rings.events;
  const offset = header.rings.offset + slot * header.rings.stride;
  const before = viewOf(source.read(offset, layout.RING_HEADER_BYTES));
  const head = u64(before, layout.RING_HEAD);
  const filled = Math.min(head, capacity);
  const view = viewOf(source.read(offset + layout.RING_HEADER_BYTES, filled * layout.EVENT_BYTES));
  const now = header.closed ? head : u64(viewOf(source.read(offset, 8)), 0);
  if (now < head) throw new TraceFormatError('damaged trace file: a ring ran backwards');
  // The event after the head may be half written over the oldest one.
  const inFlight = header.closed ? 0 : 1;
  const oldest = Math.min(head, Math.max(0, now - capacity + inFlight));
  const mask = capacity - 1;
  return {
    slot,
    thread: u64(before, layout.RING_THREAD),
    name: before.getUint32(layout.RING_NAME, true),
    view,
    count: head - oldest,
    overwritten: oldest,
    // `oldest + index` may pass 2^31, where `&` would go wrong.
    at: (index) => (((oldest % capacity) + index) & mask) * layout.EVENT_BYTES,
  };
}

/** A 64-bit number; above 2^53 only nearly. */
export function number64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/** A 64-bit number that has to be exact; what is not cannot come from the recorder. */
function u64(view: DataView, at: number): number {
  const value = number64(view, at);
  if (!Number.isSafeInteger(value)) {
    throw new TraceFormatError('damaged trace file: a number is out of range');
  }
  return value;
}

function checkSizes(header: Header, stringsCapacity: number, size: number): void {
  const { strings, rings } = header;
  const damaged = (what: string) => new TraceFormatError(`damaged trace file: ${what}`);
  if (strings.used > stringsCapacity) throw damaged('the string table is larger than its room');
  const { events } = rings;
  if (events === 0 || (events & (events - 1)) !== 0) throw damaged(`rings of ${events} events`);
  if (rings.stride !== layout.RING_HEADER_BYTES + events * layout.EVENT_BYTES) {
    throw damaged('rings of a wrong size');
  }
  if (strings.offset !== layout.HEADER_BYTES || rings.offset !== strings.offset + stringsCapacity) {
    throw damaged('its parts overlap');
  }
  const end = rings.offset + rings.used * rings.stride;
  if (end > size) {
    throw new TraceFormatError(
      `the trace file is cut off: it ends at byte ${size}, but has rings up to ${end}`,
    );
  }
}

function startsWithMagic(view: DataView): boolean {
  return [...layout.MAGIC].every((letter, index) => view.getUint8(index) === letter.charCodeAt(0));
}

function clockOf(value: number): 'tsc' | 'monotonic' {
  if (value === layout.CLOCK_TSC) return 'tsc';
  if (value === layout.CLOCK_MONOTONIC) return 'monotonic';
  throw new TraceFormatError(`damaged trace file: unknown clock ${value}`);
}

function newestAnchor(view: DataView): Anchor {
  const written = u64(view, layout.HEADER_ANCHOR_SEQUENCE);
  const newest = written > 0 ? (written - 1) % 2 : 0;
  return anchorAt(view, layout.HEADER_ANCHORS + 24 * newest);
}

function anchorAt(view: DataView, at: number): Anchor {
  return {
    ticks: view.getBigUint64(at, true),
    monotonicNs: view.getBigUint64(at + 8, true),
    wallNs: view.getBigUint64(at + 16, true),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
