//! The bridge's own exceptions, made from Rust. Their classes live in `symphony_bridge.errors`.

use std::ffi::c_ulong;
use std::time::Duration;

use pyo3::exceptions::{PyKeyboardInterrupt, PyLookupError, PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};
use symphony_abi::panics::Panic;
use symphony_core::handles::HandleId;

use crate::kept_errors;
use crate::site::source_path;

/// The error of an operation that the bridge's end has cut off.
pub fn closed() -> PyErr {
    Python::try_attach(|py| new(py, "BridgeClosed", "the bridge is closed"))
        .unwrap_or_else(|| PyRuntimeError::new_err("the bridge is closed"))
}

/// A call that ended because its caller cancelled it, for the reason that it gave.
pub fn cancelled(py: Python<'_>, reason: Option<String>) -> PyErr {
    let message = reason.as_deref().unwrap_or("the call was cancelled");
    new(py, "CallCancelled", message)
}

/// An operation of the bridge's that a panic has ended. What the panic said, and its line where that is known, come
/// along.
pub fn panicked(py: Python<'_>, operation: &str, panic: &Panic) -> PyErr {
    let made = || {
        let known = PyDict::new(py);
        known.set_item("component", "bridge")?;
        known.set_item("operation", operation)?;
        known.set_item("details", [("panic", &panic.message)].into_py_dict(py)?)?;
        let message = format!("the native side failed: {}", panic.message);
        let class = module(py)?.getattr("NativePanic")?;
        let error = class.call((message,), Some(&known))?;
        if let Some((file, line)) = &panic.place {
            let place = ("panic", source_path(file), *line);
            // An error that cannot say where is still the right error.
            let _ = error.call_method1("raised_at", place);
        }
        Ok(error)
    };
    made().map_or_else(|error| error, PyErr::from_value)
}

/// An object that JavaScript still names, and Python no longer holds for it.
#[cold]
pub fn released(py: Python<'_>, handle: HandleId) -> PyErr {
    let error = PyLookupError::new_err(format!(
        "handle {handle} is not open: it was released, or it belongs to a host that has ended"
    ));
    // An error without its code is still the right error.
    let _ = error.value(py).setattr("code", "released");
    error
}

/// A call that would wait for itself.
pub fn deadlock(py: Python<'_>, message: &str, hint: &str) -> PyErr {
    let error = new(py, "DeadlockError", message);
    // An error that cannot carry its hint is still the right error.
    let _ = error.value(py).setattr("hint", hint);
    error
}

/// A call that JavaScript has not answered in the time that its caller has set.
pub fn host_timeout(py: Python<'_>, name: &str, limit: Duration) -> PyErr {
    let seconds = limit.as_secs_f64();
    new(
        py,
        "HostTimeout",
        &format!("{name}() gave no answer within {seconds} s"),
    )
}

/// A cancelled call that cannot be interrupted; the message carries the thread's stack.
pub fn abandoned(py: Python<'_>, ident: c_ulong, reason: Option<String>) -> PyErr {
    let stack = py
        .import("symphony_bridge._runtime")
        .and_then(|module| module.call_method1("stack_of", (ident,)))
        .and_then(|text| text.extract::<String>())
        .unwrap_or_default();
    let reason = reason.unwrap_or_else(|| "the call was cancelled".to_owned());
    new(
        py,
        "CallAbandoned",
        &format!("{reason} but does not end; it is at:\n{stack}"),
    )
}

/// Whether an exception is how Python unwinds after an interruption.
pub fn is_interruption(py: Python<'_>, error: &PyErr) -> bool {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        return true;
    }
    py.import("asyncio")
        .and_then(|asyncio| asyncio.getattr("CancelledError"))
        .is_ok_and(|class| error.is_instance(py, &class))
}

/// One line for the trace: type and message, whatever the exception does when it is asked for them.
pub fn title(py: Python<'_>, error: &PyErr) -> String {
    py.import("symphony_bridge._error_payload")
        .and_then(|module| module.call_method1("title", (error.value(py),)))
        .and_then(|title| title.extract::<String>())
        .ok()
        .and_then(|title| title.lines().next().map(str::to_owned))
        .unwrap_or_else(|| "an exception".to_owned())
}

/// The exception as plain values for the other side. With `keep` the exceptions themselves are kept
/// for a while, and the values refer to them.
pub fn describe<'py>(py: Python<'py>, error: &PyErr, keep: bool) -> PyResult<Bound<'py, PyAny>> {
    let value = error.value(py);
    if let Some(traceback) = error.traceback(py) {
        // PyO3 keeps the traceback beside the exception until it is raised again.
        value.setattr("__traceback__", traceback)?;
    }
    let keeper = if keep {
        Some(wrap_pyfunction!(kept_errors::keep_error, py)?)
    } else {
        None
    };
    py.import("symphony_bridge._error_payload")?
        .call_method1("describe", (value, keeper))
}

/// The exception for an error that TypeScript reports: the same object where it was Python's before.
pub fn rebuild(py: Python<'_>, payload: &Bound<'_, PyAny>) -> PyErr {
    let made = || {
        let kept = wrap_pyfunction!(kept_errors::kept_error, py)?;
        py.import("symphony_bridge._error_payload")?
            .call_method1("rebuild", (payload, kept))
    };
    made().map_or_else(|error| error, PyErr::from_value)
}

/// The form in which an exception may be raised into an asyncio future: those take no `StopIteration`.
pub fn for_future(py: Python<'_>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let outer = PyRuntimeError::new_err("StopIteration was raised where a coroutine waits");
    outer.set_cause(py, Some(error));
    outer
}

fn new(py: Python<'_>, class: &str, message: &str) -> PyErr {
    module(py)
        .and_then(|errors| errors.getattr(class))
        .and_then(|class| class.call1((message,)))
        .map_or_else(|error| error, PyErr::from_value)
}

fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("symphony_bridge.errors")
}
