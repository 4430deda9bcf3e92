//! The Python stacks of all threads, told without the GIL: for a look at an interpreter that does not answer.
//!
//! Threads: any that has Python's signals unblocked. `faulthandler` writes in a signal's handler, and a signal that a
//! thread sends itself is handled before it goes on. Must not know who asks.

use std::ffi::c_int;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Mutex;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use crate::job::lock;

/// What `faulthandler` writes into; None until it is told to.
static PAPER: Mutex<Option<File>> = Mutex::new(None);

/// A signal that nothing else uses: programs take real-time signals from the front.
fn signal() -> c_int {
    libc::SIGRTMAX() - 2
}

/// Makes [`take`] work. Once per process.
#[pyfunction]
pub fn prepare_stacks(py: Python<'_>) -> PyResult<()> {
    // SAFETY: a name that ends in zero; the descriptor is new, or negative.
    let descriptor = unsafe { libc::memfd_create(c"stacks".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(PyOSError::new_err(std::io::Error::last_os_error()));
    }
    // SAFETY: just made, and nobody else's.
    let paper = unsafe { File::from_raw_fd(descriptor) };
    let options = [("file", paper.as_raw_fd().into_pyobject(py)?.into_any())];
    let options = options.into_py_dict(py)?;
    py.import("faulthandler")?
        .call_method("register", (signal(),), Some(&options))?;
    *lock(&PAPER) = Some(paper);
    Ok(())
}

/// The stacks as `faulthandler` words them, each with its innermost frame first; empty when they cannot be told.
pub fn take() -> String {
    let mut paper = lock(&PAPER);
    paper
        .as_mut()
        .map_or_else(String::new, |paper| written(paper).unwrap_or_default())
}

fn written(paper: &mut File) -> std::io::Result<String> {
    paper.set_len(0)?;
    paper.seek(SeekFrom::Start(0))?;
    // SAFETY: a signal to this thread, whose handler is `faulthandler`'s: it takes no lock and allocates nothing.
    let sent = unsafe { libc::pthread_kill(libc::pthread_self(), signal()) };
    if sent != 0 {
        return Err(std::io::Error::from_raw_os_error(sent));
    }
    paper.seek(SeekFrom::Start(0))?;
    let mut text = Vec::new();
    paper.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
