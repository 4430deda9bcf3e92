//! The thread that runs JavaScript, as Python's side sees it: what it offers, and what it is doing.
//!
//! Threads: made by `connect` on the JavaScript thread and known to that thread alone; [`JsThread`]
//! may be looked at from everywhere. Must not know packs' meaning.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Duration;

use symphony_core::pack::PackBuf;
use tokio::sync::Notify;

use crate::job::lock;
use crate::table::{SymHost, SymPack};

/// A thread with JavaScript on it that Python can call directly.
pub struct JsThread {
    host: SymHost,
    ident: u64,
    native_id: u64,
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

thread_local! {
    static CURRENT: Cell<Option<&'static JsThread>> = const { Cell::new(None) };
}
static LATEST: Mutex<Option<&'static JsThread>> = Mutex::new(None);

/// Remembers the calling thread as the one that runs JavaScript.
pub fn connect(host: SymHost) -> &'static JsThread {
    // Leaked on purpose: a thread may ring after the session has ended, and there are few sessions.
    let thread: &'static JsThread = Box::leak(Box::new(JsThread {
        host,
        // SAFETY: asks for the calling thread's own ids.
        ident: unsafe { libc::pthread_self() as u64 },
        // SAFETY: as above.
        native_id: unsafe { libc::gettid() as u64 },
        step: AtomicU64::new(0),
        pumping: AtomicBool::new(false),
        bell: Notify::new(),
    }));
    CURRENT.set(Some(thread));
    *lock(&LATEST) = Some(thread);
    thread
}

/// The calling thread, if it runs JavaScript.
pub fn current() -> Option<&'static JsThread> {
    CURRENT.get()
}

/// The JavaScript thread of the session.
pub fn latest() -> Option<&'static JsThread> {
    *lock(&LATEST)
}

/// Runs Python for JavaScript on the calling thread.
pub fn in_python<T>(body: impl FnOnce() -> T) -> T {
    let _step = current().map(Step::take);
    body()
}

/// One step over the border, taken back when dropped.
struct Step<'a>(&'a JsThread);

impl<'a> Step<'a> {
    fn take(thread: &'a JsThread) -> Self {
        thread.count();
        Self(thread)
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.0.count();
    }
}

/// How JavaScript answered.
pub enum Answered {
    Value,
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

    pub fn is_in_python(&self) -> bool {
        self.step() % 2 == 1
    }

    /// Processor time that the thread has used.
    pub fn computed(&self) -> Duration {
        let mut used = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let mut clock = 0;
        // SAFETY: the thread lives as long as its session, and both pointers are valid.
        unsafe {
            if libc::pthread_getcpuclockid(self.ident as libc::pthread_t, &raw mut clock) == 0 {
                libc::clock_gettime(clock, &raw mut used);
            }
        }
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
