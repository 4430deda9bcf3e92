//! asyncio ⇄ Tokio: Rust futures as Python awaitables, and blocking waits that can be broken.
//!
//! Threads: futures run on Tokio threads, which never attach to Python. A finished future posts a
//! closure to the queue of the event loop that awaits it and writes the loop's eventfd; the loop
//! runs all posted closures in one callback. Must not know the Pit or the session.

use std::future::Future;
use std::pin::{pin, Pin};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use symphony_abi::panics::{self, Panic};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::deadlock;
use crate::errors;
use crate::job::{self, lock, JobControl};
use crate::js::{self, JsThread};

/// How often a blocked Python thread looks for signals (Ctrl+C) while it waits for Rust.
const SIGNAL_POLL: Duration = Duration::from_millis(100);

/// Threads that poll futures; they never attach to Python.
const WORKERS: usize = 2;

/// Tokio starts its workers before any thread for blocking work.
fn thread_name() -> String {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    match STARTED.fetch_add(1, Ordering::Relaxed) {
        0..WORKERS => "conductor-tokio".into(),
        _ => "conductor-block".into(),
    }
}

/// The process-wide Tokio runtime; started on first use.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name_fn(thread_name)
            .enable_time()
            .build()
            .expect("the operating system refused to start threads for Tokio")
    })
}

/// Asks another side to end its work; the future that waits for it resolves when that is done.
pub type Ask = Box<dyn FnOnce() + Send>;

/// Runs `future` and returns an awaitable of the running asyncio loop; `convert` turns the output into a Python object
/// on the loop's thread.
///
/// The future is polled once here: one that is ready needs no Tokio and no wake-up. Otherwise it moves to Tokio. Either
/// way a poll must neither block nor compute for long.
///
/// Cancelling the awaitable drops the future, or its output, and counts once that is done; a panic of
/// either fails it. Raises `RuntimeError` without a running loop.
pub fn spawn_with<'py, F, R, C>(
    py: Python<'py>,
    future: F,
    convert: C,
) -> PyResult<Bound<'py, PyAny>>
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
    C: FnOnce(Python<'_>, R) -> PyResult<Py<PyAny>> + Send + 'static,
{
    spawn(py, future, None, convert)
}

/// [`spawn_with`] for work that is not over when its future is dropped: cancelling calls `ask`, and
/// counts once the future has resolved. What it gives then is converted, and forgotten.
pub fn spawn_asking<'py, F, R, C>(
    py: Python<'py>,
    future: F,
    ask: Ask,
    convert: C,
) -> PyResult<Bound<'py, PyAny>>
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
    C: FnOnce(Python<'_>, R) -> PyResult<Py<PyAny>> + Send + 'static,
{
    spawn(py, future, Some(ask), convert)
}

fn spawn<'py, F, R, C>(
    py: Python<'py>,
    future: F,
    ask: Option<Ask>,
    convert: C,
) -> PyResult<Bound<'py, PyAny>>
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
    C: FnOnce(Python<'_>, R) -> PyResult<Py<PyAny>> + Send + 'static,
{
    static WAITING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let event_loop = running_loop(py)?;
    let queue = LoopQueue::of(&event_loop)?;
    let mut future = Box::pin(panics::catching(future));
    if queue.may_settle_now() {
        if let Poll::Ready(output) = poll_here(py, future.as_mut()) {
            return settled(&event_loop, converted(py, output, convert));
        }
    }
    let stop = CancellationToken::new();
    let awaitable = WAITING
        .import(py, "symphony_bridge._waiting", "waiting")?
        .call1((event_loop, Stopper(stop.clone())))?;
    let waiting = awaitable.clone().unbind();
    let is_asked = ask.is_some();
    runtime().spawn(async move {
        let output = until_stopped(future, &stop, ask).await;
        queue.post(Box::new(move |py| {
            let waiting = waiting.bind(py);
            // An answer that crosses the cancellation is nobody's: it is dropped and frees what it holds,
            // unless only unpacking it does.
            let output = output.filter(|_| is_asked || !stop.is_cancelled());
            let result = output.map(|output| converted(py, output, convert));
            if stop.is_cancelled() {
                return waiting.call_method0(intern!(py, "end")).map(drop);
            }
            match result {
                Some(result) if !is_done(waiting)? => settle(waiting, result),
                _ => Ok(()),
            }
        }));
    });
    Ok(awaitable)
}

/// Polls a future on this thread, without the GIL. Whatever wakes it later has to poll it again anyway.
fn poll_here<T: Send>(
    py: Python<'_>,
    future: Pin<&mut (impl Future<Output = T> + Send)>,
) -> Poll<T> {
    py.detach(|| {
        let _runtime = runtime().enter();
        future.poll(&mut Context::from_waker(&NOBODY))
    })
}

static NOBODY: LazyLock<Waker> = LazyLock::new(|| Waker::from(Arc::new(Nobody(0))));

/// Not empty: a checker of leaks does not take a pointer behind the end of an allocation for one to it.
struct Nobody(#[expect(dead_code, reason = "it is only there")] u8);

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

fn converted<R>(
    py: Python<'_>,
    output: Result<R, Panic>,
    convert: impl FnOnce(Python<'_>, R) -> PyResult<Py<PyAny>>,
) -> PyResult<Py<PyAny>> {
    output
        .and_then(|output| panics::caught(|| convert(py, output)))
        .unwrap_or_else(|panic| Err(errors::panicked(py, &panic)))
}

/// The future's output; None when it was stopped and dropped.
async fn until_stopped<F: Future>(
    mut running: Pin<Box<F>>,
    stop: &CancellationToken,
    ask: Option<Ask>,
) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = &mut running => return Some(output),
        () = stop.cancelled() => {}
    }
    match ask {
        Some(ask) => {
            ask();
            Some(running.await)
        }
        None => None,
    }
}

/// An awaitable of `event_loop` that is over already.
pub fn settled<'py>(
    event_loop: &Bound<'py, PyAny>,
    outcome: PyResult<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let awaitable = event_loop.call_method0(intern!(event_loop.py(), "create_future"))?;
    settle(&awaitable, outcome)?;
    Ok(awaitable)
}

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

