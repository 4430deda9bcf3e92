//! Calls from Python to functions that TypeScript exposes, and to functions it has passed.
//!
//! Threads: a synchronous call waits without the GIL; the answer arrives on the thread that submits
//! frames and wakes the waiter. A wait that could never end is refused. On the JavaScript thread
//! itself there is nothing to wait for: see `callback`. Must not know the transport.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use symphony_core::frame::{kind, Header};
use symphony_core::pack::PackBuf;
use symphony_core::recorder::{self, Lang, SpanId};
use tokio::sync::oneshot;

use crate::aio;
use crate::callback;
use crate::codec;
use crate::context;
use crate::control::{self, Request};
use crate::errors;
use crate::job::{lock, monotonic_ns};
use crate::js;
use crate::refs::{Arrivals, BridgeRefs, Given};
use crate::session::{self, OwnedFrame};
use crate::sessions::{self, Session};
use crate::waits::{self, Waited};

static PENDING: LazyLock<Mutex<HashMap<u32, Waiting>>> = LazyLock::new(Mutex::default);
static NEXT_ID: AtomicU32 = AtomicU32::new(1);
static LOOP_THREAD: AtomicU64 = AtomicU64::new(0);

/// A call that goes on for this long after its cancellation is told of; one whose limit is over is not waited for any
/// longer.
const REPORT_AFTER: Duration = Duration::from_secs(1);

enum Answer {
    Frame {
        failed: bool,
        frame: OwnedFrame,
    },
    /// The wait could never have ended; the exception says why.
    Broken(Py<PyAny>),
}

/// A call without an answer.
struct Waiting {
    session: u32,
    answer: oneshot::Sender<Answer>,
    who: Waiter,
    /// Context of the caller, for what TypeScript asks of Python meanwhile.
    context: Py<PyAny>,
}

/// What came of a wait; None when the call's session has ended.
enum Received {
    InTime(Option<Answer>),
    /// The caller's limit is over. What came all the same, soon after TypeScript was told.
    Late(Duration, Option<Answer>),
}

/// Who waits for JavaScript, and for what.
#[derive(Clone)]
pub struct Waiter {
    pub id: u32,
    /// Name of the function.
    pub name: Arc<str>,
    /// `threading.get_ident()` of the thread that called.
    pub ident: u64,
    pub since: Instant,
}

/// Calls the exposed function `name` and waits for its result, at most `timeout` seconds. `session` 0 is the thread's
/// own, or the process's.
#[pyfunction]
#[pyo3(signature = (name, args, kwargs, site, parent, session, timeout = None))]
#[expect(clippy::too_many_arguments, reason = "Python calls it by position")]
pub fn host_call(
    py: Python<'_>,
    name: &str,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
    site: &str,
    parent: SpanId,
    session: u32,
    timeout: Option<f64>,
) -> PyResult<Py<PyAny>> {
    let _inside = sessions::enter_number(session);
    let callee = Callee::exposed(name, timeout);
    call(py, &callee, args, kwargs, site, parent)
}

/// Awaitable form of [`host_call`].
#[pyfunction]
#[pyo3(signature = (name, args, kwargs, site, parent, session, timeout = None))]
#[expect(clippy::too_many_arguments, reason = "Python calls it by position")]
pub fn host_call_async<'py>(
    py: Python<'py>,
    name: &str,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
    site: &str,
    parent: SpanId,
    session: u32,
    timeout: Option<f64>,
) -> PyResult<Bound<'py, PyAny>> {
    let _inside = sessions::enter_number(session);
    let callee = Callee::exposed(name, timeout);
    call_async(py, &callee, args, kwargs, site, parent)
}

/// What to call: an exposed function by name, or an object that was passed, or a method of it.
pub struct Callee<'a> {
    /// For messages and the trace.
    pub name: &'a str,
    /// 0: an exposed function.
    pub handle: u32,
    /// The exposed function, or the method; None calls the object itself.
    pub path: Option<&'a str>,
    /// How long the caller waits for the answer.
    pub limit: Option<Duration>,
}

impl<'a> Callee<'a> {
    fn exposed(name: &'a str, seconds: Option<f64>) -> Self {
        let limit = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Self {
            name,
            handle: 0,
            path: Some(name),
            limit: seconds.map(limit),
        }
    }
}

impl Callee<'_> {
    /// The first three parts of a CALL's payload: name, arguments, keywords.
    pub fn pack(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        pack: &mut PackBuf,
    ) -> PyResult<()> {
        pack.tuple(4);
        match self.path {
            Some(path) => pack.str(path),
            None => pack.none(),
        }
        if args.is_empty() && kwargs.is_none() {
            pack.tuple(0);
            pack.none();
            return Ok(());
        }
        let none = py.None().into_bound(py);
        let kwargs = kwargs.map_or(&none, |kwargs| kwargs.as_any());
        codec::encode_with(
            &[("args", args.as_any()), ("kwargs", kwargs)],
            pack,
            &BridgeRefs,
        )
    }
}

