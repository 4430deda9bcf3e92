//! The table that components find in the capsule `symphony_bridge._native.components`: other extension
//! modules that use this one's recorder, Tokio and Python threads.
//!
//! Twin: none; both sides use the crate `symphony-abi`, which says what each function does and needs.
//! Every entry is a panic boundary.

use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{null_mut, NonNull};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use symphony_abi::{Callback, Object, RawFuture, RawOperation, SpanId, Table, Text};
use symphony_core::recorder::{self, Lang, NameId};

use crate::aio;
use crate::job::{Call, JobControl};
use crate::pit::parent;
use crate::waits::{self, Waited};
use crate::{control, crossing, dispatch, host_calls, inside, session, sessions, site};

static TABLE: Table = Table {
    abi: symphony_abi::ABI,
    size: std::mem::size_of::<Table>() as u32,
    begin,
    begin_scope,
    enter,
    leave,
    fail,
    end,
    spawn,
    wait,
    call,
    block,
    sleep,
};

/// Adds the capsule to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let pointer = NonNull::from(&TABLE).cast();
    // SAFETY: the table is static, so it outlives the capsule, and the name says what it is.
    let capsule =
        unsafe { PyCapsule::new_with_pointer(module.py(), pointer, symphony_abi::CAPSULE)? };
    module.add("components", capsule)
}

unsafe extern "C" fn begin(operation: RawOperation) -> SpanId {
    guarded(0, || {
        // Later a component may ask for Python where this module cannot know whether the GIL is held.
        control::ensure_started();
        if !recorder::is_open() {
            return 0;
        }
        Python::attach(|py| {
            let name = site::cached(py, operation.key, |caller| intern(operation, caller));
            recorder::begin_child(parent(py), name, Lang::Rust)
        })
    })
}

unsafe extern "C" fn begin_scope(operation: RawOperation) -> SpanId {
    guarded(0, || {
        if !recorder::is_open() {
            return 0;
        }
        let key = (operation.key, 0, 0);
        let name = symphony_core::sites::cached(key, || intern(operation, ""));
        recorder::begin_raw(name, Lang::Rust)
    })
}

extern "C" fn enter(span: SpanId) {
    // Left by `leave`, which has no guard to keep.
    guarded((), || std::mem::forget(recorder::enter(span)));
}

extern "C" fn leave(span: SpanId) {
    guarded((), || recorder::leave(span));
}

unsafe extern "C" fn fail(span: SpanId, message: Text) {
    // SAFETY: the component lends the text for the time of the call.
    guarded((), || recorder::error(span, unsafe { message.read() }));
}

extern "C" fn end(span: SpanId) {
    guarded((), || recorder::end(span));
}

unsafe extern "C" fn spawn(future: RawFuture, span: SpanId, settle: Callback) -> *mut Object {
    answering("await", |py| {
        let (future, ask) = inside::ending(py, future, span)?;
        // SAFETY: it expects nothing.
        let convert = |py: Python<'_>, ()| taken(py, unsafe { settle.call(null_mut()) });
        aio::spawn_asking(py, future, ask, convert).map(Bound::unbind)
    })
}

unsafe extern "C" fn wait(future: RawFuture, operation: RawOperation, span: SpanId) -> i32 {
    let done = answering("wait", |py| {
        let (future, ask) = inside::ending(py, future, span)?;
        // SAFETY: the component lends the text for the time of the call.
        host_calls::refuse_deadlock(py, unsafe { operation.title.read() })?;
        match waits::block_on_asking(py, future, ask)? {
            Waited::Ready(()) => Ok(py.None()),
            Waited::Cancelled(error, _) => Err(error),
        }
    });
    if done.is_null() {
        return -1;
    }
    // SAFETY: the reference is ours.
    Python::attach(|py| drop(unsafe { Bound::from_owned_ptr(py, done.cast()) }));
    0
}

unsafe extern "C" fn call(
    prepare: Callback,
    finish: Callback,
    operation: RawOperation,
    stop: RawFuture,
) -> RawFuture {
    // SAFETY: the component lends the texts for the time of the call.
    let crossing = unsafe { (operation.title.read(), operation.site.read()) };
    let crossing = (crossing.0.to_owned(), crossing.1.to_owned());
    guarded(RawFuture::new(async {}), || {
        RawFuture::new(run_python(prepare, finish, crossing, stop))
    })
}

/// Queues the call at once; the future is its end.
fn run_python(
    prepare: Callback,
    finish: Callback,
    (name, site): (String, String),
    stop: RawFuture,
) -> impl Future<Output = ()> + Send + 'static {
    let prepare = Box::new(move |py: Python<'_>, _: &JobControl| {
        // SAFETY: it expects nothing.
        let prepared = taken(py, unsafe { prepare.call(null_mut()) })?;
        let (callable, args, kwargs): (Py<PyAny>, _, _) = prepared.extract(py)?;
        Ok(Call {
            name: crossing::name_of(name, &site, callable.bind(py)),
            callable,
            args,
            kwargs,
        })
    });
    let started = inside::started();
    let read = move |py: Python<'_>, outcome: PyResult<Py<PyAny>>| {
        let _started = started;
        match outcome {
            // SAFETY: it expects the value, or null with the exception.
            Ok(value) => unsafe { finish.call(value.as_ptr().cast()) },
            Err(error) => {
                error.restore(py);
                // SAFETY: as above.
                unsafe { finish.call(null_mut()) }
            }
        };
    };
    // The component finds no result when the bridge has ended.
    let cut_off = || ();
    dispatch::call_prepared(
        inside::caller(),
        prepare,
        recorder::current(),
        read,
        cut_off,
    )
    .until(stop)
}

unsafe extern "C" fn block(work: Callback) -> RawFuture {
    let span = recorder::current();
    let session = sessions::current();
    let (started, caller) = (inside::started(), inside::caller());
    let task = aio::runtime().spawn_blocking(move || {
        let _session = sessions::enter(session);
        let _caller = inside::enter(caller);
        let _span = recorder::enter(span);
        let _started = started;
        // SAFETY: it expects nothing.
        unsafe { work.call(null_mut()) };
    });
    RawFuture::new(async move {
        // Work that panicked has said so in its own way; here it is over.
        let _ = task.await;
    })
}

extern "C" fn sleep(nanoseconds: u64) -> RawFuture {
    // Timers are Tokio's, also for code that some other executor runs.
    let _runtime = aio::runtime().enter();
    RawFuture::new(tokio::time::sleep(Duration::from_nanos(nanoseconds)))
}

fn intern(operation: RawOperation, caller: &str) -> NameId {
    // SAFETY: the component lends the texts for the time of the call that this is part of.
    let (title, callee) = unsafe { (operation.title.read(), operation.site.read()) };
    recorder::intern(title, caller, callee)
}

/// Gives a result as C does: null, with the exception set, for an error.
fn answering(operation: &str, body: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>) -> *mut Object {
    Python::attach(|py| match session::guarded(py, operation, || body(py)) {
        Ok(value) => value.into_ptr().cast(),
        Err(error) => {
            error.restore(py);
            null_mut()
        }
    })
}

/// Takes a result as C gives it.
fn taken(py: Python<'_>, value: *mut Object) -> PyResult<Py<PyAny>> {
    // SAFETY: what a callback gives is a reference of ours, or null with an exception.
    unsafe { Bound::from_owned_ptr_or_err(py, value.cast()) }.map(Bound::unbind)
}

/// Turns a panic into `failed`: it must not unwind into another module.
fn guarded<T>(failed: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(failed)
}
