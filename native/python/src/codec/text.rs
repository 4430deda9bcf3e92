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
        None => {
            let surrogates = Surrogates::of(value)?;
            if surrogates.ambiguous {
                return Err(Failure::refused(
                    value,
                    "a name with a high surrogate right before a low one cannot be told from another name",
                ));
            }
            out.utf16(surrogates.units());
            Ok(())
        }
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

/// A string with surrogates in UTF-16LE.
pub struct Surrogates {
    /// In one part, unless the text holds both characters beyond U+FFFF and a high surrogate right before a low one:
    /// then it is cut between the two.
    pub parts: Vec<Vec<u8>>,
    /// A high surrogate stands right before a low one, which reads as one character.
    pub ambiguous: bool,
}

impl Surrogates {
    /// `value` must be a string.
    #[cold]
    pub fn of(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = value.py();
        let encoded = value.call_method1(
            intern!(py, "encode"),
            (intern!(py, "utf-32-le"), intern!(py, "surrogatepass")),
        )?;
        let points: Vec<u32> = encoded
            .cast::<PyBytes>()?
            .as_bytes()
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let is_pair =
            |a: u32, b: u32| (0xD800..0xDC00).contains(&a) && (0xDC00..0xE000).contains(&b);
        let ambiguous = points.windows(2).any(|two| is_pair(two[0], two[1]));
        let cuts = ambiguous && points.iter().any(|&point| point > 0xFFFF);
        let mut parts = vec![Vec::with_capacity(points.len() * 2)];
        let mut before = 0;
        for point in points {
            if cuts && is_pair(before, point) {
                parts.push(Vec::new());
            }
            if let Some(part) = parts.last_mut() {
                push_utf16(part, point);
            }
            before = point;
        }
        Ok(Self { parts, ambiguous })
    }

    /// The text in one part.
    pub fn units(&self) -> &[u8] {
        self.parts.first().map_or(&[], Vec::as_slice)
    }
}

fn push_utf16(out: &mut Vec<u8>, point: u32) {
    match char::from_u32(point).filter(|_| point > 0xFFFF) {
        None => out.extend_from_slice(&(point as u16).to_le_bytes()),
        Some(character) => {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.extend_from_slice(&unit.to_le_bytes());
            }
        }
    }
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