pub fn call(
    py: Python<'_>,
    callee: &Callee<'_>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
    site: &str,
    parent: SpanId,
) -> PyResult<Py<PyAny>> {
    if let Some(thread) = js::current_of(session::number()) {
        return callback::call(py, thread, callee, args, kwargs, site, parent);
    }
    refuse_deadlock(py, callee.name)?;
    let (call, receiver) = PendingCall::send(py, callee, args, kwargs, site, parent)?;
    let answer = call.answer(receiver);
    match waits::block_on_asking(py, answer, call.asking())? {
        Waited::Ready(answer) => call.finish(py, answer),
        Waited::Cancelled(error, answer) => {
            // Unpacked all the same: what it refers to would stay held for ever.
            let _ = answer.map(|answer| call.finish(py, answer));
            Err(error)
        }
    }
}

pub fn call_async<'py>(
    py: Python<'py>,
    callee: &Callee<'_>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
    site: &str,
    parent: SpanId,
) -> PyResult<Bound<'py, PyAny>> {
    // Without a loop nobody could await the answer, so nothing may be asked.
    let event_loop = aio::running_loop(py)?;
    if let Some(thread) = js::current_of(session::number()) {
        // The loop holds up JavaScript, which could not answer later.
        let outcome = callback::call(py, thread, callee, args, kwargs, site, parent);
        return aio::settled(&event_loop, outcome);
    }
    let (call, receiver) = PendingCall::send(py, callee, args, kwargs, site, parent)?;
    let ask = Box::new(call.asking());
    let answer = call.answer(receiver);
    aio::spawn_asking(
        py,
        async move {
            let answer = answer.await;
            (call, answer)
        },
        ask,
        |py, (call, answer)| call.finish(py, answer),
    )
}

/// Hands an answer to the call that waits for it. Any thread, no GIL.
pub fn answer(header: Header, frame: OwnedFrame) {
    let waiting = lock(&PENDING).remove(&header.id);
    let failed = header.kind == kind::ERROR;
    let answer = Answer::Frame { failed, frame };
    let left = match waiting {
        Some(waiting) => waiting.answer.send(answer).err(),
        None => Some(answer),
    };
    if let Some(Answer::Frame { frame, .. }) = left {
        control::request(Request::Dismiss(frame, sessions::current()));
    }
}

/// Those who wait for a session's JavaScript, the longest wait first.
pub fn waiters(session: u32) -> Vec<Waiter> {
    let pending = lock(&PENDING);
    let of_session = pending.values().filter(|w| w.session == session);
    let mut waiters: Vec<_> = of_session.map(|w| w.who.clone()).collect();
    drop(pending);
    waiters.sort_by_key(|waiter| waiter.since);
    waiters
}

/// Context of the code that waits for the call `id`, while it does.
pub fn context_of(py: Python<'_>, id: u32) -> Option<Py<PyAny>> {
    lock(&PENDING)
        .get(&id)
        .map(|waiting| waiting.context.clone_ref(py))
}

/// Whether anybody waits for JavaScript.
pub fn is_awaited() -> bool {
    !lock(&PENDING).is_empty()
}

/// Ends a wait with an exception. Any thread, with the GIL.
pub fn break_wait(id: u32, error: Py<PyAny>) {
    let waiting = lock(&PENDING).remove(&id);
    if let Some(waiting) = waiting {
        let _ = waiting.answer.send(Answer::Broken(error));
    }
}

/// Fails everybody who waits for the session's TypeScript.
pub fn fail_all(session: u32) {
    lock(&PENDING).retain(|_, waiting| waiting.session != session);
}

/// Remembers the calling thread as the conductor's event loop: waiting there stops every task.
pub fn mark_loop_thread() {
    LOOP_THREAD.store(thread_id(), Ordering::Release);
}

/// The conductor's event loop's thread, by its `threading.get_ident()`.
pub fn loop_thread() -> u64 {
    LOOP_THREAD.load(Ordering::Acquire)
}

/// Refuses a wait on a thread that others need to go on. On the JavaScript thread our waits deliver
/// meanwhile what comes for it, so they are allowed.
pub fn refuse_deadlock(py: Python<'_>, name: &str) -> PyResult<()> {
    if loop_thread() == thread_id() {
        return Err(errors::deadlock(
            py,
            &format!("{name}() would stop the event loop that runs this code"),
            &format!("Use `await {name}_async(...)`."),
        ));
    }
    if control::is_control_thread() {
        return Err(errors::deadlock(
            py,
            &format!("{name}() would stop the thread that runs finalisers, which must not wait"),
            "Do not wait in `__del__`; close such objects with `with` or by a method.",
        ));
    }
    Ok(())
}

fn thread_id() -> u64 {
    // SAFETY: asks for the calling thread's own id.
    unsafe { libc::pthread_self() as u64 }
}

/// A call on its way: cancels itself in TypeScript when it is dropped before its answer.
struct PendingCall {
    session: Option<&'static Session>,
    id: u32,
    span: SpanId,
    name: Arc<str>,
    limit: Option<Duration>,
    /// `file:line` of the caller, or empty.
    site: String,
    /// TypeScript has answered, or was told that nobody waits.
    over: Arc<AtomicBool>,
}

