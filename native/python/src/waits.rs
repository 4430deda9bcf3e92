//! Blocking waits of Python threads for Rust, without the GIL, that can be broken.
//!
//! Threads: called on Python threads; the future is polled there. Must not know the Pit or the session.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use tokio_util::sync::CancellationToken;

use crate::aio::runtime;
use crate::deadlock;
use crate::job::{self, JobControl};
use crate::js::{self, JsThread};

/// How often a blocked Python thread looks for signals (Ctrl+C) while it waits for Rust.
const SIGNAL_POLL: Duration = Duration::from_millis(100);

/// Blocks this Python thread on `future` without holding the GIL.
///
/// Returns early with `KeyboardInterrupt` when the current job is cancelled or a signal handler
/// raises; the future is then dropped. On the JavaScript thread, what comes for JavaScript is
/// delivered meanwhile: the future may need it.
pub fn block_on<F>(py: Python<'_>, future: F) -> PyResult<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    match wait(py, future, None::<fn()>)? {
        Waited::Ready(output) => Ok(output),
        Waited::Cancelled(error, _) => Err(error),
    }
}

/// [`block_on`] for work that is not over when its future is dropped: a cancelled job calls `ask`, and
/// goes on waiting. Only a signal handler that raises ends the wait before the work.
pub fn block_on_asking<F>(
    py: Python<'_>,
    future: F,
    ask: impl FnOnce(),
) -> PyResult<Waited<F::Output>>
where
    F: Future + Send,
    F::Output: Send,
{
    wait(py, future, Some(ask))
}

/// How a wait ended.
pub enum Waited<T> {
    Ready(T),
    /// The job was cancelled: what to raise, and what the work gave all the same.
    Cancelled(PyErr, Option<T>),
}

fn wait<F>(py: Python<'_>, future: F, mut ask: Option<impl FnOnce()>) -> PyResult<Waited<F::Output>>
where
    F: Future + Send,
    F::Output: Send,
{
    let job = job::current();
    let cancelled = job
        .as_ref()
        .map_or_else(CancellationToken::new, |job| job.token().clone());
    // While it waits here, the token reaches it: what it then does to clean up need not be
    // interrupted at once.
    let hears = Hears(job.as_deref());
    let mut future = pin!(future);
    let pumping = Pumping::begin();
    let began = Instant::now();
    let mut ending = false;
    loop {
        hears.told(true);
        let turn = py.detach(|| {
            pumping.deliver();
            runtime().block_on(async {
                tokio::select! {
                    output = &mut future => Turn::Ready(output),
                    () = cancelled.cancelled(), if !ending => Turn::Cancelled,
                    () = pumping.rung() => Turn::Rung,
                    () = tokio::time::sleep(SIGNAL_POLL) => Turn::Poll,
                }
            })
        });
        hears.told(ending || matches!(turn, Turn::Cancelled));
        match turn {
            Turn::Ready(output) if ending => {
                return Ok(Waited::Cancelled(interrupted(py, &job), Some(output)))
            }
            Turn::Ready(output) => return Ok(Waited::Ready(output)),
            Turn::Cancelled => match ask.take() {
                Some(ask) => {
                    ending = true;
                    hears.ending(true);
                    ask();
                }
                None => return Ok(Waited::Cancelled(interrupted(py, &job), None)),
            },
            Turn::Rung => {}
            Turn::Poll => py.check_signals()?,
        }
        if pumping.0.is_some() {
            deadlock::refuse_promises(py, began)?;
        }
    }
}

fn interrupted(py: Python<'_>, job: &Option<Arc<JobControl>>) -> PyErr {
    let reason = job.as_ref().and_then(|job| job.reason(py));
    PyKeyboardInterrupt::new_err(reason.unwrap_or_else(|| "the call was cancelled".to_owned()))
}

/// A job that hears of its cancellation by the wait it is in.
struct Hears<'a>(Option<&'a JobControl>);

impl Hears<'_> {
    fn told(&self, told: bool) {
        if let Some(job) = self.0 {
            job.set_told(told);
        }
    }

    /// It waits for another side to clean up: that takes as long as it takes.
    fn ending(&self, ending: bool) {
        if let Some(job) = self.0 {
            job.set_ending(ending);
        }
    }
}

impl Drop for Hears<'_> {
    fn drop(&mut self) {
        self.ending(false);
    }
}

enum Turn<T> {
    Ready(T),
    Cancelled,
    /// Something came for JavaScript.
    Rung,
    Poll,
}

/// A wait that holds the JavaScript thread; on other threads it does nothing.
struct Pumping(Option<&'static JsThread>);

impl Pumping {
    fn begin() -> Self {
        let thread = js::current();
        if let Some(thread) = thread {
            thread.set_pumping(true);
        }
        Self(thread)
    }

    fn deliver(&self) {
        if let Some(thread) = self.0 {
            thread.pump();
            // What was delivered may have waited itself, and marked its end.
            thread.set_pumping(true);
        }
    }

    async fn rung(&self) {
        match self.0 {
            Some(thread) => thread.rung().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Pumping {
    fn drop(&mut self) {
        if let Some(thread) = self.0 {
            thread.set_pumping(false);
        }
    }
}
