//! The trace file's layout. Twin: `extension/protocol/trace/layout.ts`; a unit test compares the constants by name.
//!
//! All numbers are little-endian. `[header page][string table][ring 0][ring 1]…`, each ring a 128-byte header and
//! `RING_EVENTS` (a power of two) events of 32 bytes.

/// First eight bytes of every trace file.
pub const MAGIC: &[u8; 8] = b"SYMTRACE";
/// Raised when a reader of the former version would misread the file.
pub const VERSION: u32 = 1;
/// Bytes before the string table.
pub const HEADER_BYTES: usize = 4096;

/// u32: format version.
pub const HEADER_VERSION: usize = 8;
/// u32: process id of the writer.
pub const HEADER_PID: usize = 12;
/// u32: 1 = timestamp counter, 2 = CLOCK_MONOTONIC nanoseconds.
pub const HEADER_CLOCK: usize = 16;
/// u32: 1 once the writer closed the file in order.
pub const HEADER_CLOSED: usize = 20;
/// u64: offset of the string table.
pub const HEADER_STRINGS_OFFSET: usize = 24;
/// u64: capacity of the string table in bytes.
pub const HEADER_STRINGS_CAPACITY: usize = 32;
/// u64: bytes of the string table in use; entries below it are complete.
pub const HEADER_STRINGS_USED: usize = 40;
/// u64: offset of ring 0.
pub const HEADER_RINGS_OFFSET: usize = 48;
/// u64: distance between two rings in bytes.
pub const HEADER_RING_STRIDE: usize = 56;
/// u32: events per ring, a power of two.
pub const HEADER_RING_EVENTS: usize = 64;
/// u32: number of rings in the file.
pub const HEADER_RING_COUNT: usize = 68;
/// u32: rings ever claimed; rings from here on are untouched.
pub const HEADER_RINGS_USED: usize = 72;
/// u64: events that found no free ring.
pub const HEADER_LOST_EVENTS: usize = 80;
/// u64: strings that found no room.
pub const HEADER_LOST_STRINGS: usize = 88;
/// u64: number of anchors written; the newest is in slot `(n - 1) & 1` of the two at `HEADER_ANCHORS`.
pub const HEADER_ANCHOR_SEQUENCE: usize = 96;
/// Anchor taken at open: u64 ticks, u64 monotonic ns, u64 wall ns since 1970.
pub const HEADER_FIRST_ANCHOR: usize = 104;
/// Two alternating anchors of 24 bytes.
pub const HEADER_ANCHORS: usize = 128;

/// Bytes of a ring's header.
pub const RING_HEADER_BYTES: usize = 128;
/// u64: events ever written to the ring (the next one goes to `head & (RING_EVENTS - 1)`).
pub const RING_HEAD: usize = 0;
/// u64: spans ever begun in the ring (low 40 bits of the next span id).
pub const RING_SPANS: usize = 8;
/// u64: operating system id of the thread that owns or last owned the ring.
pub const RING_THREAD: usize = 16;
/// u32: name of that thread.
pub const RING_NAME: usize = 24;
/// u32: 1 while a live thread owns the ring.
pub const RING_OWNED: usize = 28;

/// Bytes of an event.
pub const EVENT_BYTES: usize = 32;
/// u64: time in ticks of the file's clock.
pub const EVENT_TICKS: usize = 0;
/// u32: string table index.
pub const EVENT_NAME: usize = 8;
/// u8: one of the `KIND_*` values.
pub const EVENT_KIND: usize = 12;
/// u8: one of the [`Lang`] values, 0 = none.
pub const EVENT_LANG: usize = 13;
/// u16: `FLAG_*` bits.
pub const EVENT_FLAGS: usize = 14;
/// u64: the span the event belongs to.
pub const EVENT_SPAN: usize = 16;
/// u64: parent span or argument, by kind.
pub const EVENT_ARG: usize = 24;

/// A span begins; arg = parent span.
pub const KIND_BEGIN: u8 = 1;
/// A span ends.
pub const KIND_END: u8 = 2;
/// A point in time; arg = a number of the caller's.
pub const KIND_INSTANT: u8 = 3;
/// Work moved on; arg = the span it goes on in.
pub const KIND_LINK: u8 = 4;
/// A handle opened; arg = handle number, name = `name, site, kind`.
pub const KIND_HANDLE_OPEN: u8 = 5;
/// A handle closed; arg = handle number.
pub const KIND_HANDLE_CLOSE: u8 = 6;
/// The span failed; name = message.
pub const KIND_ERROR: u8 = 7;
/// The span's request was sent at arg = CLOCK_MONOTONIC ns.
pub const KIND_ENQUEUE: u8 = 8;
/// The ring's owner from here on: name = thread name, span = thread id, arg = name id of the owner before.
pub const KIND_THREAD: u8 = 9;

/// The handle was declared long-lived.
pub const FLAG_LONG_LIVED: u16 = 1;

/// Value of `HEADER_CLOCK`: ticks are the timestamp counter.
pub const CLOCK_TSC: u32 = 1;
/// Value of `HEADER_CLOCK`: ticks are CLOCK_MONOTONIC nanoseconds.
pub const CLOCK_MONOTONIC: u32 = 2;

/// Bits of a span id below the ring number.
pub const SPAN_COUNTER_BITS: u32 = 40;

/// Separates name, caller site and callee site in a string table entry.
pub const PART_SEPARATOR: char = '\u{1f}';

/// Language a span runs in (the callee's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Lang {
    /// TypeScript or JavaScript.
    TypeScript = 1,
    /// Python.
    Python = 2,
    /// Rust (a Pit operation).
    Rust = 3,
}
