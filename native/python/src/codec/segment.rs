//! Segments → `bytes`.

use pyo3::ffi;
use pyo3::prelude::*;
use symphony_core::huge_pages;

use super::decode::new;
use super::failure::Outcome;

/// A copy, in memory that is written once only: `PyBytes` would give no time to ask for large pages before.
pub fn bytes<'py>(py: Python<'py>, segment: &[u8]) -> Outcome<Bound<'py, PyAny>> {
    // SAFETY: without a source, CPython makes room for so many bytes, or null with an exception. A slice's length
    // fits.
    let made = new(py, unsafe {
        ffi::PyBytes_FromStringAndSize(std::ptr::null(), segment.len() as isize)
    })?;
    // SAFETY: `made` is bytes of that length, which nobody else has seen yet.
    unsafe {
        let room = ffi::PyBytes_AsString(made.as_ptr()).cast::<u8>();
        huge_pages::expect_to_fill(room, segment.len());
        room.copy_from_nonoverlapping(segment.as_ptr(), segment.len());
    }
    Ok(made)
}
