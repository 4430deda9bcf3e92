//! Text of Python strings: what the limited API of 3.8 lacks is looked up in the process.

use std::ffi::{c_char, c_void};
use std::mem::transmute;
use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::{ffi, intern};
use symphony_core::pack::PackBuf;

use super::failure::{Failure, Outcome};

type AsUtf8 = unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::Py_ssize_t) -> *const c_char;

/// Adds a string in the narrower of its two forms; lone surrogates are kept.
///
/// # Safety
/// `value` must be a string.
#[inline]
pub unsafe fn put(value: &Bound<'_, PyAny>, out: &mut PackBuf) -> Outcome<()> {
    // SAFETY: the caller's promise.
    match unsafe { utf8(value) } {
        Some(text) => {
            out.str(text);
            Ok(())
        }
        None => put_surrogates(value, out),
    }
}

/// The text of a string, borrowed from it; None when it holds lone surrogates.
///
/// # Safety
/// `value` must be a string.
#[inline]
pub unsafe fn utf8<'a>(value: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    let mut length = 0;
    // SAFETY: `value` is a string; the interpreter keeps its UTF-8 form as long as the string lives.
    let chars = unsafe { as_utf8()(value.as_ptr(), &mut length) };
    if chars.is_null() {
        // SAFETY: attached, as `value` proves.
        unsafe { ffi::PyErr_Clear() };
        return None;
    }
    // SAFETY: the interpreter gave `length` bytes of valid UTF-8.
    Some(unsafe {
        std::str::from_utf8_unchecked(std::slice::from_raw_parts(chars.cast(), length as usize))
    })
}

#[cold]
fn put_surrogates(value: &Bound<'_, PyAny>, out: &mut PackBuf) -> Outcome<()> {
    let py = value.py();
    let encoded = value.call_method1(
        intern!(py, "encode"),
        (intern!(py, "utf-16-le"), intern!(py, "surrogatepass")),
    )?;
    let units = encoded.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes();
    let pairs = char::decode_utf16(
        units
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]])),
    );
    if pairs.count() != value.len()? {
        return Err(Failure::refused(
            value,
            "a high surrogate right before a low one cannot be told from one character; encode it as bytes",
        ));
    }
    out.utf16(units);
    Ok(())
}

/// `PyUnicode_AsUTF8AndSize` entered the limited API with 3.10, but every CPython exports it.
#[inline]
fn as_utf8() -> AsUtf8 {
    static FOUND: OnceLock<AsUtf8> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // SAFETY: a look-up of a symbol by its name.
        let symbol: *mut c_void =
            unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"PyUnicode_AsUTF8AndSize".as_ptr()) };
        assert!(
            !symbol.is_null(),
            "this interpreter is no CPython: it lacks PyUnicode_AsUTF8AndSize"
        );
        // SAFETY: the symbol is the C function of this signature in every CPython since 3.3.
        unsafe { transmute::<*mut c_void, AsUtf8>(symbol) }
    })
}
