//! The conversation with TypeScript: frames in become jobs, answers and events become frames out.
//!
//! Threads: [`submit`] runs on the JavaScript thread or the socket's reader and never takes the GIL;
//! packing and unpacking happen on the Python thread that runs the job. Must not know the transport.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use symphony_abi::panics;
use symphony_core::chunk::Chunk;
use symphony_core::frame::{self, flag, kind, Header};
use symphony_core::handles;
use symphony_core::pack::{Malformed, PackBuf};
use symphony_core::recorder;
use symphony_core::sync::lock;

use crate::codec;
use crate::control::{self, Request};
use crate::crossing;
use crate::dispatch;
use crate::errors;
use crate::host_calls;
use crate::job::{Call, Caller, Job, JobControl};
use crate::js;
use crate::refs::{self, Arrivals, BridgeRefs, Given};
use crate::resolve::resolve;
use crate::room::Room;
use crate::sessions::{self, Session};
use crate::stacks;

/// This process is a fork of the one that has the session: the session's threads are not here.
static FORKED: AtomicBool = AtomicBool::new(false);
/// Calls from TypeScript that are not answered yet, by session and id.
static CALLS: LazyLock<Mutex<Calls>> = LazyLock::new(Mutex::default);

type Calls = HashMap<(u32, u32), Arc<JobControl>>;

/// Begins a session for the calling thread; `wake` is called when output waits.
pub fn connect(wake: Arc<dyn Fn() + Send + Sync>) {
    let session = sessions::open();
    session.outbox.connect(wake);
}

/// Takes whole frames. Never blocks.
pub fn submit(frames: Chunk) -> Result<(), Malformed> {
    let chunk = Arc::new(frames);
    let mut calls = Vec::new();
    let outcome = accept_all(&chunk, &mut calls);
    start(&mut calls);
    outcome
}

/// [`submit`] for one frame that came in two parts: its front, and the bytes of its only segment.
pub fn submit_apart(front: Chunk, segment: Room) -> Result<(), Malformed> {
    let mut calls = Vec::new();
    let frame = OwnedFrame {
        chunk: Arc::new(front),
        at: 0,
        apart: Some(Arc::new(segment)),
    };
    let outcome = accept_next(frame, &mut calls).map(drop);
    start(&mut calls);
    outcome
}

/// All output that waits. With `watched`, its reader looks again by itself: it is not woken until it has drained
/// without.
pub fn drain(watched: bool) -> Vec<u8> {
    sessions::current().map_or_else(Vec::new, |session| session.outbox.drain(watched))
}

/// Takes back output that could not be delivered; it comes first again.
pub fn put_back(frames: Vec<u8>) {
    if let Some(session) = sessions::current() {
        session.outbox.put_back(frames);
    }
}

/// Takes memory of delivered output back for what comes next.
pub fn recycle(frames: Vec<u8>) {
    if let Some(session) = sessions::current() {
        session.outbox.recycle(frames);
    }
}

/// Whether TypeScript listens.
pub fn is_connected() -> bool {
    !is_closed() && sessions::current().is_some_and(|session| session.outbox.is_connected())
}

#[inline]
pub fn is_closed() -> bool {
    sessions::current().is_none_or(Session::is_closed) || is_forked()
}

/// Leaves the session to the process that this one was forked from. Takes no lock: whoever held it
/// may not be here.
pub fn forget_in_fork() {
    FORKED.store(true, Ordering::Release);
}

#[inline]
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

/// Nobody reads the ended session's output any more: its memory is given back.
pub fn forget_output() {
    if let Some(session) = sessions::current().filter(|session| session.is_closed()) {
        session.outbox.forget();
    }
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
    sessions::current().map_or(Ok(()), |session| push(session, header, pack))
}

/// Queues a frame that means something in the session `number` only; dropped when that one has ended.
pub fn send_in(number: u32, header: &Header, pack: &PackBuf) -> PyResult<()> {
    let session = sessions::find(number).filter(|_| !is_forked());
    session.map_or(Ok(()), |session| push(session, header, pack))
}

fn push(session: &Session, header: &Header, pack: &PackBuf) -> PyResult<()> {
    let pushed = session.outbox.push(header, pack);
    pushed.map_err(|error| PyOverflowError::new_err(error.to_string()))
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

/// A frame of a chunk that its frames share.
pub struct OwnedFrame {
    chunk: Arc<Chunk>,
    at: usize,
    /// The bytes of its only segment, where they are not in the chunk.
    apart: Option<Arc<Room>>,
}

impl OwnedFrame {
    pub fn read(&self) -> Result<frame::Frame<'_>, Malformed> {
        let bytes = &self.chunk.bytes()[self.at..];
        match &self.apart {
            Some(room) => frame::read_apart(bytes, room.bytes(), &**room),
            None => frame::read_frame(bytes),
        }
    }

    /// The frame's value as a Python object.
    pub fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let frame = self.read().map_err(|error| codec::malformed(py, error))?;
        Ok(codec::decode(py, &frame.pack, &BridgeRefs)?.into_bound(py))
    }
}

fn accept_all(chunk: &Arc<Chunk>, calls: &mut Vec<Accepted>) -> Result<(), Malformed> {
    let mut at = 0;
    while at < chunk.bytes().len() {
        let frame = OwnedFrame {
            chunk: chunk.clone(),
            at,
            apart: None,
        };
        at += accept_next(frame, calls)?;
    }
    Ok(())
}