impl PendingCall {
    fn send(
        py: Python<'_>,
        callee: &Callee<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        site: &str,
        parent: SpanId,
    ) -> PyResult<(Self, oneshot::Receiver<Answer>)> {
        if session::is_closed() {
            return Err(errors::closed());
        }
        let mut pack = PackBuf::new();
        let given = Given::begin(py);
        callee.pack(py, args, kwargs, &mut pack)?;
        pack.str(site);
        let parent = if parent == 0 {
            recorder::current()
        } else {
            parent
        };
        let title = recorder::intern(callee.name, site, "");
        let span = recorder::begin_child(parent, title, Lang::TypeScript);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        let name: Arc<str> = callee.name.into();
        let who = Waiter {
            id,
            name: name.clone(),
            ident: thread_id(),
            since: Instant::now(),
        };
        let session = sessions::current();
        let waiting = Waiting {
            session: session.map_or(0, Session::number),
            answer: sender,
            who,
            context: context::copy_current(py)?,
        };
        lock(&PENDING).insert(id, waiting);
        let call = Self {
            session,
            id,
            span,
            name,
            limit: callee.limit,
            site: site.to_owned(),
            over: Arc::default(),
        };
        if session::is_closed() {
            // Closed since the check above: `fail_all` may have passed before this call was entered.
            return Err(errors::closed());
        }
        session::send(
            &Header {
                kind: kind::CALL,
                id,
                target: callee.handle,
                span: span as f64,
                parent: parent as f64,
                sent_ns: monotonic_ns(),
                flags: 0,
                within: context::current_call(py, session)?,
            },
            &pack,
        )?;
        given.sent(site);
        Ok((call, receiver))
    }

    /// Tells TypeScript that the caller gives up; its answer still comes, when its clean-up is done.
    fn asking(&self) -> impl FnOnce() + Send + 'static {
        let (session, id, span, over) = (self.session, self.id, self.span, self.over.clone());
        move || {
            if !over.swap(true, Ordering::AcqRel) {
                cancel(session, id);
                aio::runtime().spawn(report_unless_over(session, id, span));
            }
        }
    }

    /// Waits for the answer. When the limit is over, TypeScript is asked to end, and has a moment for its clean-up.
    fn answer(
        &self,
        mut receiver: oneshot::Receiver<Answer>,
    ) -> impl Future<Output = Received> + Send + 'static {
        let limited = self.limit.map(|limit| (limit, self.asking()));
        async move {
            let Some((limit, ask)) = limited else {
                return Received::InTime(receiver.await.ok());
            };
            if let Ok(answer) = tokio::time::timeout(limit, &mut receiver).await {
                return Received::InTime(answer.ok());
            }
            ask();
            let late = tokio::time::timeout(REPORT_AFTER, receiver).await;
            Received::Late(limit, late.ok().and_then(Result::ok))
        }
    }

    fn finish(self, py: Python<'_>, received: Received) -> PyResult<Py<PyAny>> {
        let _inside = sessions::enter(self.session);
        let outcome = match received {
            Received::InTime(None) => {
                self.over.store(true, Ordering::Release);
                Err(errors::closed())
            }
            Received::InTime(Some(answer)) => self.read(py, answer),
            Received::Late(limit, answer) => {
                // Unpacked all the same: what it refers to would stay held for ever.
                let _ = answer.map(|answer| self.read(py, answer));
                Err(errors::host_timeout(py, &self.name, limit))
            }
        };
        if let Err(error) = &outcome {
            recorder::error(self.span, &errors::title(py, error));
        }
        outcome
    }

    fn read(&self, py: Python<'_>, answer: Answer) -> PyResult<Py<PyAny>> {
        let (failed, frame) = match answer {
            // JavaScript still works on a call whose wait was broken: dropping it sends the CANCEL.
            Answer::Broken(error) => return Err(PyErr::from_value(error.into_bound(py))),
            Answer::Frame { failed, frame } => (failed, frame),
        };
        self.over.store(true, Ordering::Release);
        let arrivals = Arrivals::begin(py);
        let value = frame.value(py)?;
        arrivals.at(&self.site);
        match failed {
            true => Err(errors::rebuild(py, &value)),
            false => Ok(value.unbind()),
        }
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        recorder::end(self.span);
        lock(&PENDING).remove(&self.id);
        if !self.over.swap(true, Ordering::AcqRel) {
            cancel(self.session, self.id);
        }
    }
}

/// Tells that a cancelled call goes on: its function took the signal, so Python waits for it.
async fn report_unless_over(session: Option<&'static Session>, id: u32, span: SpanId) {
    tokio::time::sleep(REPORT_AFTER).await;
    let name = lock(&PENDING).get(&id).map(|call| call.who.name.clone());
    let Some(name) = name else { return };
    let told = format!("{name} of TypeScript goes on after its cancellation");
    recorder::error(span, &told);
    let _inside = sessions::enter(session);
    session::print("stderr", format!("{told}\n").as_bytes());
}

fn cancel(session: Option<&'static Session>, id: u32) {
    let _inside = sessions::enter(session);
    session::send_bare(&Header {
        kind: kind::CANCEL,
        id,
        ..Header::default()
    });
}
