//! A run as Python holds it: state, result, cancellation, and its events as an iterator.

use std::ffi::CString;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use pyo3::exceptions::{PyStopAsyncIteration, PyUserWarning};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use symphony_core::handles;
use symphony_core::recorder::{self, Lang};
use symphony_pit::dag as core;
use symphony_pit::{Opaque, PitError};

use super::convert::id_to_py;
use super::operation::{operation, Awaitable, Operation};
use super::{records, values};
use crate::{aio, host_calls, site, waits};

static RESULT: Operation = operation!("dag", "result");
static CANCEL: Operation = operation!("dag", "cancel");
static STATUS: Operation = operation!("dag", "status");

/// The span of a run: its steps hang under it. It ends when dropped.
pub struct RunSpan(u64);

impl RunSpan {
    /// Begins below the operation that starts the run.
    pub fn begin(py: Python<'_>, workflow: &str) -> RunSpan {
        if !recorder::is_open() {
            return RunSpan(0);
        }
        let title = format!("run {workflow}");
        let name = recorder::intern(title.trim_end(), &site::text(py), "");
        RunSpan(recorder::begin_child(recorder::current(), name, Lang::Rust))
    }

    pub fn id(&self) -> u64 {
        self.0
    }
}

impl Drop for RunSpan {
    fn drop(&mut self) {
        recorder::end(self.0);
    }
}

/// Tells what is odd, but not wrong, with a new workflow; an error when a filter makes errors of warnings.
pub fn warn(py: Python<'_>, workflow: &core::Workflow) -> PyResult<()> {
    let problems = &workflow.plan.warnings;
    let told: Vec<&str> = problems
        .iter()
        .take(5)
        .map(|problem| problem.message.as_str())
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    let more = if problems.len() > told.len() {
        format!("; and {} more", problems.len() - told.len())
    } else {
        String::new()
    };
    let name = &workflow.definition.name;
    let text = format!("workflow '{name}': {}{more}", told.join("; "));
    let text = CString::new(text).unwrap_or_default();
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 1)
}

/// Gives a started run to Python. Its handle and its span end with the run.
pub fn open(py: Python<'_>, run: Arc<core::Run>, site: &str, span: RunSpan) -> PyResult<Py<Run>> {
    let handle = handles::open("run", run.workflow_name(), site, span.id(), false);
    let watched = run.clone();
    aio::runtime().spawn(async move {
        watched.ended().await;
        if watched.state() != core::RunState::Completed {
            recorder::error(span.id(), watched.state().name());
        }
        drop(span);
        handles::close(handle);
    });
    Py::new(py, Run { run })
}

#[pyclass(frozen, module = "symphony_bridge.pit")]
pub struct Run {
    run: Arc<core::Run>,
}

#[pymethods]
impl Run {
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        id_to_py(py, self.run.id)
    }

    #[getter]
    fn name(&self) -> &str {
        self.run.workflow_name()
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.run.state().name()
    }

    fn status(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        STATUS.run(py, |_| records::run_status(py, self.run.status()))
    }

    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let run = self.run.clone();
        RESULT.wait(py, |_| Ok(async move { run.result().await }), results_to_py)
    }

    fn result_async<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        let run = self.run.clone();
        RESULT.spawn(py, |_| Ok(async move { run.result().await }), results_to_py)
    }

    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        CANCEL.wait(py, |_| Ok(cancel(self.run.clone())), |_, ()| Ok(()))
    }

    fn cancel_async<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        CANCEL.spawn(py, |_| Ok(cancel(self.run.clone())), |py, ()| Ok(py.None()))
    }

    fn events(&self) -> RunEvents {
        RunEvents {
            run: self.run.clone(),
            next: Arc::default(),
        }
    }

    fn __aiter__(&self) -> RunEvents {
        self.events()
    }

    fn __iter__(&self) -> RunEvents {
        self.events()
    }

    fn __repr__(&self) -> String {
        format!("<run of '{}', {}>", self.name(), self.state())
    }
}

/// The events of a run from its first, for `for` and `async for`. Every iterator sees all of them.
#[pyclass(frozen, module = "symphony_bridge.pit")]
pub struct RunEvents {
    run: Arc<core::Run>,
    next: Arc<AtomicUsize>,
}

#[pymethods]
impl RunEvents {
    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (run, next) = (self.run.clone(), self.next.clone());
        let waiting = async move { run.event(next.load(Ordering::Relaxed)).await };
        let next = self.next.clone();
        aio::spawn_with(py, waiting, move |py, event| {
            let event = event.ok_or_else(|| PyStopAsyncIteration::new_err(()))?;
            // Advanced only when the event is given: a cancelled wait loses none.
            next.store(event.seq + 1, Ordering::Relaxed);
            records::event(py, event)
        })
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        host_calls::refuse_deadlock(py, "events")?;
        let event = waits::block_on(py, self.run.event(self.next.load(Ordering::Relaxed)))?;
        let Some(event) = event else { return Ok(None) };
        self.next.store(event.seq + 1, Ordering::Relaxed);
        records::event(py, event).map(Some)
    }
}

async fn cancel(run: Arc<core::Run>) -> Result<(), PitError> {
    run.cancel();
    run.ended().await;
    Ok(())
}

fn results_to_py(py: Python<'_>, results: Vec<(String, Opaque)>) -> PyResult<Py<PyAny>> {
    let dict = PyDict::new(py);
    for (name, value) in &results {
        dict.set_item(name, values::from_opaque(py, value)?)?;
    }
    Ok(dict.into_any().unbind())
}
