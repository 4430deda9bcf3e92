//! Where Python code runs: the lanes of jobs and the threads that serve them.
//!
//! Threads: [`submit`] may be called from any thread, attached to Python or not, and never blocks.
//! Jobs run on Python threads (`conductor-N`, or the main thread of a child) that wait here without
//! the GIL; a coroutine continues on the `conductor-loop` thread. Must not know frames or sockets.

use std::ffi::c_ulong;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{ready, Context, Poll};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyTuple};
use pyo3::{ffi, intern};
use symphony_abi::panics;
use symphony_core::lane::{Lane, Pushed, LOOK_OUT};
use symphony_core::recorder::{self, Lang, SpanId};
use symphony_core::sync::spin_for;
use tokio::sync::oneshot;

use crate::context::{self, JobContext, Surroundings};
use crate::control::{self, Request};
use crate::crossing;
use crate::errors;
use crate::job::{
    discard_signals, monotonic_ns, Call, Caller, Job, JobControl, OnThread, Place, Prepare, Reply,
};
use crate::loop_queue::LoopQueue;
use crate::session;
use crate::sessions::{self, Session};
use crate::thread_names;
use crate::waits::{self, Waited};

/// A worker above this number leaves after [`IDLE_LIMIT`] without work.
pub const RESIDENT_WORKERS: usize = 4;
const IDLE_LIMIT: Duration = Duration::from_secs(20);
/// A thread that runs job after job lets go of the GIL at least this often.
const GIL_TURN: Duration = Duration::from_millis(1);

static WORKERS: Lane<Job> = Lane::new();
static MAIN: Lane<Job> = Lane::new();
static LOOKOUT: OnceLock<Arc<dyn Lookout>> = OnceLock::new();

/// Where jobs come from, for a worker that has a moment.
pub trait Lookout: Send + Sync {
    /// Takes in what comes for [`LOOK_OUT`], or until `came`. Called without the GIL, by one thread at a time.
    fn look_out(&self, came: &dyn Fn() -> bool);
}

/// Workers take jobs in by themselves from now on, while they look out for one. Only the first counts.
pub fn look_out_by(lookout: Arc<dyn Lookout>) {
    let _ = LOOKOUT.set(lookout);
}

/// Whether jobs wait for a worker.
pub fn has_waiting() -> bool {
    WORKERS.has_waiting()
}

/// Queues a job for a worker thread, or for the main thread where a child serves it.
pub fn submit(job: Job) {
    submit_all(std::iter::once(job));
}

/// [`submit`] for jobs that came together.
pub fn submit_all(jobs: impl Iterator<Item = Job>) {
    let mut for_main = Vec::new();
    let serves_main = MAIN.threads() > 0;
    let pushed = WORKERS.push_all(jobs.filter_map(|job| {
        if !(serves_main && job.on_main_thread) {
            return Some(job);
        }
        for_main.push(job);
        None
    }));
    if pushed == Pushed::Starved {
        control::request(Request::StartWorker);
    }
    MAIN.push_all(for_main.into_iter());
}

/// Runs a Python callable from Rust and awaits its result.
///
/// A plain function runs on a worker thread, a coroutine on the conductor's event loop. `name` is
/// what the trace shows; `parent` is the span that caused the call, 0 for none. Dropping the future
/// cancels the Python side. May be called from any thread; the first call starts the threads.
pub fn call_python(
    surroundings: Option<Surroundings>,
    callable: Py<PyAny>,
    args: Py<PyTuple>,
    kwargs: Option<Py<PyDict>>,
    name: &str,
    parent: SpanId,
) -> PythonCall {
    let name = name.to_owned();
    let prepare = Box::new(move |py: Python<'_>, _: &JobControl| {
        Ok(Call {
            name: crossing::name_of(name, "", callable.bind(py)),
            callable,
            args,
            kwargs,
        })
    });
    let cut_off = || Err(errors::closed());
    call_prepared(surroundings, prepare, parent, |_, outcome| outcome, cut_off)
}

