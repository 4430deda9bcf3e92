//! The control thread: does under the GIL what threads without it ask for.
//!
//! Threads: requests come from anywhere and never block; one Python thread, `conductor-control`,
//! serves them. It starts workers, interrupts jobs, and reports a job that cannot be interrupted.
//! It shares the GIL with the job it interrupts, so a busy loop is reached within a switch interval.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::c_ulong;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::PyTypeInfo;
use symphony_core::recorder;

use crate::deadlock::Watch;
use crate::dispatch;
use crate::errors;
use crate::host_calls;
use crate::job::{lock, JobControl, Place};
use crate::loop_queue::LoopQueue;
use crate::objects;
use crate::room::Room;
use crate::session::{self, OwnedFrame};
use crate::sessions::{self, Session};

/// An interruption is repeated at this interval, because code may swallow it; what it does to clean up
/// has this long.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(250);
/// A job that is still on its thread this long after its cancellation is given up.
const ABANDON_AFTER: Duration = Duration::from_millis(900);
/// With all resident workers busy, another is started when no job was taken for this long.
const STALL_CHECK: Duration = Duration::from_millis(10);
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// A cancelled task that lets its loop run is looked after at most this seldom.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A cancelled task that is still there after this time ignores its cancellation, or takes long to clean up.
const REPORT_AFTER: Duration = Duration::from_secs(1);

/// What the control thread is asked to do.
pub enum Request {
    /// A job found no free worker.
    StartWorker,
    /// A cancelled job has to be interrupted where it is.
    Interrupt(Arc<JobControl>),
    /// Objects that JavaScript has released.
    Release(OwnedFrame),
    /// An answer from the session that comes too late for who has asked: what it refers to is given back.
    Dismiss(OwnedFrame, Option<&'static Session>),
    /// A PING of the session's that asks for the interpreter, which this thread has when it answers.
    Pong(u32, Option<&'static Session>),
    /// A session has ended: nobody holds what was sent in it.
    ForgetSession(u32),
    /// A thread that never takes the GIL needs `bytes` of a length, to fill.
    MakeRoom(usize, SyncSender<Room>),
}

struct Pending {
    cancelled_at: Instant,
    again_at: Instant,
    control: Arc<JobControl>,
    /// What the event loop of the job's task was asked last.
    asked: Option<Asked>,
}

/// Something posted to an event loop: first the cancellation of the task, then only to see whether the loop runs.
struct Asked {
    done: Arc<AtomicBool>,
    since: Instant,
    /// How long to wait until the next question: a task may take its time to clean up.
    pause: Duration,
}

static REQUESTS: Mutex<VecDeque<Request>> = Mutex::new(VecDeque::new());
static ARRIVED: Condvar = Condvar::new();
static STARTED: AtomicBool = AtomicBool::new(false);
thread_local! {
    static IS_CONTROL: Cell<bool> = const { Cell::new(false) };
}

/// Queues a request. Any thread, with or without the GIL.
pub fn request(request: Request) {
    lock(&REQUESTS).push_back(request);
    ARRIVED.notify_one();
}

/// Cancels a job: our own waits inside it end at once, the rest is interrupted under the GIL.
pub fn cancel(control: Arc<JobControl>) {
    control.cancel();
    request(Request::Interrupt(control));
}

/// [`cancel`] for a CANCEL frame, which may say why.
pub fn cancel_because(control: Arc<JobControl>, frame: OwnedFrame) {
    control.cancel_because(frame);
    request(Request::Interrupt(control));
}

/// Whether this is the control thread, which must never wait for others.
pub fn is_control_thread() -> bool {
    IS_CONTROL.get()
}

/// Starts the control thread if nothing has started it yet. Attaches to Python once.
pub fn ensure_started() {
    if STARTED.load(Ordering::Acquire) {
        return;
    }
    Python::attach(|py| {
        if let Err(error) = runtime_module(py).and_then(|module| module.call_method0("start")) {
            error.write_unraisable(py, None);
        }
    });
}

/// The conductor's own event loop; starts its thread on first use.
pub fn conductor_loop(py: Python<'_>) -> PyResult<Arc<LoopQueue>> {
    static LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let event_loop = LOOP.get_or_try_init(py, || {
        runtime_module(py)?
            .call_method0("start_loop")
            .map(Bound::unbind)
    })?;
    LoopQueue::of(event_loop.bind(py))
}

/// Makes a task of the running loop in `context`, which then carries span, session and call.
pub fn create_task<'py>(
    py: Python<'py>,
    awaitable: &Py<PyAny>,
    context: &Py<PyAny>,
    span: u64,
    session: u32,
) -> PyResult<Bound<'py, PyAny>> {
    let arguments = (awaitable, context, span, session);
    runtime_module(py)?.call_method1("create_task", arguments)
}

fn runtime_module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("symphony_bridge._runtime")
}

