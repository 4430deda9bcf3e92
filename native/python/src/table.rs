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
use symphony_abi::panics;
use symphony_core::chunk::Chunk;
use symphony_core::pack::{PackBuf, PackView, Segment};

use crate::codec::Exactness;
use crate::errors;
use crate::js;
use crate::session;
use crate::sessions;
use crate::sync_call;

const ABI: u32 = 5;
const CAPSULE: &CStr = c"symphony_bridge._native.table";

const VALUE: i32 = 0;
const ERROR: i32 = 1;
const NONE: i32 = 4;

/// Twin of `SymSegment`.
#[repr(C)]
pub struct SymSegment {
    data: *const u8,
    length: usize,
}

/// Twin of `SymPack`.
#[repr(C)]
pub struct SymPack {
    ops: *const i32,
    nums: *const f64,
    chars: *const u8,
    segments: *const SymSegment,
    ops_length: u32,
    nums_length: u32,
    chars_length: u32,
    segments_length: u32,
}

type Allocate = unsafe extern "C" fn(context: *mut c_void, length: usize) -> *mut u8;
type Take = unsafe extern "C" fn(sink: *mut c_void, reply: *const SymPack);
type Call = unsafe extern "C" fn(
    context: *mut c_void,
    target: u32,
    flags: u32,
    span: f64,
    call: *const SymPack,
    take: Take,
    sink: *mut c_void,
) -> i32;

/// Twin of `SymHost`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SymHost {
    pub context: *mut c_void,
    pub wake: unsafe extern "C" fn(context: *mut c_void),
    pub call: Call,
    pub pump: unsafe extern "C" fn(context: *mut c_void),
}

/// Twin of `SymTable`.
#[repr(C)]
struct SymTable {
    abi: u32,
    size: u32,
    call_sync: unsafe extern "C" fn(u32, f64, u32, *const SymPack, *mut SymPack) -> i32,
    call_bare: unsafe extern "C" fn(u32, f64, *mut SymPack) -> i32,
    submit: unsafe extern "C" fn(*const u8, usize) -> i32,
    connect: unsafe extern "C" fn(*const SymHost),
    drain: unsafe extern "C" fn(Allocate, *mut c_void, i32) -> usize,
    close: unsafe extern "C" fn(),
}

static TABLE: SymTable = SymTable {
    abi: ABI,
    size: std::mem::size_of::<SymTable>() as u32,
    call_sync,
    call_bare,
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
    /// The size of a struct, and the offset of each field.
    macro_rules! layout_of {
        ($($kind:ident { $($field:ident),+ })+) => {
            vec![$(std::mem::size_of::<$kind>(), $(std::mem::offset_of!($kind, $field)),+),+]
        };
    }
    layout_of! {
        SymSegment { data, length }
        SymPack { ops, nums, chars, segments, ops_length, nums_length, chars_length, segments_length }
        SymHost { context, wake, call, pump }
        SymTable { abi, size, call_sync, call_bare, submit, connect, drain, close }
    }
}

/// # Safety
/// The GIL is held; `call` and `reply` are valid, and the parts of `call` outlive the call.
unsafe extern "C" fn call_sync(
    target: u32,
    parent: f64,
    flags: u32,
    call: *const SymPack,
    reply: *mut SymPack,
) -> i32 {
    // SAFETY: the caller's promise.
    let (call, reply) = unsafe { ((*call).view(), &mut *reply) };
    // Whatever happens below, the addon reads this: it must not be the last call's freed memory.
    *reply = SymPack::EMPTY;
    guarded(ERROR, || {
        let _inside = js::enter();
        answer(reply, |py, pack| {
            let exactness = Exactness::of_flags(flags as u8);
            sync_call::run(py, target, parent as u64, exactness, &call, pack)
        })
    })
}

/// # Safety
/// The GIL is held; `reply` is valid.
unsafe extern "C" fn call_bare(target: u32, parent: f64, reply: *mut SymPack) -> i32 {
    // SAFETY: the caller's promise.
    let reply = unsafe { &mut *reply };
    if reply.segments_length != 0 {
        REPLY.take();
    }
    // As in `call_sync`.
    *reply = SymPack::EMPTY;
    guarded(ERROR, || {
        // SAFETY: the caller's promise. Attaching would cost as much as the call itself, and is for those who drop
        // references that know no GIL: `answer` does it.
        let py = unsafe { Python::assume_attached() };
        let _inside = js::enter();
        let called = panics::caught(|| sync_call::bare(py, target, parent as u64));
        match called {
            Ok(Ok(result)) if result.is_none() => NONE,
            Ok(called) => answer(reply, |_, pack| {
                sync_call::finish(called?, parent as u64, pack)
            }),
            Err(panic) => answer(reply, |py, _| Err(errors::panicked(py, "callSync", &panic))),
        }
    })
}