/// [`call_python`] of what `prepare` says when its turn has come. `read` takes the outcome, with the GIL, unless nobody
/// waits for it; `cut_off` stands for it where the bridge ends before.
pub fn call_prepared<T: Send + 'static>(
    surroundings: Option<Surroundings>,
    prepare: Prepare,
    parent: SpanId,
    read: impl FnOnce(Python<'_>, PyResult<Py<PyAny>>) -> T + Send + 'static,
    cut_off: fn() -> T,
) -> PythonCall<T> {
    control::ensure_started();
    let (sender, receiver) = oneshot::channel();
    let session = surroundings
        .as_ref()
        .map_or_else(sessions::current, |surroundings| surroundings.session);
    let reply: Reply = Box::new(move |py, outcome| {
        // A receiver that is gone has cancelled the job: nobody wants the result.
        if !sender.is_closed() {
            let _ = sender.send(read(py, outcome));
        }
    });
    let control = JobControl::internal(session, reply);
    submit(Job {
        control: control.clone(),
        prepare,
        parent,
        sent_ns: monotonic_ns(),
        on_main_thread: false,
        session,
        caller: Caller::Rust(surroundings),
    });
    PythonCall {
        cancel_on_drop: CancelOnDrop(Some(control)),
        receiver,
        cut_off,
    }
}

/// A call of Python under way: a future of its result. Dropping it cancels the call, without waiting
/// for its clean-up.
pub struct PythonCall<T = PyResult<Py<PyAny>>> {
    cancel_on_drop: CancelOnDrop,
    receiver: oneshot::Receiver<T>,
    cut_off: fn() -> T,
}

impl<T> PythonCall<T> {
    /// Cancels the call; the future then resolves when Python has cleaned up.
    pub fn canceller(&self) -> impl FnOnce() + Send + 'static {
        let control = self.cancel_on_drop.0.clone();
        move || drop(CancelOnDrop(control))
    }

    /// The call's end, which `stop` brings about: then it resolves when Python has cleaned up.
    pub async fn until(mut self, stop: impl Future<Output = ()>) -> T {
        tokio::select! {
            biased;
            outcome = &mut self => return outcome,
            () = stop => self.canceller()(),
        }
        self.await
    }
}

impl<T> Future for PythonCall<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let received = ready!(Pin::new(&mut self.receiver).poll(context));
        self.cancel_on_drop.disarm();
        Poll::Ready(received.unwrap_or_else(|_| (self.cut_off)()))
    }
}

/// Runs an awaitable on the conductor's event loop and waits here for its result. Giving up the wait
/// cancels it.
pub fn wait_for(awaitable: &Bound<'_, PyAny>, parent: SpanId) -> PyResult<Py<PyAny>> {
    let py = awaitable.py();
    let (sender, receiver) = oneshot::channel();
    let reply = Box::new(move |_: Python<'_>, outcome| {
        // A receiver that is gone has cancelled the job: nobody wants the result.
        let _ = sender.send(outcome);
    });
    let control = JobControl::new(sessions::current(), 0, reply);
    let cancel_on_drop = CancelOnDrop(Some(control.clone()));
    let name = recorder::intern("await", "", "");
    let span = recorder::begin_child(parent, name, Lang::Python);
    let context = context::copy_current(py)?;
    continue_on_loop(awaitable, &control, span, context)?;
    let call = PythonCall {
        cancel_on_drop,
        receiver,
        cut_off: || Err(errors::closed()),
    };
    block_on_call(py, call)
}

/// Waits here for a call of Python on another thread. A cancelled job cancels it, and raises when it
/// has cleaned up.
pub fn block_on_call(py: Python<'_>, call: PythonCall) -> PyResult<Py<PyAny>> {
    let ask = call.canceller();
    match waits::block_on_asking(py, call, ask)? {
        Waited::Ready(outcome) => outcome,
        Waited::Cancelled(error, _) => Err(error),
    }
}

/// Cancels a job that nobody waits for any more.
struct CancelOnDrop(Option<Arc<JobControl>>);

