//! The one door of all Pit operations.
//!
//! An operation is a span named `component.operation` whose caller is the Python line. Four ways in:
//! `run` (short, attached), `detach` (blocks, without the GIL), `wait` (blocks on a future), and the
//! awaitable forms `spawn` (a future) and `offload` (a blocking call). All of them turn errors and
//! panics into exceptions and mark the span as failed.

use std::future::Future;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use symphony_abi::panics::{self, Panic};
use symphony_core::recorder::{self, Lang, NameId, SpanId};
use symphony_pit::{Op, PitError};

use super::errors::{OrRaise, Raise};
use crate::aio::{self, Ask};
use crate::site::source_path;
use crate::waits;
use crate::{errors, host_calls, site};

/// What the awaitable form of an operation gives Python.
pub type Awaitable<'py> = PyResult<Bound<'py, PyAny>>;

/// Blocking work, made of what Python gave: it needs no GIL, so `detach` and `offload` both take it.
pub trait Work<T>: FnOnce() -> Result<T, PitError> + Send + 'static {}

impl<T, W> Work<T> for W where W: FnOnce() -> Result<T, PitError> + Send + 'static {}

/// A public operation of a component; a static, because its address is its identity in the caches.
pub struct Operation {
    pub op: Op,
    file: &'static str,
    line: u32,
}

/// Declares the operation of a binding: `static STORE: Operation = operation!("artifacts", "store");`
macro_rules! operation {
    ($component:literal, $name:literal) => {
        $crate::pit::operation::Operation::new(
            symphony_pit::op($component, $name),
            file!(),
            line!(),
        )
    };
}
pub(super) use operation;

impl Operation {
    pub const fn new(op: Op, file: &'static str, line: u32) -> Operation {
        Operation { op, file, line }
    }

    /// Runs `work` attached. For what takes less than about 5 µs, or calls Python itself.
    pub fn run<T>(
        &'static self,
        py: Python<'_>,
        work: impl FnOnce(SpanId) -> PyResult<T>,
    ) -> PyResult<T> {
        let span = self.begin(py);
        let _current = recorder::enter(span.0);
        self.guarded(py, || work(span.0))
            .inspect_err(|error| span.fail(py, error))
    }

    /// Runs `work` on this thread without the GIL. `read` makes it from Python values, `convert` its answer.
    pub fn detach<'py, W: Work<T>, T: Send, R>(
        &'static self,
        py: Python<'py>,
        read: impl FnOnce() -> PyResult<W>,
        convert: impl FnOnce(Python<'py>, T) -> PyResult<R>,
    ) -> PyResult<R> {
        self.run(py, |_| {
            let work = read()?;
            // Caught inside: a panic must not cross the place where the GIL comes back.
            let outcome = py.detach(|| panics::caught(work));
            convert(py, self.outcome(py, outcome)?)
        })
    }

    /// Blocks on a future without the GIL; Ctrl+C and the cancellation of the job break it.
    /// Refused where waiting could never end.
    pub fn wait<'py, F, T, E, R>(
        &'static self,
        py: Python<'py>,
        make: impl FnOnce(SpanId) -> PyResult<F>,
        convert: impl FnOnce(Python<'py>, T) -> PyResult<R>,
    ) -> PyResult<R>
    where
        F: Future<Output = Result<T, E>> + Send,
        T: Send,
        E: Raise + Send,
    {
        self.run(py, |span| {
            let future = make(span)?;
            host_calls::refuse_deadlock(py, self.op.name)?;
            let outcome = waits::block_on(py, panics::catching(future))?;
            convert(py, self.outcome(py, outcome)?)
        })
    }

