//! A component's future while it runs: its span, its session, its caller's context variables, and what it
//! has started elsewhere.
//!
//! Threads: any; polled without the GIL, made with it. Must not know the table.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use symphony_abi::{RawFuture, SpanId};
use symphony_core::recorder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::{TaskTracker, TaskTrackerToken};

use crate::aio::Ask;
use crate::context;
use crate::sessions::{self, Session};

/// A copy of the caller's `contextvars.Context`. Shared: where it is needed, nobody has the GIL to count references.
pub type CallerContext = Arc<Py<PyAny>>;

thread_local! {
    /// What the future that this thread polls has started.
    static STARTED: RefCell<Option<TaskTracker>> = const { RefCell::new(None) };
    /// The context of the code that called the operation which this thread works for.
    static CONTEXT: RefCell<Option<CallerContext>> = const { RefCell::new(None) };
}

/// Marks something as under way for the future that this thread polls, until it is dropped.
pub fn started() -> Option<TaskTrackerToken> {
    STARTED.with_borrow(|started| started.as_ref().map(TaskTracker::token))
}

/// The context of the code that called the operation; None on threads of the component's own.
pub fn caller_context() -> Option<CallerContext> {
    CONTEXT.with_borrow(Clone::clone)
}

/// Makes `context` the one that this thread works in until the guard drops.
pub fn enter_context(context: Option<CallerContext>) -> EnteredContext {
    EnteredContext(CONTEXT.replace(context))
}

/// Sets all that `context` has in the context of the running job: one that was made without the GIL could
/// not be given it. The span is left out, or what the job does would be shown below its caller.
pub fn adopt(py: Python<'_>, context: &CallerContext) -> PyResult<()> {
    static SPAN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let span = SPAN.import(py, "symphony_bridge._runtime", "current_span")?;
    let items = context.bind(py).call_method0(intern!(py, "items"))?;
    for item in items.try_iter()? {
        let (variable, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
        if !variable.is(span) {
            variable.call_method1(intern!(py, "set"), (value,))?;
        }
    }
    Ok(())
}

/// The future as the bridge runs it, for the code that calls. The second drops it before its end; the first
/// then resolves when what it has started is over, too: calls of Python that clean up, and blocking work.
pub fn ending(
    py: Python<'_>,
    future: RawFuture,
    span: SpanId,
) -> PyResult<(impl Future<Output = ()> + Send, Ask)> {
    let stop = CancellationToken::new();
    let ask = stop.clone();
    let started = TaskTracker::new();
    let inside = Inside {
        future,
        span,
        session: sessions::current(),
        context: Arc::new(context::copy_current(py)?),
        started: started.clone(),
    };
    let running = async move {
        tokio::select! {
            biased;
            () = inside => return,
            () = stop.cancelled() => {}
        }
        started.close();
        started.wait().await;
    };
    Ok((running, Box::new(move || ask.cancel())))
}

/// Gives the thread back the context that it worked in before.
pub struct EnteredContext(Option<CallerContext>);

impl Drop for EnteredContext {
    fn drop(&mut self) {
        CONTEXT.replace(self.0.take());
    }
}

struct Inside {
    future: RawFuture,
    span: SpanId,
    session: Option<&'static Session>,
    context: CallerContext,
    started: TaskTracker,
}

impl Future for Inside {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _session = sessions::enter(self.session);
        let _span = recorder::enter(self.span);
        let _context = enter_context(Some(self.context.clone()));
        let before = STARTED.replace(Some(self.started.clone()));
        let polled = Pin::new(&mut self.future).poll(context);
        STARTED.replace(before);
        polled
    }
}
