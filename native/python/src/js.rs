//! The thread that runs JavaScript, as Python's side sees it: what it offers, and what it is doing.
//!
//! Threads: made by `connect` on the JavaScript thread and known to that thread alone; [`JsThread`]
//! may be looked at from everywhere. Must not know packs' meaning.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use symphony_core::pack::PackBuf;
use tokio::sync::Notify;

use crate::job::lock;
use crate::sessions::{self, Inside, Session};
use crate::table::{SymHost, SymPack};

/// A thread with JavaScript on it that Python can call directly.
pub struct JsThread {
    host: SymHost,
    ident: u64,
    native_id: u64,
    /// Set once the session is open.
    session: OnceLock<&'static Session>,
    /// Odd while the thread runs Python. Every step over the border counts.
    step: AtomicU64,
    /// A wait of ours holds the thread, and delivers what comes meanwhile.
    pumping: AtomicBool,
    bell: Notify,
}

// SAFETY: `host.wake` may be called from anywhere; the others are called on their own thread only,
// which `current` sees to.
unsafe impl Send for JsThread {}
// SAFETY: as above.
unsafe impl Sync for JsThread {}

/// Linux: the processor time of one thread, as the scheduler counts it.
const THREAD_CPU_CLOCK: libc::clockid_t = 6;

thread_local! {
    static CURRENT: Cell<Option<&'static JsThread>> = const { Cell::new(None) };
}
/// Those with a session.
static ALL: Mutex<Vec<&'static JsThread>> = Mutex::new(Vec::new());
/// Those without one any more: held, so that a checker of leaks sees that they stay on purpose.
static ENDED: Mutex<Vec<&'static JsThread>> = Mutex::new(Vec::new());

/// Remembers the calling thread as the one that runs JavaScript.
pub fn connect(host: SymHost) -> &'static JsThread {
    // Leaked on purpose: a thread may ring after the session has ended, and there are few sessions.
    let thread: &'static JsThread = Box::leak(Box::new(JsThread {
        host,
        // SAFETY: asks for the calling thread's own ids.
        ident: unsafe { libc::pthread_self() as u64 },
        // SAFETY: as above.
        native_id: unsafe { libc::gettid() as u64 },
        session: OnceLock::new(),
        step: AtomicU64::new(0),
        pumping: AtomicBool::new(false),
        bell: Notify::new(),
    }));
    CURRENT.set(Some(thread));
    lock(&ALL).push(thread);
    thread
}

/// The calling thread, if it runs JavaScript.
#[inline]
pub fn current() -> Option<&'static JsThread> {
    CURRENT.get()
}

/// The calling thread, if it runs the JavaScript of that session.
pub fn current_of(session: u32) -> Option<&'static JsThread> {
    current().filter(|thread| thread.session() == session)
}

/// What JavaScript asks for is meant for its own session, also from inside a call to another's.
pub fn in_own_session() -> Inside {
    sessions::enter(current().and_then(|thread| thread.session.get().copied()))
}

/// The threads that run JavaScript.
pub fn all() -> Vec<&'static JsThread> {
    lock(&ALL).clone()
}

/// The calling thread's session has ended. What it is inside of may still return to it.
pub fn disconnect() {
    if let Some(thread) = current() {
        lock(&ALL).retain(|other| !std::ptr::eq(*other, thread));
        lock(&ENDED).push(thread);
    }
}

/// Python runs for the JavaScript of the calling thread, in its own session, until the guard drops.
#[inline]
pub fn enter() -> Entered {
    let thread = current();
    Entered {
        _step: thread.map(Step::take),
        _session: sessions::enter(thread.and_then(|thread| thread.session.get().copied())),
    }
}

/// See [`enter`].
pub struct Entered {
    _step: Option<Step<'static>>,
    _session: Inside,
}

/// One step over the border, taken back when dropped.
struct Step<'a>(&'a JsThread);

impl<'a> Step<'a> {
    #[inline]
    fn take(thread: &'a JsThread) -> Self {
        thread.count();
        Self(thread)
    }
}

