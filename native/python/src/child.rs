//! The child's end of the socket: carries frames, and ends the process when the editor is gone.
//!
//! Threads: one native thread reads, one writes, one watches the life line; none of them ever takes
//! the GIL, so the editor gets answers, and its death is noticed, whatever Python does.
//! Must not know what a frame means: that is the session's.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::{PyConnectionError, PyRuntimeError};
use pyo3::prelude::*;
use symphony_core::frame::{self, Chunk};
use symphony_core::pack::Malformed;

use crate::job::lock;
use crate::session;

/// How much is read from the socket at once.
const READ_CHUNK: usize = 256 * 1024;
/// Exit code of a child whose editor has gone.
const ORPHANED: i32 = 82;
/// How long an orderly end may take once the editor has let go of the connection.
const ORDERLY_END: Duration = Duration::from_secs(5);

/// Connects to the editor's socket, proves the token and starts serving. Takes over the descriptor
/// `lifeline`, which ends when the editor does.
#[pyfunction]
pub fn connect_socket(path: &str, token: &str, lifeline: RawFd) -> PyResult<()> {
    // SAFETY: the caller hands over a descriptor that nothing else uses.
    let lifeline = unsafe { File::from_raw_fd(lifeline) };
    die_with_parent()?;
    let refuse = |error: std::io::Error| {
        PyConnectionError::new_err(format!("cannot connect to the editor at {path}: {error}"))
    };
    let mut stream = UnixStream::connect(path).map_err(refuse)?;
    stream.write_all(&session::hello(token)).map_err(refuse)?;
    let reader = stream.try_clone().map_err(refuse)?;
    let bell = Arc::new(Bell::default());
    let ring = bell.clone();
    session::connect(Arc::new(move || ring.ring()));
    spawn("conductor-writer", move || write_frames(stream, &bell))?;
    spawn("conductor-reader", move || read_frames(reader))?;
    spawn("conductor-lifeline", move || watch(lifeline))
}

fn read_frames(mut stream: UnixStream) {
    let mut received: Vec<u8> = Vec::new();
    let mut chunk = vec![0; READ_CHUNK];
    loop {
        match stream.read(&mut chunk) {
            // A signal that Python handles may arrive on any thread.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => leave("the editor closed the connection"),
            Ok(count) => received.extend_from_slice(&chunk[..count]),
        }
        let whole = match whole_frames(&received) {
            Ok(length) => length,
            Err(error) => leave(&format!("the editor sent a malformed frame: {error}")),
        };
        if whole > 0 {
            submit(Chunk::copy(&received[..whole]));
            received.drain(..whole);
        }
        if let Ok(Some(length)) = frame::peek_length(&received) {
            if length > READ_CHUNK {
                submit(read_long(&mut stream, &received, length));
                received.clear();
            }
        }
    }
}

/// The rest of a long frame goes straight to where it stays.
fn read_long(stream: &mut UnixStream, begun: &[u8], length: usize) -> Chunk {
    let mut chunk = Chunk::with_length(length);
    let (front, rest) = chunk.bytes_mut().split_at_mut(begun.len());
    front.copy_from_slice(begun);
    if stream.read_exact(rest).is_err() {
        leave("the editor closed the connection");
    }
    chunk
}

fn submit(frames: Chunk) {
    if let Err(error) = session::submit(frames) {
        leave(&format!("the editor sent a malformed frame: {error}"));
    }
}

/// Length of the whole frames at the front of `bytes`.
fn whole_frames(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut whole = 0;
    while let Some(length) = frame::peek_length(&bytes[whole..])? {
        if whole + length > bytes.len() {
            break;
        }
        whole += length;
    }
    Ok(whole)
}

fn write_frames(mut stream: UnixStream, bell: &Bell) {
    loop {
        let frames = session::drain(false);
        if frames.is_empty() {
            if session::is_closed() {
                break;
            }
            bell.wait();
        } else if stream.write_all(&frames).is_err() {
            leave("the editor closed the connection");
        }
    }
}

/// The editor holds the other end; when it ends, however it ends, so do we.
fn watch(mut lifeline: File) {
    let mut ignored = [0; 64];
    loop {
        match lifeline.read(&mut ignored) {
            Ok(count) if count > 0 => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    leave("the editor has gone");
}

/// Ends the process at once, without waiting for Python: it may be held up for ever.
fn leave(reason: &str) -> ! {
    if session::is_closed() {
        // An orderly end is under way; the main thread finishes it, unless a script holds it up.
        thread::sleep(ORDERLY_END);
    }
    // Not `eprintln!`: it panics when nobody reads any more, which is just when this runs.
    let _ = writeln!(std::io::stderr(), "conductor: {reason}");
    symphony_core::recorder::flush();
    // SAFETY: ends the process; nothing runs after it.
    unsafe { libc::_exit(ORPHANED) }
}

fn die_with_parent() -> PyResult<()> {
    // SAFETY: plain system calls without pointers.
    unsafe {
        let parent = libc::getppid();
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // The parent may have died before the signal was armed.
        if libc::getppid() != parent {
            return Err(PyRuntimeError::new_err("the editor has gone"));
        }
    }
    Ok(())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> PyResult<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map(drop)
        .map_err(|error| PyRuntimeError::new_err(format!("cannot start {name}: {error}")))
}

/// Wakes the writer.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *lock(&self.rung) = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut rung = lock(&self.rung);
        while !*rung {
            rung = self
                .changed
                .wait(rung)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        *rung = false;
    }
}
