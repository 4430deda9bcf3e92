//! Small functions of `_native` that the Python package uses: trace, handles, output, events.

use std::path::Path;
use std::sync::Arc;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use symphony_core::frame::{kind, Header};
use symphony_core::handles;
use symphony_core::pack::PackBuf;
use symphony_core::recorder::{self, SpanId};

use crate::codec;
use crate::host_calls;
use crate::job::{self, JobControl};
use crate::js;
use crate::loop_queue::LoopQueue;
use crate::objects;
use crate::refs::{BridgeRefs, Given};
use crate::session;
use crate::thread_names;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(open_trace, module)?)?;
    module.add_function(wrap_pyfunction!(fail_span, module)?)?;
    module.add_function(wrap_pyfunction!(end_span, module)?)?;
    module.add_function(wrap_pyfunction!(live_handles, module)?)?;
    module.add_function(wrap_pyfunction!(handles_opened, module)?)?;
    module.add_function(wrap_pyfunction!(current_call, module)?)?;
    handles::set_owners(owner);
    module.add_function(wrap_pyfunction!(keep_handle, module)?)?;
    module.add_function(wrap_pyfunction!(keep_object, module)?)?;
    module.add_function(wrap_pyfunction!(held_objects, module)?)?;
    module.add_function(wrap_pyfunction!(home_loop, module)?)?;
    module.add_function(wrap_pyfunction!(write_output, module)?)?;
    module.add_function(wrap_pyfunction!(emit, module)?)?;
    module.add_function(wrap_pyfunction!(is_connected, module)?)?;
    module.add_function(wrap_pyfunction!(attach_loop, module)?)?;
    module.add_function(wrap_pyfunction!(shut_down, module)?)?;
    module.add_function(wrap_pyfunction!(forget_in_fork, module)?)?;
    module.add_function(wrap_pyfunction!(bench_spans, module)?)?;
    module.add_function(wrap_pyfunction!(bench_clock, module)?)?;
    module.add_function(wrap_pyfunction!(table_layout, module)?)?;
    Ok(())
}

/// Starts recording into the file at `path`, which is created.
#[pyfunction]
fn open_trace(path: &str) -> PyResult<()> {
    recorder::open(Path::new(path))
        .map_err(|error| PyOSError::new_err(format!("cannot record into {path}: {error}")))
}

#[pyfunction]
fn fail_span(span: SpanId, message: &str) {
    recorder::error(span, message);
}

#[pyfunction]
fn end_span(span: SpanId) {
    recorder::end(span);
}

/// All live handles, oldest first.
#[pyfunction(name = "handles")]
fn live_handles(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    handles::snapshot()
        .into_iter()
        .map(|handle| {
            let row = PyDict::new(py);
            row.set_item("id", handle.id)?;
            row.set_item("kind", handle.kind)?;
            row.set_item("name", handle.name)?;
            row.set_item("site", handle.site)?;
            row.set_item("span", handle.span)?;
            row.set_item("owner", handle.owner)?;
            row.set_item("opened_ns", handle.opened_ns)?;
            row.set_item("long_lived", handle.long_lived)?;
            row.set_item("reason", handle.reason)?;
            Ok(row)
        })
        .collect()
}

/// The call that the running code belongs to: number, and what tells whether its caller has an answer already. None for
/// code that no call from TypeScript runs.
#[pyfunction]
fn current_call() -> Option<(u64, Answered)> {
    let job = job::current()?;
    Some((job::current_owner(), Answered(job)))
}

#[pyclass(frozen)]
struct Answered(Arc<JobControl>);

#[pymethods]
impl Answered {
    fn __bool__(&self) -> bool {
        self.0.is_answered()
    }
}

/// Whom a new handle is made for: a call from TypeScript, or nobody known (0). A synchronous call is nobody's job, but
/// TypeScript's all the same.
fn owner() -> u64 {
    match job::current_owner() {
        0 if js::current().is_some() => u64::MAX,
        owner => owner,
    }
}

/// How many handles have been opened so far; the numbers of later ones are greater.
#[pyfunction]
fn handles_opened() -> u64 {
    handles::opened_total()
}

/// Declares a handle long-lived; false when it is not open.
#[pyfunction]
fn keep_handle(handle: u32, reason: &str) -> bool {
    handles::keep(handle, reason)
}

/// Declares that JavaScript holds an object for long on purpose; false when it holds it not.
#[pyfunction]
fn keep_object(object: &Bound<'_, PyAny>, reason: &str) -> bool {
    objects::handle_of(object).is_some_and(|handle| handles::keep(handle, reason))
}

/// The objects that JavaScript holds under the handles, each with its handle.
#[pyfunction]
fn held_objects(py: Python<'_>, handles: Vec<u32>) -> Vec<(u32, Py<PyAny>)> {
    objects::held(py, &handles)
}

/// The event loop on which an object was given to JavaScript, or None.
#[pyfunction]
fn home_loop(object: &Bound<'_, PyAny>) -> Option<Py<PyAny>> {
    objects::home(object)
}

/// Sends printed bytes to the host.
#[pyfunction]
fn write_output(stream: &str, data: &[u8]) -> PyResult<()> {
    let stream = match stream {
        "stdout" => "stdout",
        "stderr" => "stderr",
        other => {
            return Err(PyValueError::new_err(format!(
                "no stream is called {other}"
            )))
        }
    };
    session::print(stream, data);
    Ok(())
}

/// Sends an event to the host.
#[pyfunction]
fn emit(name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let given = Given::begin(value.py());
    let mut pack = PackBuf::new();
    pack.tuple(2);
    pack.str(name);
    codec::encode(value, &mut pack, &BridgeRefs, name)?;
    let header = Header {
        kind: kind::EVENT,
        ..Header::default()
    };
    session::send(&header, &pack)?;
    given.sent("");
    Ok(())
}

/// Whether an editor is connected.
#[pyfunction]
fn is_connected() -> bool {
    session::is_connected()
}

/// Makes the calling thread's running loop the conductor's own.
#[pyfunction]
fn attach_loop(event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
    host_calls::mark_loop_thread();
    thread_names::name_thread(event_loop.py());
    LoopQueue::of(event_loop).map(drop)
}

/// Ends the session from Python's side.
#[pyfunction]
fn shut_down() {
    session::close();
    recorder::close();
}

/// Leaves the session to the process that this one was forked from.
#[pyfunction]
fn forget_in_fork() {
    session::forget_in_fork();
}

/// Nanoseconds for begin and end of one span, the mean of `count`.
#[pyfunction]
fn bench_spans(count: u32) -> f64 {
    recorder::bench_spans(count)
}

/// Nanoseconds for the two looks at the clock in a span, the mean of `count`.
#[pyfunction]
fn bench_clock(count: u32) -> f64 {
    recorder::bench_clock(count)
}

/// Sizes and offsets of the C table's structures.
#[pyfunction]
fn table_layout() -> Vec<usize> {
    crate::table::layout()
}
