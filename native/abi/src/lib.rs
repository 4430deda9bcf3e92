//! What `_native` offers to components: other extension modules, compiled apart, in the same process.
//!
//! Both sides use this crate, but each has a copy of its own, maybe of another compiler: only what is
//! `repr(C)` crosses, and no panic does. Threads: "GIL" says what the caller must hold. Python objects
//! cross as pointers; a null pointer means that a Python exception is set, as everywhere in Python.
//! Must not know PyO3, Tokio or the recorder.

mod callback;
mod future;
pub mod panics;

use std::ffi::{c_void, CStr};

pub use callback::Callback;
pub use future::RawFuture;

/// Grows with every change of [`Table`] that a component compiled before it could not bear.
pub const ABI: u32 = 2;
/// Where `symphony_bridge._native` keeps the table.
pub const CAPSULE: &CStr = c"symphony_bridge._native.components";

/// A Python object.
pub type Object = c_void;
/// A span of the trace; 0 is none.
pub type SpanId = u64;

/// Text that is lent for the time of a call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    data: *const u8,
    length: usize,
}

impl Text {
    pub fn of(text: &str) -> Self {
        Self {
            data: text.as_ptr(),
            length: text.len(),
        }
    }

    /// # Safety
    /// It was made by [`Text::of`] of a text that is still there.
    pub unsafe fn read<'a>(self) -> &'a str {
        // SAFETY: the caller's promise; it was a `&str`.
        unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(self.data, self.length)) }
    }
}

/// An operation of a component, as the trace shows it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawOperation {
    /// An address of its own: what is known of the operation is found by it.
    pub key: usize,
    /// `component.operation`
    pub title: Text,
    /// Where it is written, `file:line`.
    pub site: Text,
}

/// The functions that `_native` offers.
#[repr(C)]
pub struct Table {
    pub abi: u32,
    /// Of this struct: a table may have more than a component knows.
    pub size: u32,

    /// Begins a span below the one that Python is in; the caller is the line of Python. GIL: held.
    pub begin: unsafe extern "C" fn(RawOperation) -> SpanId,
    /// Begins a span below the thread's current one and makes it current. GIL: any.
    pub begin_scope: unsafe extern "C" fn(RawOperation) -> SpanId,
    /// Makes a span the thread's current one. GIL: any.
    pub enter: extern "C" fn(SpanId),
    /// Ends what `enter` began, on the same thread. GIL: any.
    pub leave: extern "C" fn(SpanId),
    /// Marks a span as failed. GIL: any.
    pub fail: unsafe extern "C" fn(SpanId, Text),
    /// Ends a span, also as the thread's current one. GIL: any.
    pub end: extern "C" fn(SpanId),

    /// Runs a future on the host's Tokio inside a span. Python that it calls sees a copy of the context
    /// (`contextvars`) in which this is called. The result, a new reference, is an awaitable of
    /// the running asyncio loop; when the future is over, the callback gives its result on the loop's
    /// thread. Cancelling the awaitable drops the future; it is cancelled once that, and what the future has
    /// called and not waited for, is over. The first poll may be at once, on this thread and without the
    /// GIL. GIL: held.
    pub spawn: unsafe extern "C" fn(RawFuture, SpanId, Callback) -> *mut Object,
    /// Waits for a future without the GIL, in the context as above; 0, or -1 with an exception when the wait
    /// was broken: the future is dropped then, as by a cancellation. GIL: held.
    pub wait: unsafe extern "C" fn(RawFuture, RawOperation, SpanId) -> i32,

    /// Calls Python, below the thread's current span, and in the context of the future or the blocking work
    /// that this thread runs, else in an empty one. The first callback gives a tuple of callable,
    /// arguments and keywords or None; what the call gives, awaited if it can be, goes to the second.
    /// Both run with the GIL. The future is over after that; dropping it cancels the call. The end of the last
    /// one cancels it, too, and the call's future is over when Python has cleaned up. GIL: no.
    pub call: unsafe extern "C" fn(Callback, Callback, RawOperation, RawFuture) -> RawFuture,
    /// Runs a callback on a thread that may block, inside the thread's current span and context. GIL: no.
    pub block: unsafe extern "C" fn(Callback) -> RawFuture,
    /// Is over after so many nanoseconds. GIL: any.
    pub sleep: extern "C" fn(u64) -> RawFuture,
}
