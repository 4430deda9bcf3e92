//! The child's end of the socket: connects to the editor, and ends the process when the editor is gone.
//!
//! Threads: any; the link has one of its own. Must not know what a frame means: that is the session's.

mod incoming;
mod link;
mod outgoing;
mod readiness;

use std::fs::File;
use std::io::Write;
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyConnectionError, PyRuntimeError};
use pyo3::prelude::*;

use crate::aio;
use crate::dispatch;
use crate::session;
use link::Link;

/// Exit code of a child whose editor has gone.
const ORPHANED: i32 = 82;
/// How long an orderly end may take once the editor has let go of the connection.
const ORDERLY_END: Duration = Duration::from_secs(5);
/// An editor that ends closes its descriptors first: after this time it is known whether it was that.
const EDITOR_ENDS: Duration = Duration::from_millis(100);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Connects to the editor's socket, proves the token and starts serving. Takes over the descriptor
/// `lifeline`, which ends when the editor does.
#[pyfunction]
pub fn connect_socket(path: &str, token: &str, lifeline: RawFd) -> PyResult<()> {
    // SAFETY: the caller hands over a descriptor that nothing else uses.
    let lifeline = unsafe { File::from_raw_fd(lifeline) };
    wake_with_parent()?;
    let refuse = |error: std::io::Error| {
        PyConnectionError::new_err(format!("cannot connect to the editor at {path}: {error}"))
    };
    let mut stream = UnixStream::connect(path).map_err(refuse)?;
    stream.write_all(&session::hello(token)).map_err(refuse)?;
    let link = Arc::new(Link::new(stream, lifeline).map_err(refuse)?);
    // Now, while there is memory for its threads: a cancellation needs them even when a script has used up all.
    aio::runtime();
    let sender = link.clone();
    session::connect(Arc::new(move || sender.send_soon()));
    dispatch::look_out_by(link.clone());
    thread::Builder::new()
        .name("conductor-link".to_owned())
        .spawn(move || link.serve())
        .map(drop)
        .map_err(|error| PyRuntimeError::new_err(format!("cannot start conductor-link: {error}")))
}

/// Ends the process at once, without waiting for Python: it may be held up for ever.
fn leave(reason: &str) -> ! {
    // An orderly end is under way; the main thread finishes it, unless a script holds it up.
    let patience = if session::is_closed() {
        ORDERLY_END
    } else {
        EDITOR_ENDS
    };
    let orphaned = is_orphaned_within(patience);
    // Not `eprintln!`: it panics when nobody reads any more, which is just when this runs.
    let _ = writeln!(std::io::stderr(), "conductor: {reason}");
    symphony_core::recorder::flush();
    // SAFETY: plain system calls without pointers; the last one ends the process, nothing runs after it.
    unsafe {
        // Nobody is left who would end what scripts have started: the group, which is ours alone.
        if orphaned && libc::getpgrp() == libc::getpid() {
            libc::kill(0, libc::SIGKILL);
        }
        libc::_exit(ORPHANED)
    }
}

/// The editor's process, as it was when we connected.
static PARENT: AtomicI32 = AtomicI32::new(0);

fn is_orphaned_within(patience: Duration) -> bool {
    let until = Instant::now() + patience;
    loop {
        // SAFETY: a plain system call.
        if unsafe { libc::getppid() } != PARENT.load(Ordering::Acquire) {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// A process that is stopped when its editor dies goes on, and so gets to its end. Not killed by the kernel: it could
/// not end its own children then.
fn wake_with_parent() -> PyResult<()> {
    // SAFETY: plain system calls without pointers.
    unsafe {
        let parent = libc::getppid();
        PARENT.store(parent, Ordering::Release);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGCONT);
        // The parent may have died before the signal was armed.
        if libc::getppid() != parent {
            return Err(PyRuntimeError::new_err("the editor has gone"));
        }
    }
    Ok(())
}