impl CancelOnDrop {
    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(control) = self.0.take() {
            control::cancel(control);
        }
    }
}

/// The lane of the worker threads, for the control thread that starts them.
pub fn workers() -> &'static Lane<Job> {
    &WORKERS
}

/// Serves jobs on the calling Python thread until it is not needed any more.
#[pyfunction]
pub fn worker_main(py: Python<'_>) {
    thread_names::name_thread(py);
    serve(py, &WORKERS, false);
}

/// Serves the jobs meant for the main thread until the session ends. Called by a child's main.
#[pyfunction]
pub fn serve_main_thread(py: Python<'_>) {
    serve(py, &MAIN, true);
}

fn serve(py: Python<'_>, lane: &Lane<Job>, main: bool) {
    let member = lane.join();
    let look_out = |came: &dyn Fn() -> bool| match LOOKOUT.get() {
        Some(lookout) if !main => lookout.look_out(came),
        _ => spin_for(LOOK_OUT, came),
    };
    let mut detached = Instant::now();
    loop {
        // Short jobs in a row need not hand the GIL around, as long as others get it in between.
        let at_once = if detached.elapsed() < GIL_TURN {
            lane.try_next(&member)
        } else {
            None
        };
        let taken = match at_once {
            Some(taken) => taken,
            None => match py.detach(|| lane.next(&member, RESIDENT_WORKERS, IDLE_LIMIT, &look_out))
            {
                Some(taken) => {
                    detached = Instant::now();
                    taken
                }
                None => break,
            },
        };
        if taken.starved && !main {
            control::request(Request::StartWorker);
        }
        if main {
            // A Ctrl+C that came while nothing ran was meant for no job.
            discard_signals(py);
        }
        let control = taken.job.control.clone();
        answering(py, &control, || run(py, taken.job, main));
        if session::is_forked() {
            // The job has forked and goes on here, too: the lane and its callers are not.
            // SAFETY: ends the process; nothing runs after it.
            unsafe { libc::_exit(0) };
        }
    }
}

/// A panic, also one that Python code passed on, costs neither the thread nor the caller's answer.
fn answering(py: Python<'_>, control: &JobControl, body: impl FnOnce()) {
    if let Err(panic) = panics::caught(body) {
        control.move_to(py, Place::Done);
        control.answer(py, Err(errors::panicked(py, "call", &panic)));
    }
}

/// Lets [`serve_main_thread`] return and refuses nothing else: for the orderly end of a child.
pub fn end_main_thread() {
    MAIN.end();
}

fn run(py: Python<'_>, job: Job, main: bool) {
    let control = job.control;
    let _inside = sessions::enter(job.session);
    let context = match JobContext::of_caller(py, job.caller) {
        Ok(context) => context,
        Err(error) => {
            control.move_to(py, Place::Done);
            return finish(py, &control, 0, Err(error));
        }
    };
    let (span, result, goes_on) = {
        // Before anything is prepared: the import of a module is as long as its code makes it.
        let mut on_thread = OnThread::enter(py, &control, main);
        let in_context = context.enter(py, &control);
        // A cancelled job is prepared too: unpacking gives back the functions that were passed to it.
        let prepared = in_context.and_then(|inside| Ok((inside, (job.prepare)(py, &control)?)));
        let prepared = prepared.and_then(|call| match control.is_cancelled() {
            true => Err(errors::cancelled(py, control.reason(py))),
            false => Ok(call),
        });
        match prepared {
            Ok((_inside, call)) => {
                let span = recorder::begin_child(job.parent, call.name, Lang::Python);
                if job.sent_ns > 0.0 {
                    recorder::enqueued(span, job.sent_ns as u64);
                }
                let _in_span = recorder::enter(span);
                let result = call
                    .callable
                    .bind(py)
                    .call(call.args.bind(py), call.kwargs.as_ref().map(|k| k.bind(py)));
                let goes_on = result.as_ref().is_ok_and(is_awaitable);
                if goes_on {
                    on_thread.goes_on();
                }
                (span, result, goes_on)
            }
            Err(error) => (0, Err(error), false),
        }
    };
    match result {
        Ok(value) if goes_on => {
            if let Err(error) = continue_on_loop(&value, &control, span, context.variables) {
                control.move_to(py, Place::Done);
                finish(py, &control, span, Err(error));
            }
        }
        outcome => finish(py, &control, span, outcome.map(Bound::unbind)),
    }
}

