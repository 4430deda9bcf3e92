/**
 * The trace file's layout. Twin: `native/core/src/recorder/layout.rs`, where every field is explained; a unit test
 * compares the constants by name.
 */

export const MAGIC = 'SYMTRACE';
export const VERSION = 1;
export const HEADER_BYTES = 4096;
export const HEADER_VERSION = 8;
export const HEADER_PID = 12;
export const HEADER_CLOCK = 16;
export const HEADER_CLOSED = 20;
export const HEADER_STRINGS_OFFSET = 24;
export const HEADER_STRINGS_CAPACITY = 32;
export const HEADER_STRINGS_USED = 40;
export const HEADER_RINGS_OFFSET = 48;
export const HEADER_RING_STRIDE = 56;
export const HEADER_RING_EVENTS = 64;
export const HEADER_RING_COUNT = 68;
export const HEADER_RINGS_USED = 72;
export const HEADER_LOST_EVENTS = 80;
export const HEADER_LOST_STRINGS = 88;
export const HEADER_ANCHOR_SEQUENCE = 96;
export const HEADER_FIRST_ANCHOR = 104;
export const HEADER_ANCHORS = 128;
export const RING_HEADER_BYTES = 128;
export const RING_HEAD = 0;
export const RING_SPANS = 8;
export const RING_THREAD = 16;
export const RING_NAME = 24;
export const RING_OWNED = 28;
export const EVENT_BYTES = 32;
export const EVENT_TICKS = 0;
export const EVENT_NAME = 8;
export const EVENT_KIND = 12;
export const EVENT_LANG = 13;
export const EVENT_FLAGS = 14;
export const EVENT_SPAN = 16;
export const EVENT_ARG = 24;
export const KIND_BEGIN = 1;
export const KIND_END = 2;
export const KIND_INSTANT = 3;
export const KIND_LINK = 4;
export const KIND_HANDLE_OPEN = 5;
export const KIND_HANDLE_CLOSE = 6;
export const KIND_ERROR = 7;
export const KIND_ENQUEUE = 8;
export const KIND_THREAD = 9;
export const FLAG_LONG_LIVED = 1;
export const CLOCK_TSC = 1;
export const CLOCK_MONOTONIC = 2;
export const SPAN_COUNTER_BITS = 40;
export const PART_SEPARATOR = '\u001f';