impl Drop for Step<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.count();
    }
}

/// How JavaScript answered.
pub enum Answered {
    Value,
    /// A value, and nothing was written.
    None,
    Error,
    /// It has no stack left for the call.
    Exhausted,
    /// It cannot run any more.
    Gone,
}

impl JsThread {
    /// Runs a packed call here and now. Own thread only, without the GIL.
    pub fn call(&self, target: u32, span: u64, call: &PackBuf, reply: &mut PackBuf) -> Answered {
        let _step = Step::take(self);
        let segments = SymPack::segments_of(call);
        let pack = SymPack::of(call, &segments);
        let sink = std::ptr::from_mut(reply).cast();
        // SAFETY: the host outlives its session, the pack this call, and the sink is what `take`
        // expects.
        let status = unsafe {
            (self.host.call)(
                self.host.context,
                target,
                0,
                span as f64,
                &raw const pack,
                take,
                sink,
            )
        };
        match status {
            0 => Answered::Value,
            1 => Answered::Error,
            3 => Answered::Exhausted,
            4 => Answered::None,
            _ => Answered::Gone,
        }
    }

    /// Delivers what waits for JavaScript. Own thread only, without the GIL.
    pub fn pump(&self) {
        let _step = Step::take(self);
        // SAFETY: the host outlives its session.
        unsafe { (self.host.pump)(self.host.context) };
    }

    /// Output waits. Any thread.
    pub fn wake(&self) {
        if self.pumping.load(Ordering::Acquire) {
            self.bell.notify_one();
        }
        // SAFETY: the host outlives its session; any thread may wake it.
        unsafe { (self.host.wake)(self.host.context) };
    }

    /// Marks the thread as held by a wait of ours.
    pub fn set_pumping(&self, pumping: bool) {
        self.pumping.store(pumping, Ordering::Release);
    }

    pub fn is_pumping(&self) -> bool {
        self.pumping.load(Ordering::Acquire)
    }

    /// Ends when output waits while [`Self::is_pumping`].
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Steps over the border so far; odd while the thread runs Python.
    pub fn step(&self) -> u64 {
        self.step.load(Ordering::Acquire)
    }

    /// Number of the session whose JavaScript it runs.
    pub fn session(&self) -> u32 {
        self.session.get().map_or(0, |session| session.number())
    }

    pub fn set_session(&self, session: Option<&'static Session>) {
        if let Some(session) = session {
            // Set once, right after the thread is known.
            let _ = self.session.set(session);
        }
    }

    pub fn is_in_python(&self) -> bool {
        self.step() % 2 == 1
    }

    /// Processor time that the thread has used.
    pub fn computed(&self) -> Duration {
        let mut used = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // As `pthread_getcpuclockid` makes it, which must not be asked once the thread has ended.
        let clock = (!(self.native_id as libc::clockid_t) << 3) | THREAD_CPU_CLOCK;
        // SAFETY: the pointer is valid; a thread that is gone is an error, and used no time.
        unsafe { libc::clock_gettime(clock, &raw mut used) };
        Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
    }

    /// `threading.get_ident()` of the thread.
    pub fn ident(&self) -> u64 {
        self.ident
    }

    /// The kernel's number of the thread.
    pub fn native_id(&self) -> u64 {
        self.native_id
    }

    #[inline]
    fn count(&self) {
        // Only this thread writes.
        let step = self.step.load(Ordering::Relaxed);
        self.step.store(step + 1, Ordering::Release);
    }
}

/// # Safety
/// `sink` is the `PackBuf` that [`JsThread::call`] has passed, and `reply` is valid.
unsafe extern "C" fn take(sink: *mut c_void, reply: *const SymPack) {
    // SAFETY: the caller's promise.
    let (buf, view) = unsafe { (&mut *sink.cast::<PackBuf>(), (*reply).view()) };
    buf.ops.extend_from_slice(view.ops);
    buf.nums.extend_from_slice(view.nums);
    buf.chars.extend_from_slice(view.chars);
    buf.segments
        .extend(view.segments.iter().map(|segment| segment.to_vec().into()));
}
