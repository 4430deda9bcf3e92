//! The door of a component's operations: each is a span, its errors and panics become exceptions.
//!
//! Four ways in, named as in the Pit: `run` (short, with the GIL), `detach` (blocks, without the GIL),
//! `wait` (blocks on a future) and `spawn` (an awaitable). Threads: all begin on a Python thread.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock};

use pyo3::prelude::*;
use pyo3::types::IntoPyDict;
use pyo3::IntoPyObjectExt;
use symphony_abi::panics::{self, Panic};
use symphony_abi::{Callback, RawFuture, RawOperation, SpanId, Table, Text};

use crate::error::{self, Error, Result};
use crate::host::{self, lock};

/// A public operation of a component; made by [`operation!`](crate::operation).
pub struct Operation {
    component: &'static str,
    name: &'static str,
    file: &'static str,
    line: u32,
    /// Folder of the crate's manifest.
    manifest: &'static str,
    known: OnceLock<Known>,
}

/// A part of an operation in the trace.
#[must_use = "the span ends when this is dropped"]
pub struct Span {
    id: SpanId,
    thread_bound: PhantomData<*const ()>,
}

impl Drop for Span {
    fn drop(&mut self) {
        (host::table().end)(self.id);
    }
}

/// What the trace says of an operation.
struct Known {
    title: String,
    site: String,
}

/// The operation of that name of this crate, written here: `operation!("index").spawn(py, future)`.
#[macro_export]
macro_rules! operation {
    ($name:literal) => {{
        static OPERATION: $crate::Operation = $crate::Operation::new(
            env!("CARGO_CRATE_NAME"),
            $name,
            file!(),
            line!(),
            env!("CARGO_MANIFEST_DIR"),
        );
        &OPERATION
    }};
}

impl Operation {
    #[doc(hidden)]
    pub const fn new(
        component: &'static str,
        name: &'static str,
        file: &'static str,
        line: u32,
        manifest: &'static str,
    ) -> Self {
        Self {
            component,
            name,
            file,
            line,
            manifest,
            known: OnceLock::new(),
        }
    }

    /// Runs `body` with the GIL: for what is short, or works on Python objects.
    ///
    /// # Errors
    /// `ComponentError` for an error of `body`, `NativePanic` for a panic.
    pub fn run<'py, T>(
        &'static self,
        py: Python<'py>,
        body: impl FnOnce(Python<'py>) -> Result<T>,
    ) -> PyResult<T> {
        let span = self.begin(py)?;
        let outcome = {
            let _current = span.enter();
            panics::caught(|| body(py))
        };
        self.outcome(py, &span, outcome)
    }

    /// Runs `body` on this thread without the GIL: for what blocks or computes.
    ///
    /// # Errors
    /// As [`Operation::run`].
    pub fn detach<T: Send>(
        &'static self,
        py: Python<'_>,
        body: impl FnOnce() -> Result<T> + Send,
    ) -> PyResult<T> {
        let span = self.begin(py)?;
        let id = span.id;
        let outcome = py.detach(|| {
            let _current = enter(id);
            // Caught inside: a panic must not cross the place where the GIL comes back.
            panics::caught(body)
        });
        self.outcome(py, &span, outcome)
    }

