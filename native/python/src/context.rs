//! What surrounds a call: the context variables of the code that calls, and the session that it means. A job runs in a
//! copy of its caller's context, and what it sets ends with it.
//!
//! Threads: needs the GIL. A context is entered on the thread that runs the job; a task takes a copy of it
//! along to its event loop. Must not know jobs' answers.

use std::ffi::c_int;
use std::sync::Arc;

use pyo3::ffi::PyObject;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use symphony_core::recorder::SpanId;

use crate::host_calls;
use crate::job::{Caller, JobControl};
use crate::sessions::{self, Session};

/// What surrounds code that has something done elsewhere, by Rust. Cheap to clone; any thread.
#[derive(Clone)]
pub struct Surroundings {
    /// A copy of the code's `contextvars.Context`. Shared: where it is cloned, nobody has the GIL to count references.
    variables: Arc<Py<PyAny>>,
    pub session: Option<&'static Session>,
}

impl Surroundings {
    /// Those of the running code.
    pub fn here(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            variables: Arc::new(copy_current(py)?),
            session: current_session(py)?,
        })
    }
}

/// A copy of the running code's context.
pub fn copy_current(py: Python<'_>) -> PyResult<Py<PyAny>> {
    // SAFETY: the GIL is held; a new reference, or null with an exception.
    let copy = unsafe { Bound::from_owned_ptr_or_err(py, PyContext_CopyCurrent()) }?;
    Ok(copy.unbind())
}

/// The context of a job, and whether there was one to begin with.
pub struct JobContext {
    pub variables: Py<PyAny>,
    inherited: bool,
}

impl JobContext {
    /// A copy of the caller's, or one in which nothing is set.
    pub fn of_caller(py: Python<'_>, caller: Caller) -> PyResult<Self> {
        let inherited = match caller {
            Caller::HostCall(0) | Caller::Rust(None) => None,
            Caller::HostCall(id) => host_calls::context_of(py, id),
            Caller::Rust(Some(surroundings)) => Some(surroundings.variables.clone_ref(py)),
        };
        // SAFETY: the GIL is held, and what is copied is a context; a new reference, or null with an exception.
        let variables = unsafe {
            Bound::from_owned_ptr_or_err(
                py,
                match &inherited {
                    Some(context) => PyContext_Copy(context.as_ptr()),
                    None => PyContext_New(),
                },
            )
        }?;
        Ok(Self {
            variables: variables.unbind(),
            inherited: inherited.is_some(),
        })
    }

    /// Makes it this thread's until the guard drops, and says in it whose the job is: it goes along to the tasks and
    /// threads that are given the context.
    pub fn enter<'py>(&self, py: Python<'py>, control: &JobControl) -> PyResult<Inside<'py>> {
        // SAFETY: the GIL is held, and the object is a context.
        if unsafe { PyContext_Enter(self.variables.as_ptr()) } != 0 {
            return Err(PyErr::fetch(py));
        }
        let inside = Inside {
            context: self.variables.clone_ref(py).into_bound(py),
        };
        if control.call != 0 {
            set(call_variable(py)?, control.call.into())?;
        }
        if self.inherited {
            // The job's own span counts: what it does is not shown below its caller's.
            set(span_variable(py)?, 0)?;
        }
        let session = control.session.map_or(0, Session::number);
        if self.inherited || !control.session.is_none_or(Session::is_main) {
            // A thread without a session means the main one.
            set(session_variable(py)?, session.into())?;
        }
        Ok(inside)
    }
}

/// Python code that is called inside `span` on this thread has it above what it does, until the guard drops. The thread
/// knows the span; a context that names another one, as a task's does, is told.
pub fn enter_span(py: Python<'_>, span: SpanId) -> PyResult<Option<InsideSpan<'_>>> {
    let variable = span_variable(py)?;
    if span == 0 || get::<SpanId>(variable)? == 0 {
        return Ok(None);
    }
    Ok(Some(InsideSpan {
        before: set(variable, span)?,
    }))
}

/// The call of `session`'s TypeScript that the running code works for, by its id there; 0 for none, and for one of
/// another session's.
pub fn current_call(py: Python<'_>, session: Option<&'static Session>) -> PyResult<u32> {
    let of_session = match get(session_variable(py)?)? {
        0 => session.is_some_and(Session::is_main),
        number => session.is_some_and(|session| session.number() == number),
    };
    if of_session {
        get(call_variable(py)?)
    } else {
        Ok(0)
    }
}

/// The session that the running code means: its context's, as on an event loop, else its thread's.
fn current_session(py: Python<'_>) -> PyResult<Option<&'static Session>> {
    let number = get(session_variable(py)?)?;
    Ok(sessions::known(number).or_else(sessions::current))
}

fn get<T: for<'py> FromPyObjectOwned<'py, Error = PyErr>>(
    variable: &Bound<'_, PyAny>,
) -> PyResult<T> {
    variable
        .call_method0(intern!(variable.py(), "get"))?
        .extract()
}

/// Sets a variable in the context that the thread is in, and gives what it was before.
fn set<'py>(variable: &Bound<'py, PyAny>, value: u64) -> PyResult<Bound<'py, PyAny>> {
    let py = variable.py();
    let value = value.into_pyobject(py)?;
    // SAFETY: the GIL is held, and the first object is a context variable; a new reference, or null with an exception.
    let token = unsafe { PyContextVar_Set(variable.as_ptr(), value.as_ptr()) };
    // SAFETY: as above.
    unsafe { Bound::from_owned_ptr_or_err(py, token) }
}

fn call_variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    VARIABLE.import(py, "symphony_bridge._runtime", "current_call")
}

fn session_variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    VARIABLE.import(py, "symphony_bridge._runtime", "current_session")
}

fn span_variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    VARIABLE.import(py, "symphony_bridge._runtime", "current_span")
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

/// Gives the context back the span that it named before.
pub struct InsideSpan<'py> {
    before: Bound<'py, PyAny>,
}

impl Drop for InsideSpan<'_> {
    fn drop(&mut self) {
        let py = self.before.py();
        let reset = span_variable(py)
            .and_then(|variable| variable.call_method1(intern!(py, "reset"), (&self.before,)));
        if let Err(error) = reset {
            error.write_unraisable(py, None);
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
    fn PyContextVar_Set(variable: *mut PyObject, value: *mut PyObject) -> *mut PyObject;
}
