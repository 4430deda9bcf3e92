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
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pyo3::exceptions::{PyConnectionError, PyRuntimeError};
use pyo3::prelude::*;

use crate::dispatch;
use crate::session;
use link::Link;

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
    let link = Arc::new(Link::new(stream, lifeline).map_err(refuse)?);
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
