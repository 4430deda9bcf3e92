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
        let threads: Vec<_> = js::all()
            .into_iter()
            .map(|thread| (thread, host_calls::waiters(thread.session())))
            .collect();
        self.stills.retain(|session, _| {
            threads
                .iter()
                .any(|(thread, _)| thread.session() == *session)
        });
        // All of them before the first is judged: they may wait for each other.
        for (thread, waiters) in &threads {
            self.note(thread, waiters);
        }
        let others = self.others(&threads);
        for (thread, waiters) in &threads {
            self.judge(py, thread, waiters, &others);
        }
    }

    /// Remembers since when the thread has stood in Python while somebody waits for it.
    fn note(&mut self, thread: &JsThread, waiters: &[Waiter]) {
        let session = thread.session();
        if waiters.is_empty() || !thread.is_in_python() || thread.is_pumping() {
            self.stills.remove(&session);
            return;
        }
        let (step, computed) = (thread.step(), thread.computed());
        let stands = self.stills.get(&session).is_some_and(|still| {
            still.step == step && computed.saturating_sub(still.computed) < STILL
        });
        if !stands {
            let still = Still {
                step,
                computed,
                since: Instant::now(),
                broken: None,
            };
            self.stills.insert(session, still);
        }
    }

    fn others(&self, threads: &[(&JsThread, Vec<Waiter>)]) -> Others {
        let mut others = Others::default();
        for (thread, waiters) in threads {
            others.native_ids.insert(thread.ident(), thread.native_id());
            let stands = self
                .stills
                .get(&thread.session())
                .is_some_and(Still::is_long);
            for waiter in waiters {
                let all = others.waiting.entry(waiter.ident).or_insert(true);
                *all &= stands;
            }
        }
        others
    }

    fn judge(&mut self, py: Python<'_>, thread: &JsThread, waiters: &[Waiter], others: &Others) {
        let session = thread.session();
        let still = self.stills.get_mut(&session);
        // What came of the one judged before may have freed this one.
        let still = still.filter(|still| still.step == thread.step());
        let (Some(first), Some(still)) = (waiters.first(), still) else {
            return;
        };
        match still.broken {
            Some(broken) if broken.elapsed() > SECOND_VICTIM => {
                break_waiters(py, thread, waiters);
                self.stills.remove(&session);
            }
            Some(_) => {}
            None if !still.is_long() || first.since.elapsed() < PATIENCE => {}
            None => {
                if break_javascript(py, thread, still, waiters, others) {
                    // From here on: asking takes the time that others let it have.
                    still.broken = Some(Instant::now());
                }
            }
        }
    }
}

impl Still {
    fn is_long(&self) -> bool {
        self.since.elapsed() >= PATIENCE
    }
}

/// What Python cannot find out about the threads beside one that runs JavaScript.
#[derive(Default)]
struct Others {
    /// Those that wait for JavaScript, and whether all that they wait for stands still.
    waiting: HashMap<u64, bool>,
    /// The kernel's numbers of those that run JavaScript: `threading` need not know them.
    native_ids: HashMap<u64, u64>,
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
    still: &Still,
    waiters: &[Waiter],
    others: &Others,
) -> bool {
    let look = (
        thread.ident(),
        still.step,
        still.since.elapsed().as_secs_f64(),
        told(waiters),
        &others.waiting,
        &others.native_ids,
        libc::SYS_futex,
    );
    ask(py, "look", look).is_some_and(|found| found.is_truthy().unwrap_or(false))
}

fn break_waiters(py: Python<'_>, thread: &JsThread, waiters: &[Waiter]) {
    for waiter in waiters {
        let facts = (thread.ident(), (waiter.ident, &*waiter.name));
        if let Some(error) = ask(py, "error_for_waiter", facts) {
            host_calls::break_wait(waiter.id, error.unbind());
        }
    }
}

fn told(waiters: &[Waiter]) -> Vec<(u64, &str)> {
    waiters
        .iter()
        .map(|waiter| (waiter.ident, &*waiter.name))
        .collect()
}

fn ask<'py>(
    py: Python<'py>,
    function: &str,
    arguments: impl pyo3::call::PyCallArgs<'py>,
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
