//! The C table that the addon finds in the capsule `symphony_bridge._native.table`.
//!
//! Twin: `native/core/include/symphony_table.h`; a test compares sizes and offsets. Every entry is a
//! panic boundary: unwinding into C++ is undefined.

use std::cell::Cell;
use std::ffi::{c_void, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use symphony_core::pack::{PackBuf, PackView};

use crate::errors;
use crate::host_calls;
use crate::session;
use crate::sync_call;

const ABI: u32 = 1;
const CAPSULE: &CStr = c"symphony_bridge._native.table";

const VALUE: i32 = 0;
const ERROR: i32 = 1;

/// Twin of `SymSegment`.
#[repr(C)]
struct SymSegment {
    data: *const u8,
    length: usize,
}

/// Twin of `SymPack`.
#[repr(C)]
struct SymPack {
    ops: *const i32,
    nums: *const f64,
    chars: *const u8,
    segments: *const SymSegment,
    ops_length: u32,
    nums_length: u32,
    chars_length: u32,
    segments_length: u32,
}

type Wake = unsafe extern "C" fn(context: *mut c_void);
type Allocate = unsafe extern "C" fn(context: *mut c_void, length: usize) -> *mut u8;

/// Twin of `SymTable`.
#[repr(C)]
struct SymTable {
    abi: u32,
    size: u32,
    call_sync: unsafe extern "C" fn(u32, f64, *const SymPack, *mut SymPack) -> i32,
    submit: unsafe extern "C" fn(*const u8, usize) -> i32,
    connect: unsafe extern "C" fn(Wake, *mut c_void),
    drain: unsafe extern "C" fn(Allocate, *mut c_void) -> usize,
    close: unsafe extern "C" fn(),
}

static TABLE: SymTable = SymTable {
    abi: ABI,
    size: std::mem::size_of::<SymTable>() as u32,
    call_sync,
    submit,
    connect,
    drain,
    close,
};

/// Adds the capsule to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let pointer = std::ptr::NonNull::from(&TABLE).cast();
    // SAFETY: the table is static, so it outlives the capsule, and the name says what it is.
    let capsule = unsafe { PyCapsule::new_with_pointer(module.py(), pointer, CAPSULE)? };
    module.add("table", capsule)
}

/// Sizes and offsets of this side, for the test that compares them with the header's.
pub fn layout() -> Vec<usize> {
    use std::mem::{offset_of, size_of};
    vec![
        size_of::<SymSegment>(),
        size_of::<SymPack>(),
        offset_of!(SymPack, segments),
        offset_of!(SymPack, ops_length),
        offset_of!(SymPack, segments_length),
        size_of::<SymTable>(),
        offset_of!(SymTable, call_sync),
        offset_of!(SymTable, close),
    ]
}

/// # Safety
/// The GIL is held; `call` and `reply` are valid, and the parts of `call` outlive the call.
unsafe extern "C" fn call_sync(
    target: u32,
    parent: f64,
    call: *const SymPack,
    reply: *mut SymPack,
) -> i32 {
    guarded(ERROR, || {
        // Attaching again is cheap and tells PyO3 that references may be dropped at once.
        Python::attach(|py| {
            // SAFETY: the caller's promise.
            let (call, reply) = unsafe { (view(&*call), &mut *reply) };
            REPLY.with(|slot| {
                let mut answer = slot.take().unwrap_or_default();
                answer.pack.clear();
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    sync_call::run(py, target, parent as u64, &call, &mut answer.pack)
                }))
                // The reply must be lent anew whatever happens: the addon reads it.
                .unwrap_or_else(|_| Err(errors::panicked(py)));
                let status = match outcome {
                    Ok(()) => VALUE,
                    Err(error) => {
                        answer.pack = session::pack_error(py, &error);
                        ERROR
                    }
                };
                answer.lend(reply);
                slot.set(Some(answer));
                status
            })
        })
    })
}

/// # Safety
/// `frames` points to `length` bytes.
unsafe extern "C" fn submit(frames: *const u8, length: usize) -> i32 {
    guarded(-1, || {
        // SAFETY: the caller's promise.
        let frames = unsafe { slice(frames, length) };
        session::submit(frames).map_or(-1, |()| 0)
    })
}

/// # Safety
/// `wake` may be called with `context` from any thread until the process ends.
unsafe extern "C" fn connect(wake: Wake, context: *mut c_void) {
    struct Context(*mut c_void);
    // SAFETY: the caller promises that any thread may use the context.
    unsafe impl Send for Context {}
    // SAFETY: as above.
    unsafe impl Sync for Context {}
    let context = Context(context);
    guarded((), move || {
        host_calls::mark_js_thread();
        session::connect(Arc::new(move || {
            let context = &context;
            // SAFETY: the caller's promise.
            unsafe { wake(context.0) }
        }));
    });
}

/// # Safety
/// `allocate` returns memory of the length it is asked for, or null.
unsafe extern "C" fn drain(allocate: Allocate, context: *mut c_void) -> usize {
    guarded(0, || {
        let frames = session::drain();
        if frames.is_empty() {
            return 0;
        }
        // SAFETY: the caller's promise.
        let memory = unsafe { allocate(context, frames.len()) };
        if memory.is_null() {
            return 0;
        }
        // SAFETY: the memory is as long as was asked for, and is not ours.
        unsafe { std::ptr::copy_nonoverlapping(frames.as_ptr(), memory, frames.len()) };
        frames.len()
    })
}

unsafe extern "C" fn close() {
    guarded((), session::close);
}

/// Turns a panic into `failed`: it must not unwind into C++.
fn guarded<T>(failed: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(failed)
}

thread_local! {
    /// Taken out for the time of a call: a call inside a call makes its own.
    static REPLY: Cell<Option<Box<Answer>>> = const { Cell::new(None) };
}

/// The last reply of a thread, and the C view of its segments.
#[derive(Default)]
struct Answer {
    pack: PackBuf,
    segments: Vec<SymSegment>,
}

impl Answer {
    fn lend(&mut self, reply: &mut SymPack) {
        self.segments.clear();
        self.segments
            .extend(self.pack.segments.iter().map(|bytes| SymSegment {
                data: bytes.as_ptr(),
                length: bytes.len(),
            }));
        *reply = SymPack {
            ops: self.pack.ops.as_ptr(),
            nums: self.pack.nums.as_ptr(),
            chars: self.pack.chars.as_ptr(),
            segments: self.segments.as_ptr(),
            ops_length: self.pack.ops.len() as u32,
            nums_length: self.pack.nums.len() as u32,
            chars_length: self.pack.chars.len() as u32,
            segments_length: self.segments.len() as u32,
        };
    }
}

/// # Safety
/// The pointers are valid for their lengths as long as the view lives.
unsafe fn view(pack: &SymPack) -> PackView<'_> {
    // SAFETY: the caller's promise.
    unsafe {
        PackView {
            ops: slice(pack.ops, pack.ops_length as usize),
            nums: slice(pack.nums, pack.nums_length as usize),
            chars: slice(pack.chars, pack.chars_length as usize),
            segments: slice(pack.segments, pack.segments_length as usize)
                .iter()
                .map(|segment| slice(segment.data, segment.length))
                .collect(),
        }
    }
}

/// # Safety
/// `data` is valid for `length` elements; it may be null when there are none.
unsafe fn slice<'a, T>(data: *const T, length: usize) -> &'a [T] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data, length) }
}
