//! The conversation with TypeScript: frames in become jobs, answers and events become frames out.
//!
//! Threads: [`submit`] runs on the JavaScript thread or the socket's reader and never takes the GIL;
//! packing and unpacking happen on the Python thread that runs the job. Must not know the transport.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use symphony_core::frame::{self, flag, kind, Header};
use symphony_core::pack::{Malformed, PackBuf};
use symphony_core::recorder;
use tokio_util::sync::CancellationToken;

use crate::codec;
use crate::control::{self, Request};
use crate::crossing::{self, Crossing};
use crate::dispatch;
use crate::errors;
use crate::host_calls;
use crate::job::{lock, Call, Job, JobControl};
use crate::js;
use crate::objects;
use crate::panics;
use crate::refs::{self, Arrivals, BridgeRefs, Given};
use crate::sessions::{self, Session};

/// This process is a fork of the one that has the session: the session's threads are not here.
static FORKED: AtomicBool = AtomicBool::new(false);
/// Calls from TypeScript that are not answered yet, by session and id.
static CALLS: LazyLock<Mutex<HashMap<(u32, u32), Arc<JobControl>>>> = LazyLock::new(Mutex::default);

/// Begins a session for the calling thread; `wake` is called when output waits.
pub fn connect(wake: Arc<dyn Fn() + Send + Sync>) {
    let session = sessions::open();
    session.outbox.connect(wake);
}

/// Takes whole frames. Never blocks.
pub fn submit(frames: &[u8]) -> Result<(), Malformed> {
    let mut rest = frames;
    while let Some(length) = frame::peek_length(rest)? {
        let bytes = rest
            .get(..length)
            .ok_or(Malformed("a frame is cut short"))?;
        accept(OwnedFrame::copy(bytes))?;
        rest = &rest[length..];
    }
    Ok(())
}

/// All output that waits.
pub fn drain() -> Vec<u8> {
    sessions::current().map_or_else(Vec::new, |session| session.outbox.drain())
}

/// Whether TypeScript listens.
pub fn is_connected() -> bool {
    !is_closed() && sessions::current().is_some_and(|session| session.outbox.is_connected())
}

pub fn is_closed() -> bool {
    sessions::current().is_none_or(Session::is_closed) || is_forked()
}

/// Leaves the session to the process that this one was forked from. Takes no lock: whoever held it
/// may not be here.
pub fn forget_in_fork() {
    FORKED.store(true, Ordering::Release);
}

pub fn is_forked() -> bool {
    FORKED.load(Ordering::Acquire)
}

/// Number of the session; 0 when there is none. TypeScript's handles, and answers to its calls, mean
/// something in theirs only.
pub fn number() -> u32 {
    sessions::current().map_or(0, Session::number)
}

/// Ends the session: cancels its jobs, fails those who wait for its TypeScript, flushes the recorder.
pub fn close() {
    let Some(session) = sessions::current() else {
        return;
    };
    if !sessions::close(session) {
        return;
    }
    let number = session.number();
    let mut ended = Vec::new();
    lock(&CALLS).retain(|(of, _), control| {
        if *of == number {
            ended.push(control.clone());
        }
        *of != number
    });
    ended.into_iter().for_each(control::cancel);
    host_calls::fail_all(number);
    control::request(Request::ForgetSession(number));
    dispatch::end_main_thread();
    session.outbox.close();
    js::disconnect();
    recorder::flush();
}

/// Queues a frame without a value.
pub fn send_bare(header: &Header) {
    // A frame without a value is never too large.
    let _ = send(header, &PackBuf::new());
}

/// Queues a frame.
pub fn send(header: &Header, pack: &PackBuf) -> PyResult<()> {
    if is_forked() {
        return Ok(());
    }
    let bytes = written(header, pack)?;
    if let Some(session) = sessions::current() {
        session.outbox.push(&bytes);
    }
    Ok(())
}

/// Queues a frame that means something in the session `number` only; dropped when that one has ended.
pub fn send_in(number: u32, header: &Header, pack: &PackBuf) -> PyResult<()> {
    if let Some(session) = sessions::find(number).filter(|_| !is_forked()) {
        session.outbox.push(&written(header, pack)?);
    }
    Ok(())
}

fn written(header: &Header, pack: &PackBuf) -> PyResult<Vec<u8>> {
    let mut bytes = Vec::new();
    frame::write_frame(&mut bytes, header, pack)
        .map_err(|error| PyOverflowError::new_err(error.to_string()))?;
    Ok(bytes)
}

/// Queues printed bytes of `stdout` or `stderr`.
pub fn print(stream: &'static str, bytes: &[u8]) {
    if let Some(session) = sessions::current().filter(|_| !is_forked()) {
        session.outbox.push_text(stream, bytes);
    }
}