/// Lends what `run` packs, or the error that it gives, until the thread's next call.
fn answer(reply: &mut SymPack, run: impl FnOnce(Python<'_>, &mut PackBuf) -> PyResult<()>) -> i32 {
    // Attaching again is cheap and tells PyO3 that references may be dropped at once.
    Python::attach(|py| {
        REPLY.with(|slot| {
            let mut answer = slot.take().unwrap_or_default();
            answer.pack.clear();
            let outcome = session::guarded(py, "callSync", || run(py, &mut answer.pack));
            let status = match outcome {
                Ok(()) => VALUE,
                Err(error) => {
                    answer.pack = session::pack_failure(py, &error);
                    ERROR
                }
            };
            answer.lend(reply);
            slot.set(Some(answer));
            status
        })
    })
}

/// # Safety
/// `frames` points to `length` bytes.
unsafe extern "C" fn submit(frames: *const u8, length: usize) -> i32 {
    guarded(-1, || {
        let _own = js::in_own_session();
        // SAFETY: the caller's promise.
        let frames = unsafe { slice(frames, length) };
        session::submit(Chunk::copy(frames)).map_or(-1, |()| 0)
    })
}

/// # Safety
/// What `host` offers can be called until the process ends.
unsafe extern "C" fn connect(host: *const SymHost) {
    guarded((), || {
        // SAFETY: the caller's promise.
        let thread = js::connect(unsafe { *host });
        session::connect(Arc::new(move || thread.wake()));
        thread.set_session(sessions::current());
    });
}

/// # Safety
/// `allocate` returns memory of the length it is asked for, or null.
unsafe extern "C" fn drain(allocate: Allocate, context: *mut c_void, watched: i32) -> usize {
    guarded(0, || {
        let _own = js::in_own_session();
        let frames = session::drain(watched != 0);
        let length = frames.len();
        if length == 0 {
            return 0;
        }
        // SAFETY: the caller's promise.
        let memory = unsafe { allocate(context, length) };
        if memory.is_null() {
            // Callers wait for what is in there: it is tried again.
            session::put_back(frames);
            return 0;
        }
        // SAFETY: the memory is as long as was asked for, and is not ours.
        unsafe { std::ptr::copy_nonoverlapping(frames.as_ptr(), memory, length) };
        session::recycle(frames);
        length
    })
}

unsafe extern "C" fn close() {
    guarded((), || {
        let _own = js::in_own_session();
        session::close();
        session::forget_output();
    });
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
        self.segments = SymPack::segments_of(&self.pack);
        *reply = SymPack::of(&self.pack, &self.segments);
    }
}

impl SymPack {
    const EMPTY: Self = Self {
        ops: std::ptr::null(),
        nums: std::ptr::null(),
        chars: std::ptr::null(),
        segments: std::ptr::null(),
        ops_length: 0,
        nums_length: 0,
        chars_length: 0,
        segments_length: 0,
    };

    /// The C view of a pack's segments; keep it as long as the pack is lent.
    pub fn segments_of(pack: &PackBuf) -> Vec<SymSegment> {
        let of = |bytes: &Segment| SymSegment {
            data: bytes.as_ptr(),
            length: bytes.len(),
        };
        pack.segments.iter().map(of).collect()
    }

    /// The C view of a pack.
    pub fn of(pack: &PackBuf, segments: &[SymSegment]) -> Self {
        Self {
            ops: pack.ops.as_ptr(),
            nums: pack.nums.as_ptr(),
            chars: pack.chars.as_ptr(),
            segments: segments.as_ptr(),
            ops_length: pack.ops.len() as u32,
            nums_length: pack.nums.len() as u32,
            chars_length: pack.chars.len() as u32,
            segments_length: segments.len() as u32,
        }
    }

    /// # Safety
    /// The pointers are valid for their lengths as long as the view lives.
    pub unsafe fn view(&self) -> PackView<'_> {
        // SAFETY: the caller's promise.
        unsafe {
            PackView {
                ops: slice(self.ops, self.ops_length as usize),
                nums: slice(self.nums, self.nums_length as usize),
                chars: slice(self.chars, self.chars_length as usize),
                segments: slice(self.segments, self.segments_length as usize)
                    .iter()
                    .map(|segment| slice(segment.data, segment.length))
                    .collect(),
                owner: None,
            }
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