/// Serves requests for the life of the process.
#[pyfunction]
pub fn control_main(py: Python<'_>) {
    STARTED.store(true, Ordering::Release);
    IS_CONTROL.set(true);
    let mut interruptions: Vec<Pending> = Vec::new();
    let mut stall: Option<(Instant, Progress)> = None;
    let mut watch = Watch::default();
    let workers = dispatch::workers();
    loop {
        let until = next_wake(&interruptions, stall.as_ref()).min(watch.next_look());
        let requests = py.detach(|| wait_for_requests(until));
        for request in requests {
            match request {
                Request::StartWorker => {
                    if workers.threads() < dispatch::RESIDENT_WORKERS {
                        start_worker(py);
                    } else if stall.is_none() {
                        stall = Some((Instant::now() + STALL_CHECK, workers.progress()));
                    }
                }
                Request::Interrupt(control) => interruptions.push(Pending {
                    cancelled_at: Instant::now(),
                    again_at: Instant::now(),
                    control,
                    asked: None,
                }),
                Request::Release(frame) => release(py, &frame),
                Request::Dismiss(frame, session) => {
                    let _inside = sessions::enter(session);
                    // What cannot be unpacked refers to nothing.
                    let _ = frame.value(py);
                }
                Request::Pong(id, session) => {
                    let _inside = sessions::enter(session);
                    session::pong(id, false);
                }
                Request::ForgetSession(session) => objects::forget_session(py, session),
                Request::MakeRoom(length, to) => {
                    // Who asked goes without one where there is no memory, or when it comes too late.
                    let _ = Room::new(py, length).map(|room| to.try_send(room));
                }
            }
        }
        if let Some((check_at, before)) = stall {
            if Instant::now() >= check_at {
                let now = workers.progress();
                let (jobs_wait, _) = now;
                if jobs_wait && now == before {
                    start_worker(py);
                }
                stall = jobs_wait.then(|| (Instant::now() + STALL_CHECK, now));
                if stall.is_none() {
                    workers.forget_asked();
                }
            }
        }
        interruptions.retain_mut(|pending| still_running(py, pending));
        watch.look(py);
        recorder::flush();
        sessions::remind();
    }
}

/// Whether jobs wait, and how many were taken.
type Progress = (bool, u64);

fn next_wake(interruptions: &[Pending], stall: Option<&(Instant, Progress)>) -> Instant {
    let mut until = Instant::now() + HOUSEKEEPING;
    for pending in interruptions {
        until = until.min(pending.again_at);
    }
    stall.map_or(until, |(check_at, _)| until.min(*check_at))
}

fn wait_for_requests(until: Instant) -> VecDeque<Request> {
    let mut requests = lock(&REQUESTS);
    while requests.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        requests = ARRIVED
            .wait_timeout(requests, left)
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .0;
    }
    std::mem::take(&mut *requests)
}

fn release(py: Python<'_>, frame: &OwnedFrame) {
    match frame
        .value(py)
        .and_then(|handles| handles.extract::<Vec<i64>>())
    {
        Ok(handles) => objects::release(py, counted(&handles)),
        Err(error) => error.write_unraisable(py, None),
    }
}

/// Handles with how often each is released: a negative number says how often the one before it is once more.
fn counted(told: &[i64]) -> Vec<(u32, u32)> {
    let mut released: Vec<(u32, u32)> = Vec::with_capacity(told.len());
    for &number in told {
        if let Ok(handle) = u32::try_from(number) {
            released.push((handle, 1));
        } else if let Some((_, count)) = released.last_mut() {
            *count = count.saturating_add(u32::try_from(-number).unwrap_or(u32::MAX));
        }
    }
    released
}

fn start_worker(py: Python<'_>) {
    let started = runtime_module(py).and_then(|module| module.call_method0("start_worker"));
    if let Err(error) = started {
        error.write_unraisable(py, None);
        dispatch::workers().forget_asked();
    }
}

