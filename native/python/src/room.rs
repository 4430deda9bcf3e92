//! `bytes` that are filled before anybody sees them: with what comes from the socket, or by a copy.
//!
//! Threads: the GIL is needed to make one, not to fill it; the control thread makes one for threads that never take the
//! GIL. Must not know frames.

use std::sync::mpsc;
use std::time::Duration;

use pyo3::ffi;
use pyo3::prelude::*;
use symphony_core::huge_pages;

use crate::control::{self, Request};

/// Python may be busy for long in code that does not let go of the GIL: then the bytes are copied later.
const PATIENCE: Duration = Duration::from_millis(20);

/// New `bytes` and their memory.
pub struct Room {
    object: Py<PyAny>,
    memory: *mut u8,
    length: usize,
}

// SAFETY: the memory is the object's, which lives as long; writing to it takes `&mut`.
unsafe impl Send for Room {}
// SAFETY: as above.
unsafe impl Sync for Room {}

impl Room {
    /// Room for so many bytes; they may be anything before they are written.
    pub fn new(py: Python<'_>, length: usize) -> PyResult<Self> {
        let wanted = ffi::Py_ssize_t::try_from(length)?;
        // SAFETY: without a source, CPython makes `bytes` of that length, or gives null with an exception.
        let object = unsafe {
            let made = ffi::PyBytes_FromStringAndSize(std::ptr::null(), wanted);
            Bound::from_owned_ptr_or_err(py, made)?
        };
        // SAFETY: it is bytes.
        let memory = unsafe { ffi::PyBytes_AsString(object.as_ptr()) }.cast::<u8>();
        huge_pages::expect_to_fill(memory, length);
        Ok(Self {
            object: object.unbind(),
            memory,
            length,
        })
    }

    /// [`Room::new`] on the control thread; None when that cannot do it soon. Waits, without the GIL.
    pub fn ask(length: usize) -> Option<Self> {
        let (sender, receiver) = mpsc::sync_channel(1);
        control::request(Request::MakeRoom(length, sender));
        receiver.recv_timeout(PATIENCE).ok()
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the object's memory, which nobody writes while it is borrowed.
        unsafe { std::slice::from_raw_parts(self.memory, self.length) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the object's memory. Nobody else has the object before it is filled: see `object`.
        unsafe { std::slice::from_raw_parts_mut(self.memory, self.length) }
    }

    /// The `bytes`, once they are filled.
    pub fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.object.bind(py).clone()
    }
}