    /// Waits for `future` without the GIL. Ctrl+C and the cancellation of the call drop it.
    ///
    /// # Errors
    /// As [`Operation::run`]; `DeadlockError` on the conductor's event loop, which must not wait.
    pub fn wait<T, F>(&'static self, py: Python<'_>, future: F) -> PyResult<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let span = self.begin(py)?;
        let (future, outcome) = with_outcome(future);
        let (table, id) = (span.table, span.id);
        // SAFETY: the GIL is held, and the operation is static.
        let wait = || unsafe { (table.wait)(future, self.raw(), id) };
        let broken = host::lending_gil(py, wait) != 0;
        if broken {
            let error = PyErr::fetch(py);
            span.fail(&error.to_string());
            return Err(error);
        }
        let outcome = lock(&outcome).take();
        self.outcome(py, &span, outcome.unwrap_or_else(lost))
    }

    /// Runs `future` on the bridge's Tokio; the result is an awaitable of the running asyncio loop.
    /// Cancelling the awaitable drops the future.
    ///
    /// # Errors
    /// `RuntimeError` without a running loop. Errors of the future are raised where it is awaited.
    pub fn spawn<'py, T, F>(
        &'static self,
        py: Python<'py>,
        future: F,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: for<'a> IntoPyObject<'a> + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let span = self.begin(py)?;
        let (table, id) = (span.table, span.id);
        let (future, outcome) = with_outcome(future);
        let settle = Callback::new(move |_| {
            Python::attach(|py| {
                let Some(outcome) = lock(&outcome).take() else {
                    // Cancelled: nobody sees this.
                    return host::give(py, Ok(py.None()));
                };
                let converted =
                    panics::caught(|| self.outcome(py, &span, outcome)?.into_py_any(py));
                let answer = converted.unwrap_or_else(|panic| Err(self.panicked(py, &panic)));
                host::give(
                    py,
                    answer.inspect_err(|error| span.fail(&error.to_string())),
                )
            })
        });
        // SAFETY: the GIL is held. The future may be polled at once, without the GIL.
        let spawn = || unsafe { (table.spawn)(future, id, settle) as usize };
        let awaitable = host::lending_gil(py, spawn) as *mut pyo3::ffi::PyObject;
        // SAFETY: it is a reference of ours, or null with an exception.
        unsafe { Bound::from_owned_ptr_or_err(py, awaitable) }
    }

    /// Begins a span for a part of an operation, on this thread; it ends when dropped, before any `await`.
    pub fn span(&'static self) -> Span {
        // SAFETY: the operation is static.
        let id = unsafe { (host::table().begin_scope)(self.raw()) };
        Span {
            id,
            thread_bound: PhantomData,
        }
    }

    fn begin(&'static self, py: Python<'_>) -> PyResult<OpenSpan> {
        host::set_crate(self.manifest);
        let table = host::find(py)?;
        // SAFETY: the GIL is held, and the operation is static.
        let id = unsafe { (table.begin)(self.raw()) };
        Ok(OpenSpan { table, id })
    }

    fn raw(&'static self) -> RawOperation {
        let known = self.known.get_or_init(|| Known {
            title: format!("{}.{}", self.component, self.name),
            site: host::place(self.file, self.line),
        });
        RawOperation {
            key: std::ptr::from_ref(self) as usize,
            title: Text::of(&known.title),
            site: Text::of(&known.site),
        }
    }

    fn outcome<T>(
        &self,
        py: Python<'_>,
        span: &OpenSpan,
        outcome: std::result::Result<Result<T>, Panic>,
    ) -> PyResult<T> {
        let raised = match outcome {
            Ok(Ok(value)) => return Ok(value),
            // Its causes find their words in code of the component's, which may panic.
            Ok(Err(error)) => panics::caught(|| error::raise(py, error, self.component, self.name))
                .unwrap_or_else(|panic| self.panicked(py, &panic)),
            Err(panic) => self.panicked(py, &panic),
        };
        span.fail(&raised.to_string());
        Err(raised)
    }

    fn panicked(&self, py: Python<'_>, panic: &Panic) -> PyErr {
        let message = format!(
            "{}.{} panicked: {}",
            self.component, self.name, panic.message
        );
        let raised = error::panicked(py, &message, panic);
        let named = || {
            let error = raised.value(py);
            error.setattr("component", self.component)?;
            error.setattr("operation", self.name)?;
            error.setattr("details", [("panic", &panic.message)].into_py_dict(py)?)
        };
        // An error that cannot name its operation is still the right error.
        let _ = named();
        raised
    }
}

type Outcome<T> = std::result::Result<Result<T>, Panic>;

/// The future for the other side, and where its output will be.
fn with_outcome<T, F>(future: F) -> (RawFuture, Arc<Mutex<Option<Outcome<T>>>>)
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let outcome = Arc::new(Mutex::new(None));
    let place = outcome.clone();
    let future = RawFuture::new(async move {
        let output = panics::catching(future).await;
        *lock(&place) = Some(output);
    });
    (future, outcome)
}

fn lost<T>() -> Outcome<T> {
    Ok(Err(Error::new("the operation ended without a result")))
}

/// A span that ends when dropped, on any thread.
struct OpenSpan {
    table: &'static Table,
    id: SpanId,
}

impl OpenSpan {
    fn enter(&self) -> Entered {
        enter(self.id)
    }

    fn fail(&self, message: &str) {
        let line = message.lines().next().unwrap_or_default();
        // SAFETY: the text lives as long as the call.
        unsafe { (self.table.fail)(self.id, Text::of(line)) };
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        (self.table.end)(self.id);
    }
}

struct Entered(SpanId);

fn enter(span: SpanId) -> Entered {
    (host::table().enter)(span);
    Entered(span)
}

impl Drop for Entered {
    fn drop(&mut self) {
        (host::table().leave)(self.0);
    }
}
