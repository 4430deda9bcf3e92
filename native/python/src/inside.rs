//! A component's future while it runs: its span, its session, and what it has started elsewhere.
//!
//! Threads: any; polled without the GIL. Must not know the table.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use symphony_abi::{RawFuture, SpanId};
use symphony_core::recorder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::{TaskTracker, TaskTrackerToken};

use crate::aio::Ask;
use crate::sessions::{self, Session};

thread_local! {
    /// What the future that this thread polls has started.
    static STARTED: RefCell<Option<TaskTracker>> = const { RefCell::new(None) };
}

/// Marks something as under way for the future that this thread polls, until it is dropped.
pub fn started() -> Option<TaskTrackerToken> {
    STARTED.with_borrow(|started| started.as_ref().map(TaskTracker::token))
}

/// The future as the bridge runs it. The second drops it before its end; the first then resolves when
/// what it has started is over, too: calls of Python that clean up, and blocking work.
pub fn ending(future: RawFuture, span: SpanId) -> (impl Future<Output = ()> + Send, Ask) {
    let stop = CancellationToken::new();
    let ask = stop.clone();
    let started = TaskTracker::new();
    let inside = Inside {
        future,
        span,
        session: sessions::current(),
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
    (running, Box::new(move || ask.cancel()))
}

struct Inside {
    future: RawFuture,
    span: SpanId,
    session: Option<&'static Session>,
    started: TaskTracker,
}

impl Future for Inside {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _session = sessions::enter(self.session);
        let _span = recorder::enter(self.span);
        let before = STARTED.replace(Some(self.started.clone()));
        let polled = Pin::new(&mut self.future).poll(context);
        STARTED.replace(before);
        polled
    }
}
