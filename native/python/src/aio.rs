//! asyncio ⇄ Tokio: Rust futures as Python awaitables.
//!
//! Threads: futures run on Tokio threads, which never attach to Python. A finished future posts a
//! closure to the queue of the event loop that awaits it. Must not know the Pit or the session.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use symphony_abi::panics::{self, Panic};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::errors;
use crate::loop_queue::LoopQueue;

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
        .unwrap_or_else(|panic| Err(errors::panicked(py, "await", &panic)))
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