/// The frame with which a child introduces itself.
pub fn hello(token: &str) -> Vec<u8> {
    let mut pack = PackBuf::new();
    pack.tuple(1);
    pack.str(token);
    let header = Header {
        kind: kind::HELLO,
        ..Header::default()
    };
    let mut bytes = Vec::new();
    // A token is far below the limit of a frame.
    let _ = frame::write_frame(&mut bytes, &header, &pack);
    bytes
}

/// A frame in memory of its own, aligned for reading in place.
pub struct OwnedFrame {
    words: Vec<u64>,
}

impl OwnedFrame {
    /// `bytes` is one whole frame: its length is a multiple of 8.
    fn copy(bytes: &[u8]) -> Self {
        let words = bytes
            .chunks_exact(8)
            .map(|word| u64::from_ne_bytes(word.try_into().expect("chunks of 8")))
            .collect();
        Self { words }
    }

    pub fn read(&self) -> Result<frame::Frame<'_>, Malformed> {
        // SAFETY: u64 has no padding, and u8 no alignment.
        frame::read_frame(unsafe { self.words.align_to::<u8>() }.1)
    }

    /// The frame's value as a Python object.
    pub fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let frame = self.read().map_err(|error| codec::malformed(py, error))?;
        Ok(codec::decode(py, &frame.pack, &BridgeRefs)?.into_bound(py))
    }
}

fn accept(frame: OwnedFrame) -> Result<(), Malformed> {
    let header = frame.read()?.header;
    match header.kind {
        // Nobody is left to answer to.
        kind::CALL if is_closed() => {}
        kind::CALL => accept_call(header, frame),
        kind::RESULT | kind::ERROR => host_calls::answer(header, frame),
        kind::CANCEL => {
            let control = lock(&CALLS).get(&(number(), header.id)).cloned();
            // A call that has been answered meanwhile needs no cancelling.
            if let Some(control) = control {
                control::cancel(control);
            }
        }
        kind::RELEASE => control::request(Request::Release(frame)),
        kind::PING => send_bare(&Header {
            kind: kind::PONG,
            id: header.id,
            ..Header::default()
        }),
        kind::CLOSE => close(),
        _ => return Err(Malformed("a frame of unknown kind")),
    }
    Ok(())
}

fn accept_call(header: Header, frame: OwnedFrame) {
    let origin: Arc<OnceLock<Origin>> = Arc::default();
    let known = origin.clone();
    let Some(session) = sessions::current() else {
        return;
    };
    let key = (session.number(), header.id);
    let control = JobControl::new(Box::new(move |py, outcome| {
        if is_forked() {
            return;
        }
        lock(&CALLS).remove(&key);
        let _inside = sessions::enter(Some(session));
        if !session.is_closed() {
            reply(py, &header, known.get(), outcome);
        }
    }));
    let cancelled = control.token().clone();
    lock(&CALLS).insert(key, control.clone());
    dispatch::submit(Job {
        control,
        prepare: Box::new(move |py| prepare(py, &header, &frame, &origin, &cancelled)),
        parent: header.parent as u64,
        sent_ns: header.sent_ns,
        on_main_thread: header.flags & flag::MAIN_THREAD != 0,
        session: Some(session),
    });
}

/// Where a call came from and what it is called, for the handle that keeps its result.
struct Origin {
    name: String,
    site: String,
}

fn prepare(
    py: Python<'_>,
    header: &Header,
    frame: &OwnedFrame,
    origin: &OnceLock<Origin>,
    cancelled: &CancellationToken,
) -> PyResult<Call> {
    let frame = frame.read().map_err(|error| codec::malformed(py, error))?;
    let arrivals = Arrivals::begin(py);
    let request = codec::decode_call(py, &frame.pack, &BridgeRefs)?;
    arrivals.at(request.site.as_deref().unwrap_or_default());
    if cancelled.is_cancelled() {
        // Before anything is imported for it.
        return Err(errors::cancelled(py));
    }
    let site = request.site.as_deref().unwrap_or_default();
    let resolved = resolve(py, header.target, request.name.as_deref())?;
    origin.get_or_init(|| Origin {
        name: resolved.name.clone(),
        site: site.to_owned(),
    });
    let args = resolved.args.unwrap_or(request.args.unbind());
    let title = crossing::title(resolved.name, args.bind(py));
    let crossing = Crossing::of_callable(title, site, resolved.callable.bind(py));
    Ok(Call {
        callable: resolved.callable,
        args,
        kwargs: request.kwargs.map(Bound::unbind),
        crossing,
    })
}

