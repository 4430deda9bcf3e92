//! Functions that take their arguments side by side (METH_FASTCALL): for what is called so often that making a tuple
//! for it shows. PyO3 does this from the limited API of 3.10 on; the calling convention has been the same since 3.7.
//!
//! Threads: any, attached. Must not know what the functions do beyond their arguments.

use std::ffi::{c_int, CStr};
use std::mem::transmute;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;
use symphony_abi::panics;
use symphony_core::recorder::{self, Lang, SpanId};

use crate::codec;
use crate::errors;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let functions = FUNCTIONS.0.as_ptr().cast_mut();
    // SAFETY: the list is static, as the functions made of it need, and ends with an empty entry.
    match unsafe { ffi::PyModule_AddFunctions(module.as_ptr(), functions) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(module.py())),
    }
}

type Arguments = *const *mut ffi::PyObject;
type FastFunction =
    unsafe extern "C" fn(*mut ffi::PyObject, Arguments, ffi::Py_ssize_t) -> *mut ffi::PyObject;

/// Named so in the stable ABI since 3.10.
const METH_FASTCALL: c_int = 0x80;

struct Functions([ffi::PyMethodDef; 4]);

// SAFETY: only read.
unsafe impl Sync for Functions {}

static FUNCTIONS: Functions = Functions([
    define(
        c"begin_span",
        begin_span,
        c"begin_span($module, name, site, parent, /)\n--\n\n\
          Begins a span of a script's own; `parent` 0 is the thread's current span.",
    ),
    define(
        c"noop",
        noop,
        c"noop($module, /)\n--\n\n\
          Does nothing: what a crossing from Python to Rust costs by itself.",
    ),
    define(
        c"noop_with",
        noop_with,
        c"noop_with($module, first, second, text, /)\n--\n\n\
          Reads two ints and a str and does nothing: what a crossing with arguments costs by itself.",
    ),
    ffi::PyMethodDef::zeroed(),
]);

const fn define(
    name: &'static CStr,
    function: FastFunction,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            // SAFETY: the flag says which signature it has.
            PyCFunction: unsafe { transmute::<FastFunction, ffi::PyCFunction>(function) },
        },
        ml_flags: METH_FASTCALL,
        ml_doc: doc.as_ptr(),
    }
}

unsafe extern "C" fn begin_span(
    _: *mut ffi::PyObject,
    arguments: Arguments,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls with the GIL held and `count` arguments.
    unsafe {
        called(
            "begin_span",
            arguments,
            count,
            |py, [name, site, parent]| {
                let parent = match parent.extract::<SpanId>()? {
                    0 => recorder::current(),
                    parent => parent,
                };
                let name = recorder::intern(text(name)?, text(site)?, "");
                let span = recorder::begin_child(parent, name, Lang::Python);
                Ok(span.into_pyobject(py)?.into_any())
            },
        )
    }
}

unsafe extern "C" fn noop(
    _: *mut ffi::PyObject,
    arguments: Arguments,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls with the GIL held and `count` arguments.
    unsafe {
        called("noop", arguments, count, |py, []| {
            Ok(py.None().into_bound(py))
        })
    }
}

unsafe extern "C" fn noop_with(
    _: *mut ffi::PyObject,
    arguments: Arguments,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls with the GIL held and `count` arguments.
    unsafe {
        called(
            "noop_with",
            arguments,
            count,
            |py, [first, second, name]| {
                let read = (
                    first.extract::<i64>()?,
                    second.extract::<i64>()?,
                    text(name)?,
                );
                std::hint::black_box(read);
                Ok(py.None().into_bound(py))
            },
        )
    }
}

/// Runs `body`, which is `operation`, with exactly `N` arguments; errors and panics become exceptions.
///
/// # Safety
/// The GIL is held, and `arguments` points to `count` objects that live until this returns.
unsafe fn called<const N: usize>(
    operation: &str,
    arguments: Arguments,
    count: ffi::Py_ssize_t,
    body: impl for<'a, 'py> FnOnce(
        Python<'py>,
        &'a [Bound<'py, PyAny>; N],
    ) -> PyResult<Bound<'py, PyAny>>,
) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise.
    let py = unsafe { Python::assume_attached() };
    let called = panics::caught(|| {
        if count != N as ffi::Py_ssize_t {
            return Err(PyTypeError::new_err(format!(
                "{N} arguments are expected, {count} were given"
            )));
        }
        // SAFETY: there are N, and `Bound` has the layout of the pointer to its object. They are only borrowed here.
        body(py, unsafe { &*arguments.cast::<[Bound<'_, PyAny>; N]>() })
    });
    let error = match called {
        Ok(Ok(value)) => return value.into_ptr(),
        Ok(Err(error)) => error,
        Err(panic) => errors::panicked(py, operation, &panic),
    };
    error.restore(py);
    std::ptr::null_mut()
}

fn text<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    let value = value.cast::<PyString>()?;
    // SAFETY: it is a string.
    let text = unsafe { codec::utf8(value) };
    text.ok_or_else(|| PyTypeError::new_err("a text without lone surrogates is expected"))
}
