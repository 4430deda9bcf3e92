//! Context variables of Python: a job runs in a copy of its caller's context, and what it sets ends with it.
//!
//! Threads: needs the GIL. A context is entered on the thread that runs the job; a task takes a copy of it
//! along to its event loop. Must not know jobs' answers.

use std::ffi::c_int;

use pyo3::ffi::PyObject;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::host_calls;
use crate::job::{self, Caller};

/// A copy of the running code's context, which knows the call from TypeScript that the code works for.
pub fn copy_current(py: Python<'_>) -> PyResult<Py<PyAny>> {
    // SAFETY: the GIL is held; a new reference, or null with an exception.
    let copy = unsafe { Bound::from_owned_ptr_or_err(py, PyContext_CopyCurrent()) }?;
    // On its thread, the job knows it; elsewhere the context has to.
    if let Some(job) = job::current().filter(|job| job.call != 0) {
        let set = call_variable(py)?.getattr(intern!(py, "set"))?;
        copy.call_method1(intern!(py, "run"), (set, job.call))?;
    }
    Ok(copy.unbind())
}

/// The context of a job: its caller's, or one in which nothing is set.
pub fn of_caller(py: Python<'_>, caller: Caller) -> PyResult<Py<PyAny>> {
    let context = match caller {
        Caller::HostCall(0) | Caller::Context(None) => None,
        Caller::HostCall(id) => host_calls::context_of(py, id),
        Caller::Context(context) => context,
    };
    // SAFETY: the GIL is held, and what is copied is a context; a new reference, or null with an exception.
    let made = unsafe {
        Bound::from_owned_ptr_or_err(
            py,
            match context {
                Some(context) => PyContext_Copy(context.as_ptr()),
                None => PyContext_New(),
            },
        )
    };
    made.map(Bound::unbind)
}

/// Makes `context` this thread's until the guard drops.
pub fn enter<'py>(py: Python<'py>, context: &Py<PyAny>) -> PyResult<Inside<'py>> {
    // SAFETY: the GIL is held, and the object is a context.
    match unsafe { PyContext_Enter(context.as_ptr()) } {
        0 => Ok(Inside {
            context: context.clone_ref(py).into_bound(py),
        }),
        _ => Err(PyErr::fetch(py)),
    }
}

/// The call from TypeScript that the running code works for, by its id in the session; 0 for none. On a
/// job's thread it is the job's, elsewhere the context knows it.
pub fn current_call(py: Python<'_>) -> PyResult<u32> {
    if let Some(job) = job::current() {
        if job.call != 0 {
            return Ok(job.call);
        }
    }
    let call = call_variable(py)?.call_method0(intern!(py, "get"))?;
    call.extract()
}

fn call_variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    VARIABLE.import(py, "symphony_bridge._runtime", "current_call")
}

/// Leaves the context.
pub struct Inside<'py> {
    context: Bound<'py, PyAny>,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        // SAFETY: the GIL is held, as long as a bound reference lives, and the object is a context.
        if unsafe { PyContext_Exit(self.context.as_ptr()) } != 0 {
            PyErr::fetch(self.context.py()).write_unraisable(self.context.py(), None);
        }
    }
}

extern "C" {
    // Exported by every CPython, but outside the limited API.
    fn PyContext_New() -> *mut PyObject;
    fn PyContext_Copy(context: *mut PyObject) -> *mut PyObject;
    fn PyContext_CopyCurrent() -> *mut PyObject;
    fn PyContext_Enter(context: *mut PyObject) -> c_int;
    fn PyContext_Exit(context: *mut PyObject) -> c_int;
}
