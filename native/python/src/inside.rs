//! A component's future while it runs: its span, what surrounds its caller, and what it has started elsewhere.
//!
//! Threads: any; polled without the GIL, made with it. Must not know the table.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pyo3::prelude::*;
use symphony_abi::{RawFuture, SpanId};
use symphony_core::recorder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::{TaskTracker, TaskTrackerToken};

use crate::aio::Ask;
use crate::context::Surroundings;
use crate::sessions;

thread_local! {
    /// What the future that this thread polls has started.
    static STARTED: RefCell<Option<TaskTracker>> = const { RefCell::new(None) };
    /// What surrounds the code that called the operation which this thread works for.
    static CALLER: RefCell<Option<Surroundings>> = const { RefCell::new(None) };
}

/// Marks something as under way for the future that this thread polls, until it is dropped.
pub fn started() -> Option<TaskTrackerToken> {
    STARTED.with_borrow(|started| started.as_ref().map(TaskTracker::token))
}

/// What surrounds the code that called the operation; None on threads of the component's own.
pub fn caller() -> Option<Surroundings> {
    CALLER.with_borrow(Clone::clone)
}

/// This thread works for the code that `caller` surrounds until the guard drops.
pub fn enter(caller: Option<Surroundings>) -> Entered {
    Entered(CALLER.replace(caller))
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
        caller: Surroundings::here(py)?,
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

/// Gives the thread back to the code that it worked for before.
pub struct Entered(Option<Surroundings>);

impl Drop for Entered {
    fn drop(&mut self) {
        CALLER.replace(self.0.take());
    }
}

struct Inside {
    future: RawFuture,
    span: SpanId,
    caller: Surroundings,
    started: TaskTracker,
}

impl Future for Inside {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _session = sessions::enter(self.caller.session);
        let _caller = enter(Some(self.caller.clone()));
        let _span = recorder::enter(self.span);
        let before = STARTED.replace(Some(self.started.clone()));
        let polled = Pin::new(&mut self.future).poll(context);
        STARTED.replace(before);
        polled
    }
}