/// The running event loop of this thread; `RuntimeError` when there is none.
pub fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    GET.import(py, "asyncio", "get_running_loop")?.call0()
}

fn is_done(awaitable: &Bound<'_, PyAny>) -> PyResult<bool> {
    awaitable
        .call_method0(intern!(awaitable.py(), "done"))?
        .is_truthy()
}

fn settle(awaitable: &Bound<'_, PyAny>, result: PyResult<Py<PyAny>>) -> PyResult<()> {
    let py = awaitable.py();
    let refused = match result {
        Ok(value) => awaitable.call_method1(intern!(py, "set_result"), (value,)),
        Err(error) => {
            let error = errors::for_future(py, error);
            awaitable.call_method1("set_exception", (error.into_value(py),))
        }
    };
    if let Err(error) = refused {
        // Whoever waits must be told something all the same.
        awaitable.call_method1("set_exception", (error.into_value(py),))?;
    }
    Ok(())
}

/// What a cancelled awaitable calls.
#[pyclass(frozen)]
struct Stopper(CancellationToken);

#[pymethods]
impl Stopper {
    fn __call__(&self) {
        self.0.cancel();
    }
}

type Posted = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>;

/// The inbox of one event loop: closures posted from any thread, run on the loop's thread.
pub struct LoopQueue {
    posted: Mutex<Vec<Posted>>,
    event: libc::c_int,
    armed: AtomicBool,
    /// Futures that may still be settled where they are made, before one has to go round.
    allowance: AtomicU32,
}

/// A task that awaits nothing but ready futures lets the others run once in so many.
const ALLOWANCE: u32 = 256;

impl LoopQueue {
    /// The queue of `event_loop`, attached to it on first use. Call on the loop's thread.
    pub fn of(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let attribute = intern!(event_loop.py(), "_symphony_queue");
        if let Ok(reader) = event_loop.getattr(attribute) {
            return Ok(reader.cast::<LoopReader>()?.get().queue.clone());
        }
        let queue = Arc::new(Self {
            posted: Mutex::default(),
            event: new_event()?,
            armed: AtomicBool::new(false),
            allowance: AtomicU32::new(ALLOWANCE),
        });
        let reader = Bound::new(
            event_loop.py(),
            LoopReader {
                queue: queue.clone(),
            },
        )?;
        event_loop.call_method1("add_reader", (queue.event, &reader))?;
        event_loop.setattr(attribute, reader)?;
        Ok(queue)
    }

    /// Whether an awaitable may be given that is over already. Call on the loop's thread.
    fn may_settle_now(&self) -> bool {
        let left = self.allowance.load(Ordering::Relaxed);
        let next = left.checked_sub(1).unwrap_or(ALLOWANCE);
        self.allowance.store(next, Ordering::Relaxed);
        left > 0
    }

    /// Queues `action` for the loop's thread. Any thread, with or without the GIL; never blocks.
    pub fn post(&self, action: Posted) {
        lock(&self.posted).push(action);
        if !self.armed.swap(true, Ordering::AcqRel) {
            let one: u64 = 1;
            // SAFETY: `event` is an open eventfd owned by this queue, and the buffer is 8 bytes.
            // A failed write means the counter is already non-zero: the loop is awake.
            unsafe { libc::write(self.event, (&raw const one).cast(), 8) };
        }
    }

    fn run_posted(&self, py: Python<'_>) {
        let mut counter: u64 = 0;
        // SAFETY: as in `post`; the descriptor is non-blocking.
        unsafe { libc::read(self.event, (&raw mut counter).cast(), 8) };
        self.armed.store(false, Ordering::Release);
        let posted = std::mem::take(&mut *lock(&self.posted));
        for action in posted {
            // The others of the batch are not to suffer from one that panics.
            let outcome = panics::caught(|| action(py))
                .unwrap_or_else(|panic| Err(errors::panicked(py, &panic)));
            if let Err(error) = outcome {
                error.write_unraisable(py, None);
            }
        }
    }
}

impl Drop for LoopQueue {
    fn drop(&mut self) {
        // SAFETY: the descriptor is owned by this queue and closed only here.
        unsafe { libc::close(self.event) };
    }
}

/// The callback that an event loop runs when its queue's eventfd becomes readable.
#[pyclass(frozen)]
struct LoopReader {
    queue: Arc<LoopQueue>,
}

#[pymethods]
impl LoopReader {
    fn __call__(&self, py: Python<'_>) {
        self.queue.run_posted(py);
    }
}

fn new_event() -> PyResult<libc::c_int> {
    // SAFETY: no pointers are passed.
    let event = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
    if event < 0 {
        return Err(PyOSError::new_err(
            std::io::Error::last_os_error().to_string(),
        ));
    }
    Ok(event)
}