fn reply(py: Python<'_>, header: &Header, origin: Option<&Origin>, outcome: PyResult<Py<PyAny>>) {
    let answer = Header {
        id: header.id,
        ..Header::default()
    };
    // What runs while a value is packed or an error described may be Python code, and panic.
    let sent = guarded(py, || {
        let value = outcome?;
        let mut pack = PackBuf::new();
        let value = value.bind(py);
        let given = Given::begin(py);
        let (name, site) = origin.map_or(("", ""), |origin| (&origin.name, &origin.site));
        if header.flags & flag::RETURN_REF != 0 {
            let long_lived = header.flags & flag::LONG_LIVED != 0;
            refs::give_as(value, name, site, long_lived, &mut pack)?;
        } else {
            let exactness = codec::Exactness::of_flags(header.flags);
            codec::encode_as(value, &mut pack, &BridgeRefs, "result", exactness)?;
        }
        let result = Header {
            kind: kind::RESULT,
            ..answer
        };
        send(&result, &pack)?;
        given.sent(site);
        Ok(())
    });
    if let Err(error) = sent {
        let pack = pack_failure(py, &error);
        let failure = Header {
            kind: kind::ERROR,
            ..answer
        };
        // The description of an error is plain and small.
        let _ = send(&failure, &pack);
    }
}

/// Turns a panic into an error.
pub fn guarded<T>(py: Python<'_>, body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    panics::caught(body).unwrap_or_else(|panic| Err(errors::panicked(py, &panic)))
}

/// The payload of an ERROR frame. Describing runs foreign code, which may panic: then that is told.
pub fn pack_failure(py: Python<'_>, error: &PyErr) -> PackBuf {
    guarded(py, || Ok(pack_error(py, error))).unwrap_or_else(|panicked| pack_error(py, &panicked))
}

/// What an error refers to may belong to a session that has ended: then it goes without; one that
/// cannot be described at all is told by its title.
fn pack_error(py: Python<'_>, error: &PyErr) -> PackBuf {
    let mut pack = PackBuf::new();
    let mut describe = |keep| {
        pack.clear();
        errors::describe(py, error, keep)
            .and_then(|plain| codec::encode(&plain, &mut pack, &BridgeRefs, "error"))
    };
    if describe(true).or_else(|_| describe(false)).is_err() {
        pack.clear();
        pack.object(&["type", "message", "code"]);
        pack.str("Exception");
        pack.str(&errors::title(py, error));
        pack.str("python-exception");
    }
    pack
}

/// A callable found, and what the trace calls it.
pub struct Resolved {
    pub callable: Py<PyAny>,
    pub name: String,
    /// Arguments that replace the request's.
    pub args: Option<Py<PyTuple>>,
}

/// Finds the callable: `module:attr.attr`, an attribute path on a handle, or the handle itself.
/// A name without attributes imports the module.
pub fn resolve(py: Python<'_>, target: u32, name: Option<&str>) -> PyResult<Resolved> {
    if target != 0 {
        let (object, label) = objects::named(py, target)?;
        let Some(path) = name else {
            return Ok(Resolved::new(object, label));
        };
        let callable = attribute(object.bind(py), path)?.unbind();
        return Ok(Resolved::new(callable, format!("{label}.{path}")));
    }
    let name = name.ok_or_else(|| PyTypeError::new_err("a call needs a name or a handle"))?;
    let Some((module, path)) = name.split_once(':') else {
        let import = py.import("importlib")?.getattr("import_module")?;
        return Ok(Resolved {
            callable: import.unbind(),
            name: name.to_owned(),
            args: Some(PyTuple::new(py, [name])?.unbind()),
        });
    };
    let callable = attribute(&import(py, module)?, path)?.unbind();
    Ok(Resolved::new(callable, format!("{module}.{path}")))
}

impl Resolved {
    fn new(callable: Py<PyAny>, name: String) -> Self {
        Self {
            callable,
            name,
            args: None,
        }
    }
}

/// The module `name`, from `sys.modules` where it is loaded already. One that another thread is
/// still importing is waited for: the import takes the module's lock.
fn import<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODULES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match MODULES.import(py, "sys", "modules")?.get_item(name) {
        Ok(module) if !module.is_none() && !is_initializing(&module) => Ok(module),
        _ => Ok(py.import(name)?.into_any()),
    }
}

fn is_initializing(module: &Bound<'_, PyAny>) -> bool {
    let py = module.py();
    module
        .getattr(intern!(py, "__spec__"))
        .and_then(|spec| spec.getattr(intern!(py, "_initializing")))
        .and_then(|initializing| initializing.is_truthy())
        .unwrap_or(false)
}

fn attribute<'py>(object: &Bound<'py, PyAny>, path: &str) -> PyResult<Bound<'py, PyAny>> {
    path.split('.')
        .try_fold(object.clone(), |object, name| object.getattr(name))
}
