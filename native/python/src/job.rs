//! One piece of Python work and its life: queued, on a thread, on the event loop, done.
//!
//! Threads: a job is made anywhere; its place only changes while the GIL is held, so that the
//! control thread, which interrupts under the GIL, never hits the job that came after.
//! Must not know who asked for the job: the answer is a closure.

use std::cell::{Cell, RefCell};
use std::ffi::c_ulong;
use std::sync::atomic::{fence, AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use symphony_core::recorder::{self, NameId, SpanId};
pub(crate) use symphony_core::sync::lock;
use tokio_util::sync::CancellationToken;

use crate::context::Surroundings;
use crate::loop_queue::LoopQueue;
use crate::session::OwnedFrame;
use crate::sessions::Session;

/// What a job does first on its thread: called with the GIL, it says what to call. It can be interrupted already.
pub type Prepare = Box<dyn FnOnce(Python<'_>, &JobControl) -> PyResult<Call> + Send>;
/// Where the outcome goes; called exactly once, with the GIL.
pub type Reply = Box<dyn FnOnce(Python<'_>, PyResult<Py<PyAny>>) + Send>;

/// A prepared call of a Python callable.
pub struct Call {
    pub callable: Py<PyAny>,
    pub args: Py<PyTuple>,
    pub kwargs: Option<Py<PyDict>>,
    /// What the trace shows for the crossing; 0 when nothing is recorded.
    pub name: NameId,
}

/// A unit of Python work.
pub struct Job {
    pub control: Arc<JobControl>,
    pub prepare: Prepare,
    /// Span that caused the job; 0 for none.
    pub parent: u64,
    /// When the caller sent it, `CLOCK_MONOTONIC` nanoseconds; 0 for unknown.
    pub sent_ns: f64,
    /// Run on the main thread where a child serves it.
    pub on_main_thread: bool,
    /// Whose TypeScript the job means when it names one.
    pub session: Option<&'static Session>,
    pub caller: Caller,
}

/// Whose context variables a job sees.
pub enum Caller {
    /// The Python code that has called the TypeScript that asked for the job: its call's id; 0 for none.
    HostCall(u32),
    /// Rust, for the Python code that these surround; None for none.
    Rust(Option<Surroundings>),
}

/// The handle by which a job is cancelled and answered.
pub struct JobControl {
    /// Number of the call that it does for TypeScript; 0 for a job of our own, which serves some other call.
    owner: u64,
    /// The id that the call has in its session; 0 for any other job.
    pub call: u32,
    pub session: Option<&'static Session>,
    cancelled: AtomicBool,
    /// Made for the first who listens: most jobs are over before anybody does.
    token: OnceLock<CancellationToken>,
    /// The job's task has been cancelled: a second time would cut off its clean-up.
    task_cancelled: AtomicBool,
    place: Mutex<Place>,
    /// A wait of ours raises the interruption, or has just done so.
    told: AtomicBool,
    /// A wait of ours goes on until another side has cleaned up.
    ending: AtomicBool,
    /// The CANCEL frame, where it says why.
    reason: OnceLock<OwnedFrame>,
    /// Somebody was told that the job goes on in spite of its cancellation.
    reported: AtomicBool,
    reply: Mutex<Option<Reply>>,
}

/// Where a job is.
pub enum Place {
    Queued,
    /// On a Python thread, by its `threading.get_ident()`.
    Thread {
        ident: c_ulong,
        main: bool,
    },
    /// A task of an event loop.
    Task {
        task: Py<PyAny>,
        queue: Arc<LoopQueue>,
        span: SpanId,
    },
    Done,
}

impl JobControl {
    /// A call from TypeScript; `call` is its id in `session`, 0 for a synchronous one.
    pub fn new(session: Option<&'static Session>, call: u32, reply: Reply) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self::of(NEXT.fetch_add(1, Ordering::Relaxed), session, call, reply)
    }

    /// A job of our own: a step, the loading of a model, what a component calls.
    pub fn internal(session: Option<&'static Session>, reply: Reply) -> Arc<Self> {
        Self::of(0, session, 0, reply)
    }

    fn of(owner: u64, session: Option<&'static Session>, call: u32, reply: Reply) -> Arc<Self> {
        Arc::new(Self {
            owner,
            call,
            session,
            cancelled: AtomicBool::new(false),
            token: OnceLock::new(),
            task_cancelled: AtomicBool::new(false),
            place: Mutex::new(Place::Queued),
            told: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            reason: OnceLock::new(),
            reported: AtomicBool::new(false),
            reply: Mutex::new(Some(reply)),
        })
    }

    /// Whether the caller has its answer, though the job may go on: then it was abandoned.
    pub fn is_answered(&self) -> bool {
        lock(&self.reply).is_none()
    }

    /// The token that waits of ours inside the job listen to.
    pub fn token(&self) -> &CancellationToken {
        let token = self.token.get_or_init(CancellationToken::new);
        // Either this sees the mark of `cancel`, or `cancel` sees the token.
        fence(Ordering::SeqCst);
        if self.is_cancelled() {
            token.cancel();
        }
        token
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Marks the job as cancelled and tells those who listen. Interrupting it is the control thread's.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if let Some(token) = self.token.get() {
            token.cancel();
        }
    }

    /// As [`JobControl::cancel`], for a CANCEL frame, which may say why.
    pub fn cancel_because(&self, frame: OwnedFrame) {
        // Only the first one counts.
        let _ = self.reason.set(frame);
        self.cancel();
    }

    /// Why the job was cancelled, where its caller has said so.
    pub fn reason(&self, py: Python<'_>) -> Option<String> {
        self.reason.get()?.value(py).ok()?.extract().ok()
    }

    /// Cancels the job's task unless that has been done.
    pub fn cancel_task(&self, task: &Bound<'_, PyAny>) -> PyResult<()> {
        if self.task_cancelled.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let py = task.py();
        match self.reason(py) {
            Some(reason) if py.version_info() >= (3, 9) => task.call_method1("cancel", (reason,)),
            _ => task.call_method0("cancel"),
        }
        .map(drop)
    }

    /// A wait of ours goes on until another side has cleaned up (`true`), or is over.
    pub fn set_ending(&self, ending: bool) {
        self.ending.store(ending, Ordering::Release);
    }

    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Notes that somebody was told that the job goes on; false when that was so.
    pub fn set_reported(&self) -> bool {
        !self.reported.swap(true, Ordering::AcqRel)
    }

    pub fn is_reported(&self) -> bool {
        self.reported.load(Ordering::Acquire)
    }

    /// A wait of ours begins (`true`), or is over without having raised anything.
    pub fn set_told(&self, told: bool) {
        self.told.store(told, Ordering::Release);
    }

    /// Whether the job hears of its cancellation without being interrupted; true once.
    pub fn take_told(&self) -> bool {
        self.told.swap(false, Ordering::AcqRel)
    }

    /// Looks at the place under its lock. Hold the GIL if the answer decides an interruption.
    pub fn with_place<T>(&self, look: impl FnOnce(&Place) -> T) -> T {
        look(&lock(&self.place))
    }

    pub fn move_to(&self, _py: Python<'_>, place: Place) {
        let before = std::mem::replace(&mut *lock(&self.place), place);
        // Dropped after the lock is free: releasing a task may run Python code.
        drop(before);
    }

    /// Answers the caller, unless it has been answered already (an abandoned job).
    pub fn answer(&self, py: Python<'_>, outcome: PyResult<Py<PyAny>>) {
        let reply = lock(&self.reply).take();
        if let Some(reply) = reply {
            // What is made for the answer is made for this call, on whatever thread that happens.
            let _owner = OwnerScope(OWNER.replace(self.owner));
            reply(py, outcome);
        }
    }
}

thread_local! {
    static OWNER: Cell<u64> = const { Cell::new(0) };
    static CURRENT: RefCell<Option<Arc<JobControl>>> = const { RefCell::new(None) };
}

/// The job that runs on this thread.
pub fn current() -> Option<Arc<JobControl>> {
    CURRENT.with_borrow(Clone::clone)
}

/// The call from TypeScript that this thread works for; 0 when that is not known, as on threads that a script started.
pub fn current_owner() -> u64 {
    OWNER.get()
}

/// Gives the thread back to whom it worked for before.
struct OwnerScope(u64);

impl Drop for OwnerScope {
    fn drop(&mut self) {
        OWNER.set(self.0);
    }
}

/// Marks this thread as running `control` until dropped.
pub struct OnThread<'py> {
    py: Python<'py>,
    control: Arc<JobControl>,
    ident: c_ulong,
    main: bool,
    goes_on: bool,
    outer: Option<Arc<JobControl>>,
    _owner: OwnerScope,
}

impl<'py> OnThread<'py> {
    pub fn enter(py: Python<'py>, control: &Arc<JobControl>, main: bool) -> Self {
        // SAFETY: needs no more than an attached thread.
        let ident = unsafe { thread_ident() };
        control.move_to(py, Place::Thread { ident, main });
        let outer = CURRENT.replace(Some(control.clone()));
        let owner = OwnerScope(OWNER.replace(control.owner));
        Self {
            py,
            control: control.clone(),
            ident,
            main,
            goes_on: false,
            outer,
            _owner: owner,
        }
    }

    /// The job will be a task: leaving the thread is not its end.
    pub fn goes_on(&mut self) {
        self.goes_on = true;
    }
}

impl Drop for OnThread<'_> {
    fn drop(&mut self) {
        let next = if self.goes_on {
            Place::Queued
        } else {
            Place::Done
        };
        self.control.move_to(self.py, next);
        if self.control.is_cancelled() {
            // An interruption that was set but not yet raised must not hit the next job.
            // SAFETY: the GIL is held; a null exception clears what is pending.
            unsafe { pyo3::ffi::PyThreadState_SetAsyncExc(self.ident as _, std::ptr::null_mut()) };
            if self.main {
                discard_signals(self.py);
            }
        }
        CURRENT.replace(self.outer.take());
    }
}

/// Handles the signals that wait, and drops what their handlers raise. Main thread only.
pub fn discard_signals(py: Python<'_>) {
    while py.check_signals().is_err() {}
}

/// The clock of `process.hrtime`, as frames carry it.
pub fn monotonic_ns() -> f64 {
    recorder::monotonic_ns() as f64
}

extern "C" {
    // Exported by every CPython, but outside the limited API.
    #[link_name = "PyThread_get_thread_ident"]
    fn thread_ident() -> c_ulong;
}