/// Interrupts a cancelled job once more; false when it is over or has been given up.
fn still_running(py: Python<'_>, pending: &mut Pending) -> bool {
    if Instant::now() < pending.again_at {
        return true;
    }
    pending.again_at = Instant::now() + INTERRUPT_AGAIN;
    let overdue = pending.cancelled_at.elapsed() >= ABANDON_AFTER;
    // The place is locked while the interruption is set, so that it cannot hit the next job of the
    // thread. Nothing in here may release the GIL: the job's thread takes this lock under it.
    let (control, asked) = (&pending.control, &mut pending.asked);
    let next = control.with_place(|place| match place {
        Place::Done => Next::Over,
        Place::Queued => Next::Again,
        Place::Task { task, queue, .. } => match asked {
            None => {
                let done = asked.insert(Asked::new(Duration::ZERO)).done.clone();
                let (task, job) = (task.clone_ref(py), control.clone());
                queue.post(Box::new(move |py| {
                    done.store(true, Ordering::Release);
                    job.cancel_task(task.bind(py))
                }));
                Next::Again
            }
            // Its clean-up may hold up the loop later: whoever asks again, sees it.
            Some(last) if last.done.load(Ordering::Acquire) => {
                let pause = (last.pause * 2).clamp(INTERRUPT_AGAIN, LONGEST_PAUSE);
                let done = asked.insert(Asked::new(pause)).done.clone();
                queue.post(Box::new(move |_| {
                    done.store(true, Ordering::Release);
                    Ok(())
                }));
                Next::After(pause)
            }
            Some(last) if last.since.elapsed() >= ABANDON_AFTER + last.pause => {
                Next::GiveUp(host_calls::loop_thread() as c_ulong)
            }
            Some(_) => Next::Break(task.clone_ref(py)),
        },
        Place::Thread { .. } if !overdue && (control.is_ending() || control.take_told()) => {
            Next::Again
        }
        Place::Thread { ident, main: true } => {
            // SAFETY: the job is on the thread, so the thread is alive; SIGINT has a handler.
            unsafe { libc::pthread_kill(*ident as libc::pthread_t, libc::SIGINT) };
            Next::Again
        }
        Place::Thread { ident, .. } if overdue => Next::GiveUp(*ident),
        Place::Thread { ident, .. } => {
            let exception = PyKeyboardInterrupt::type_object_raw(py).cast();
            // SAFETY: the GIL is held and the exception is a class.
            unsafe { pyo3::ffi::PyThreadState_SetAsyncExc(*ident as _, exception) };
            Next::Wake(*ident)
        }
    });
    if matches!(next, Next::After(_)) && pending.cancelled_at.elapsed() >= REPORT_AFTER {
        report_task(py, pending);
    }
    match next {
        Next::Over => return false,
        Next::Again => {}
        Next::After(pause) => pending.again_at = Instant::now() + pause,
        Next::Wake(ident) => call_runtime(py, "wake_loop", ident),
        Next::Break(task) => break_task(py, &task),
        Next::GiveUp(ident) => {
            // Its end is told, as its answer cannot be.
            pending.control.set_reported();
            let error = errors::abandoned(py, ident, pending.control.reason(py));
            pending.control.answer(py, Err(error));
            if pending.asked.is_none() {
                start_worker(py);
            }
            return false;
        }
    }
    true
}

impl Asked {
    fn new(pause: Duration) -> Self {
        Self {
            done: Arc::default(),
            since: Instant::now(),
            pause,
        }
    }
}

enum Next {
    Over,
    Again,
    After(Duration),
    /// The interruption is set; an event loop that sleeps on the thread must wake to see it.
    Wake(c_ulong),
    /// The event loop does not get to the cancellation: maybe this very task holds it up.
    Break(Py<PyAny>),
    GiveUp(c_ulong),
}

/// Interrupts the event loop's thread if the loop is in `task` now; the loop itself goes on.
fn break_task(py: Python<'_>, task: &Py<PyAny>) {
    let running = task.call_method0(py, "get_loop").and_then(|event_loop| {
        py.import("asyncio")?
            .call_method1("current_task", (event_loop,))
    });
    match running {
        Ok(running) if running.is(task) => {
            let exception = PyKeyboardInterrupt::type_object_raw(py).cast();
            // SAFETY: the GIL is held and the exception is a class.
            unsafe {
                pyo3::ffi::PyThreadState_SetAsyncExc(host_calls::loop_thread() as _, exception)
            };
        }
        Ok(_) => {}
        Err(error) => error.write_unraisable(py, None),
    }
}

/// Tells once that a cancelled task goes on, and where it is.
fn report_task(py: Python<'_>, pending: &Pending) {
    let control = &pending.control;
    let task = control.with_place(|place| match place {
        Place::Task { task, span, .. } => Some((task.clone_ref(py), *span)),
        _ => None,
    });
    let Some((task, span)) = task else { return };
    if !control.set_reported() {
        return;
    }
    let seconds = pending.cancelled_at.elapsed().as_secs_f64();
    recorder::error(span, "goes on after its cancellation");
    let _inside = sessions::enter(control.session);
    let told = runtime_module(py)
        .and_then(|module| module.call_method1("report_task", (control.call, task, seconds)));
    if let Err(error) = told {
        error.write_unraisable(py, None);
    }
}

/// Tells that a job is over which was told of as one that goes on.
pub fn report_end(py: Python<'_>, control: &JobControl) {
    let _inside = sessions::enter(control.session);
    let told =
        runtime_module(py).and_then(|module| module.call_method1("report_end", (control.call,)));
    if let Err(error) = told {
        error.write_unraisable(py, None);
    }
}

fn call_runtime(py: Python<'_>, function: &str, ident: c_ulong) {
    let outcome = runtime_module(py).and_then(|module| module.call_method1(function, (ident,)));
    if let Err(error) = outcome {
        error.write_unraisable(py, None);
    }
}