/// Calls in a row are collected: they are entered and queued together. Gives the frame's length.
fn accept_next(frame: OwnedFrame, calls: &mut Vec<Accepted>) -> Result<usize, Malformed> {
    let read = frame.read()?;
    let (header, length) = (read.header, read.length);
    if header.kind != kind::CALL {
        // What follows a call may be about it.
        start(calls);
        accept(header, frame)?;
    } else if !is_closed() {
        calls.extend(accept_call(header, frame));
    }
    // With the session closed, nobody is left to answer to.
    Ok(length)
}

/// A call, by its session and id.
type Accepted = ((u32, u32), Job);

fn start(calls: &mut Vec<Accepted>) {
    if calls.is_empty() {
        return;
    }
    {
        let mut known = lock(&CALLS);
        known.extend(calls.iter().map(|(key, job)| (*key, job.control.clone())));
    }
    dispatch::submit_all(calls.drain(..).map(|(_, job)| job));
}

fn accept(header: Header, frame: OwnedFrame) -> Result<(), Malformed> {
    match header.kind {
        kind::RESULT | kind::ERROR => host_calls::answer(header, frame),
        kind::CANCEL => {
            let control = lock(&CALLS).get(&(number(), header.id)).cloned();
            // A call that has been answered meanwhile needs no cancelling.
            if let Some(control) = control {
                control::cancel_because(control, frame);
            }
        }
        kind::RELEASE => control::request(Request::Release(frame)),
        kind::LOCATE => handles::locate(header.target, &frame.read()?.pack.reader().text()?),
        kind::PING if header.flags & flag::INTERPRETER != 0 => {
            control::request(Request::Pong(header.id, sessions::current()));
        }
        kind::PING => pong(header.id, header.flags & flag::STACKS != 0),
        kind::CLOSE => close(),
        _ => return Err(Malformed("a frame of unknown kind")),
    }
    Ok(())
}

/// Answers a PING.
pub fn pong(id: u32, with_stacks: bool) {
    let mut header = Header {
        kind: kind::PONG,
        id,
        ..Header::default()
    };
    let mut pack = PackBuf::new();
    if with_stacks {
        header.flags = flag::STACKS;
        pack.str(&stacks::take());
    }
    // The stacks of a hundred threads are far from too large.
    let _ = send(&header, &pack);
}

fn accept_call(header: Header, frame: OwnedFrame) -> Option<Accepted> {
    let keeps_result = header.flags & flag::RETURN_REF != 0;
    let origin: Option<Arc<OnceLock<Origin>>> = keeps_result.then(Arc::default);
    let known = origin.clone();
    let session = sessions::current()?;
    let key = (session.number(), header.id);
    let control = JobControl::new(
        Some(session),
        header.id,
        Box::new(move |py, outcome| {
            if is_forked() {
                return;
            }
            lock(&CALLS).remove(&key);
            let _inside = sessions::enter(Some(session));
            if !session.is_closed() {
                let origin = known.as_ref().and_then(|origin| origin.get());
                reply(py, &header, origin, outcome);
            }
        }),
    );
    let job = Job {
        control,
        prepare: Box::new(move |py, control| {
            prepare(py, &header, &frame, origin.as_deref(), control)
        }),
        parent: header.parent as u64,
        sent_ns: header.sent_ns,
        on_main_thread: header.flags & flag::MAIN_THREAD != 0,
        session: Some(session),
        caller: Caller::HostCall(header.within),
    };
    Some((key, job))
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
    origin: Option<&OnceLock<Origin>>,
    control: &JobControl,
) -> PyResult<Call> {
    let frame = frame.read().map_err(|error| codec::malformed(py, error))?;
    let arrivals = Arrivals::begin(py);
    let request = codec::decode_call(py, &frame.pack, &BridgeRefs)?;
    arrivals.at(request.site.as_deref().unwrap_or_default());
    if control.is_cancelled() {
        // Before anything is imported for it.
        return Err(errors::cancelled(py, control.reason(py)));
    }
    let site = request.site.as_deref().unwrap_or_default();
    let named = origin.is_some() || recorder::is_open();
    let resolved = resolve(py, header.target, request.name.as_deref(), named)?;
    if let Some(origin) = origin {
        origin.get_or_init(|| Origin {
            name: resolved.name.clone(),
            site: site.to_owned(),
        });
    }
    let args = resolved.args.unwrap_or(request.args);
    let title = crossing::title(resolved.name, &args);
    Ok(Call {
        name: crossing::name_of(title, site, &resolved.callable),
        callable: resolved.callable.unbind(),
        args: args.unbind(),
        kwargs: request.kwargs.map(Bound::unbind),
    })
}

fn reply(py: Python<'_>, header: &Header, origin: Option<&Origin>, outcome: PyResult<Py<PyAny>>) {
    let answer = Header {
        id: header.id,
        ..Header::default()
    };
    // What runs while a value is packed or an error described may be Python code, and panic.
    let sent = guarded(py, "reply", || {
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

/// Turns a panic into an error of `operation`.
pub fn guarded<T>(
    py: Python<'_>,
    operation: &str,
    body: impl FnOnce() -> PyResult<T>,
) -> PyResult<T> {
    panics::caught(body).unwrap_or_else(|panic| Err(errors::panicked(py, operation, &panic)))
}

/// The payload of an ERROR frame. Describing runs foreign code, which may panic: then that is told.
pub fn pack_failure(py: Python<'_>, error: &PyErr) -> PackBuf {
    guarded(py, "reply", || Ok(pack_error(py, error)))
        .unwrap_or_else(|panicked| pack_error(py, &panicked))
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
