//! The recorder: an always-on ring of recent spans per thread, in one memory-mapped file.
//!
//! Purpose: every crossing of a language border leaves its last moments in a file that is exact even after `kill -9`.
//! Threads: every function may be called from any thread, with or without the GIL; the hot path takes no lock.
//! Must not know: Python, Node, or what a span means to whoever made it.
//!
//! Without an open file a span costs one load and one branch, ids are 0, and 0 is accepted everywhere.

mod bench;
mod clock;
mod disk;
mod file;
pub mod layout;
mod ring;
pub(crate) mod slots;
mod span;
mod strings;

pub use bench::{bench_clock, bench_spans};
pub use clock::monotonic_ns;
pub use file::{Options, RecorderError};
pub use layout::Lang;
pub use span::{
    begin, begin_child, begin_raw, current, end, enqueued, enter, error, handle_closed,
    handle_opened, instant, leave, link, Entered, Span,
};
pub use strings::{intern, intern_raw};

use std::path::Path;

/// Index into the trace's string table; 0 is "unnamed".
pub type NameId = u32;

/// Identity of a span, unique within one trace file and at most 2^53 (exact as a JavaScript number); 0 is "no span".
pub type SpanId = u64;

/// Opens (creates or truncates) the trace file at `path` with the default size and starts recording into it.
///
/// The file is sparse: untouched rings take no disk. Opening again switches to the new file; threads follow with
/// their next event.
pub fn open(path: &Path) -> Result<(), RecorderError> {
    open_with(path, Options::default())
}

/// [`open`] with explicit sizes.
pub fn open_with(path: &Path, options: Options) -> Result<(), RecorderError> {
    file::open(path, options)
}

/// True while a trace file is open.
#[inline]
pub fn is_open() -> bool {
    file::active().is_some()
}

/// Refreshes the clock anchor and starts write-back. Call about once a second from any thread; never blocks on I/O.
pub fn flush() {
    if let Some(mapping) = file::active() {
        mapping.write_anchor();
        mapping.start_write_back();
    }
}

/// Writes the last anchor, marks the file as closed in order and stops recording. Spans still open stay open in the file.
pub fn close() {
    file::close();
}

/// Names the calling thread in the trace (lane title). Without it the operating system's thread name is used.
pub fn set_thread_name(name: &str) {
    ring::set_thread_name(name);
}