    /// The awaitable form of `wait`. Cancelling the awaitable drops the future.
    pub fn spawn<'py, F, T, E, C>(
        &'static self,
        py: Python<'py>,
        make: impl FnOnce(SpanId) -> PyResult<F>,
        convert: C,
    ) -> Awaitable<'py>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Raise + Send + 'static,
        C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        let (span, future) = self.make(py, make)?;
        let finish = self.finishing(span, convert);
        aio::spawn_with(py, panics::catching(future), finish)
    }

    /// `spawn` for work that ends by itself when it is asked to: cancelling the awaitable asks.
    pub fn spawn_asking<'py, F, T, E, C>(
        &'static self,
        py: Python<'py>,
        make: impl FnOnce(SpanId) -> PyResult<(F, Ask)>,
        convert: C,
    ) -> Awaitable<'py>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Raise + Send + 'static,
        C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        let (span, (future, ask)) = self.make(py, make)?;
        let finish = self.finishing(span, convert);
        aio::spawn_asking(py, panics::catching(future), ask, finish)
    }

    fn make<M>(
        &'static self,
        py: Python<'_>,
        make: impl FnOnce(SpanId) -> PyResult<M>,
    ) -> PyResult<(OpenSpan, M)> {
        let span = self.begin(py);
        let made = {
            let _current = recorder::enter(span.0);
            self.guarded(py, || make(span.0))
                .inspect_err(|error| span.fail(py, error))?
        };
        Ok((span, made))
    }

    /// What turns the outcome into Python's, and ends the span.
    fn finishing<T, E, C>(
        &'static self,
        span: OpenSpan,
        convert: C,
    ) -> impl FnOnce(Python<'_>, Caught<Result<T, E>>) -> PyResult<Py<PyAny>> + Send + 'static
    where
        T: Send + 'static,
        E: Raise + Send + 'static,
        C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        move |py, outcome| {
            self.guarded(py, || convert(py, self.outcome(py, outcome)?))
                .inspect_err(|error| span.fail(py, error))
        }
    }

    /// The awaitable form of `detach`: the blocking work runs on a thread of Tokio's.
    pub fn offload<'py, W, T, C>(
        &'static self,
        py: Python<'py>,
        read: impl FnOnce() -> PyResult<W>,
        convert: C,
    ) -> Awaitable<'py>
    where
        W: Work<T>,
        T: Send + 'static,
        C: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        self.spawn(py, |_| Ok(blocking(read()?)), convert)
    }

    fn outcome<T, E: Raise>(
        &'static self,
        py: Python<'_>,
        outcome: Caught<Result<T, E>>,
    ) -> PyResult<T> {
        match outcome {
            Ok(outcome) => outcome.or_raise(py),
            Err(panic) => Err(self.op.panicked(&panic).raise(py)),
        }
    }

    /// Runs what works on Python objects; a panic in it becomes an exception.
    fn guarded<T>(&self, py: Python<'_>, body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
        panics::caught(body).unwrap_or_else(|panic| Err(self.op.panicked(&panic).raise(py)))
    }

    fn begin(&'static self, py: Python<'_>) -> OpenSpan {
        if !recorder::is_open() {
            return OpenSpan(0);
        }
        let key = std::ptr::from_ref(self) as usize;
        let name = site::cached(py, key, |caller| self.intern(caller));
        OpenSpan(recorder::begin_child(parent(py), name, Lang::Rust))
    }

    #[cold]
    fn intern(&self, caller: &str) -> NameId {
        let title = format!("{}.{}", self.op.component, self.op.name);
        let callee = format!("{}:{}", source_path(self.file), self.line);
        recorder::intern(&title, caller, &callee)
    }
}

/// Blocking work as a future: it begins on a blocking thread when the future is first polled, and runs to its end even
/// when that is dropped. A panic goes on where the future is awaited.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let task = aio::runtime().spawn_blocking(|| panics::caught(work));
    let outcome = task.await.expect("Tokio ends with the process");
    outcome.unwrap_or_else(|panic| panics::resume(panic))
}

/// What a panic may have cut off.
type Caught<T> = Result<T, Panic>;

/// A span that ends when dropped, on any thread: also when the awaitable is cancelled.
struct OpenSpan(SpanId);

impl OpenSpan {
    #[cold]
    fn fail(&self, py: Python<'_>, error: &PyErr) {
        if self.0 != 0 {
            recorder::error(self.0, &errors::title(py, error));
        }
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        recorder::end(self.0);
    }
}

/// The span that causes what Python does now: of its task or `with` block, else of its thread.
pub fn parent(py: Python<'_>) -> SpanId {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let get = GET.get_or_try_init(py, || {
        py.import("symphony_bridge._runtime")?
            .getattr("current_span")?
            .getattr("get")
            .map(Bound::unbind)
    });
    let of_context = get
        .and_then(|get| get.call0(py))
        .and_then(|span| span.extract::<SpanId>(py))
        .unwrap_or(0);
    if of_context == 0 {
        recorder::current()
    } else {
        of_context
    }
}