/// Ends the span and answers the caller. An interruption that the caller asked for reads as a
/// cancelled call.
fn finish(py: Python<'_>, control: &JobControl, span: SpanId, outcome: PyResult<Py<PyAny>>) {
    let outcome = outcome.map_err(|error| {
        if control.is_cancelled() && errors::is_interruption(py, &error) {
            errors::cancelled(py, control.reason(py))
        } else {
            error
        }
    });
    if let Err(error) = &outcome {
        recorder::error(span, &errors::title(py, error));
    }
    recorder::end(span);
    control.answer(py, outcome);
    if control.is_reported() {
        control::report_end(py, control);
    }
}

/// Whether a call's result still has to be awaited.
pub fn is_awaitable(value: &Bound<'_, PyAny>) -> bool {
    if value.is_none() || value.is_exact_instance_of::<PyFloat>() {
        return false;
    }
    // SAFETY: a live object has a type, and a type has flags.
    let flags = unsafe { ffi::PyType_GetFlags(ffi::Py_TYPE(value.as_ptr())) };
    flags & PLAIN_VALUE == 0
        && value
            .get_type()
            .hasattr(intern!(value.py(), "__await__"))
            .unwrap_or(false)
}

/// Flags of the built-in types that most calls return; none of them can be awaited.
const PLAIN_VALUE: c_ulong = ffi::Py_TPFLAGS_LONG_SUBCLASS
    | ffi::Py_TPFLAGS_LIST_SUBCLASS
    | ffi::Py_TPFLAGS_TUPLE_SUBCLASS
    | ffi::Py_TPFLAGS_BYTES_SUBCLASS
    | ffi::Py_TPFLAGS_UNICODE_SUBCLASS
    | ffi::Py_TPFLAGS_DICT_SUBCLASS;

fn continue_on_loop(
    awaitable: &Bound<'_, PyAny>,
    control: &Arc<JobControl>,
    span: SpanId,
    context: Py<PyAny>,
) -> PyResult<()> {
    let queue = control::conductor_loop(awaitable.py())?;
    let awaitable = awaitable.clone().unbind();
    let control = control.clone();
    let inbox = queue.clone();
    let session = sessions::current().map_or(0, Session::number);
    queue.post(Box::new(move |py| {
        if let Err(error) = start_task(py, &awaitable, &context, &control, (span, session), inbox) {
            control.move_to(py, Place::Done);
            finish(py, &control, span, Err(error));
        }
        Ok(())
    }));
    Ok(())
}

fn start_task(
    py: Python<'_>,
    awaitable: &Py<PyAny>,
    context: &Py<PyAny>,
    control: &Arc<JobControl>,
    (span, session): (SpanId, u32),
    queue: Arc<LoopQueue>,
) -> PyResult<()> {
    let task = control::create_task(py, awaitable, context, span, session)?;
    let done = TaskDone {
        control: control.clone(),
        span,
    };
    task.call_method1("add_done_callback", (done,))?;
    control.move_to(
        py,
        Place::Task {
            task: task.clone().unbind(),
            queue,
            span,
        },
    );
    if control.is_cancelled() {
        control.cancel_task(&task)?;
    }
    Ok(())
}

/// Done-callback of a job's task: the job is over.
#[pyclass(frozen)]
struct TaskDone {
    control: Arc<JobControl>,
    span: SpanId,
}

#[pymethods]
impl TaskDone {
    fn __call__(&self, task: &Bound<'_, PyAny>) {
        let py = task.py();
        answering(py, &self.control, || {
            let outcome = task.call_method0("result").map(Bound::unbind);
            self.control.move_to(py, Place::Done);
            finish(py, &self.control, self.span, outcome);
        });
    }
}
