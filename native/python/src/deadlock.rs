//! Finds waits that can never end: JavaScript waits for Python, and Python for JavaScript.
//!
//! Threads: the control thread looks, with the GIL, and only while somebody waits for JavaScript. Our
//! own waits on the JavaScript thread answer meanwhile; what is looked for are foreign ones (a lock, a
//! join, a socket). What the threads are doing, and the words, are `symphony_bridge._deadlock`'s.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::errors;
use crate::host_calls::{self, Waiter};
use crate::js::{self, JsThread};
use crate::session;

/// How often the control thread looks while somebody waits.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// No wait is questioned before it has lasted this long.
const PATIENCE: Duration = Duration::from_millis(500);
/// A thread that has computed less than this since the last look has stood still.
const STILL: Duration = Duration::from_millis(2);
/// JavaScript that was broken and has not moved after this long cannot be broken: the others are.
const SECOND_VICTIM: Duration = Duration::from_secs(3);
/// A promise that was asked for while JavaScript waits is given up after this long.
const PROMISES: Duration = Duration::from_secs(3);

/// What the control thread remembers between its looks.
#[derive(Default)]
pub struct Watch {
    stills: HashMap<u32, Still>,
}

/// The JavaScript thread stands in Python, at one place.
struct Still {
    step: u64,
    computed: Duration,
    since: Instant,
    broken: Option<Instant>,
}

impl Watch {
    /// When to look next.
    pub fn next_look(&self) -> Instant {
        let far = Duration::from_secs(3600);
        let awaited = host_calls::is_awaited() && !js::all().is_empty();
        Instant::now() + if awaited { LOOK_EVERY } else { far }
    }

    /// Breaks the deadlocks there are.
    pub fn look(&mut self, py: Python<'_>) {
        if !host_calls::is_awaited() {
            return self.stills.clear();
        }
        let threads = js::all();
        self.stills
            .retain(|session, _| threads.iter().any(|thread| thread.session() == *session));
        for thread in threads {
            self.look_at(py, thread);
        }
    }

    fn look_at(&mut self, py: Python<'_>, thread: &JsThread) {
        let session = thread.session();
        let waiters = host_calls::waiters(session);
        let standing = thread.is_in_python() && !thread.is_pumping();
        let Some(first) = waiters.first().filter(|_| standing) else {
            self.stills.remove(&session);
            return;
        };
        let (step, computed, now) = (thread.step(), thread.computed(), Instant::now());
        let still = match self.stills.remove(&session) {
            Some(still)
                if still.step == step && computed.saturating_sub(still.computed) < STILL =>
            {
                still
            }
            _ => Still {
                step,
                computed,
                since: now,
                broken: None,
            },
        };
        let still = self.stills.entry(session).or_insert(still);
        let patient = now - still.since < PATIENCE || now - first.since < PATIENCE;
        match still.broken {
            Some(broken) if now - broken > SECOND_VICTIM => {
                break_waiters(py, thread, &waiters);
                self.stills.remove(&session);
            }
            Some(_) => {}
            None if patient => {}
            None => {
                if break_javascript(py, thread, now - still.since, &waiters) {
                    // From here on: asking takes the time that others let it have.
                    still.broken = Some(Instant::now());
                }
            }
        }
    }
}

/// Steps of the JavaScript thread over the border; 0 on another thread. An interruption is meant for
/// one step only.
#[pyfunction]
pub fn js_step() -> u64 {
    js::current().map_or(0, JsThread::step)
}

/// Refuses a wait on the JavaScript thread during which Python asked for a promise: nothing settles
/// promises meanwhile.
pub fn refuse_promises(py: Python<'_>, began: Instant) -> PyResult<()> {
    let waiters = host_calls::waiters(session::number());
    let stuck = waiters
        .iter()
        .find(|waiter| waiter.since >= began && waiter.since.elapsed() > PROMISES);
    match stuck {
        Some(waiter) => Err(errors::deadlock(
            py,
            &format!(
                "JavaScript waits for Python, and Python for the promise of {}(), which cannot \
                 settle meanwhile",
                waiter.name
            ),
            "Call the Python function asynchronously (without callSync).",
        )),
        None => Ok(()),
    }
}

/// Whether the threads were found in a deadlock, and JavaScript's is being interrupted.
fn break_javascript(
    py: Python<'_>,
    thread: &JsThread,
    standing: Duration,
    waiters: &[Waiter],
) -> bool {
    let look = (
        thread.ident(),
        thread.native_id(),
        thread.step(),
        standing.as_secs_f64(),
        told(waiters),
        libc::SYS_futex,
    );
    ask(py, "look", look).is_some_and(|found| found.is_truthy().unwrap_or(false))
}

fn break_waiters(py: Python<'_>, thread: &JsThread, waiters: &[Waiter]) {
    for waiter in waiters {
        let facts = (thread.ident(), (waiter.ident, waiter.name.as_str()));
        if let Some(error) = ask(py, "error_for_waiter", facts) {
            host_calls::break_wait(waiter.id, error.unbind());
        }
    }
}

fn told(waiters: &[Waiter]) -> Vec<(u64, String)> {
    waiters
        .iter()
        .map(|waiter| (waiter.ident, waiter.name.clone()))
        .collect()
}

fn ask<'py>(
    py: Python<'py>,
    function: &str,
    arguments: impl for<'a> pyo3::call::PyCallArgs<'py>,
) -> Option<Bound<'py, PyAny>> {
    let answer = py
        .import("symphony_bridge._deadlock")
        .and_then(|module| module.getattr(function))
        .and_then(|function| function.call1(arguments));
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            error.write_unraisable(py, None);
            None
        }
    }
}
