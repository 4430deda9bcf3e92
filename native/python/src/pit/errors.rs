//! Errors of the Pit as Python exceptions. Their classes live in `symphony_bridge.errors`.

use std::error::Error;
use std::io;
use std::sync::Arc;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use symphony_pit::error::Foreign;
use symphony_pit::{Failure, Kind, Op, PitError};

use super::convert::json_to_py;
use crate::errors;
use crate::site::source_path;

/// What can become a Python exception.
pub trait Raise {
    fn raise(self, py: Python<'_>) -> PyErr;
}

impl Raise for PyErr {
    fn raise(self, _py: Python<'_>) -> PyErr {
        self
    }
}

impl Raise for PitError {
    fn raise(self, py: Python<'_>) -> PyErr {
        build(py, &self).unwrap_or_else(|broken| broken)
    }
}

/// `result.or_raise(py)?` in a function that answers Python.
pub trait OrRaise<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T, E: Raise> OrRaise<T> for Result<T, E> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| error.raise(py))
    }
}

/// A failed Python callable, for the Pit; the exception itself is kept.
pub fn failure(py: Python<'_>, error: PyErr) -> Failure {
    let foreign: Foreign = Arc::new(error.clone_ref(py));
    Failure {
        foreign: Some(foreign),
        ..Failure::new(errors::title(py, &error))
    }
}

/// The name of the exception's class in `symphony_bridge.errors`.
fn class_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Invalid => "PitInvalid",
        Kind::NotFound => "PitNotFound",
        Kind::Conflict => "PitConflict",
        Kind::Timeout => "PitTimeout",
        Kind::Capacity => "PitCapacity",
        Kind::Storage => "PitStorage",
        Kind::Denied => "PitDenied",
        Kind::Damaged => "PitDamaged",
        Kind::Failed => "PitFailed",
        Kind::Cancelled => "PitCancelled",
        Kind::Internal => "PitInternal",
    }
}

fn build(py: Python<'_>, error: &PitError) -> PyResult<PyErr> {
    let Op { component, name } = error.op();
    let known = PyDict::new(py);
    known.set_item("code", error.kind().code())?;
    known.set_item("hint", error.get_hint().unwrap_or_default())?;
    known.set_item("component", component)?;
    known.set_item("operation", name)?;
    let details = PyDict::new(py);
    for (key, value) in error.details() {
        details.set_item(key, json_to_py(py, value)?)?;
    }
    known.set_item("details", details)?;
    let (file, line) = error.place();
    let function = format!("pit::{component}::{name}");
    known.set_item("rust_frames", [(function, source_path(file), line)])?;
    let class = py
        .import("symphony_bridge.errors")?
        .getattr(class_of(error.kind()))?;
    let made = PyErr::from_value(class.call((error.message(),), Some(&known))?);
    let foreign = error
        .foreign()
        .and_then(|foreign| foreign.downcast_ref::<PyErr>());
    let cause = foreign.map(|foreign| foreign.clone_ref(py));
    Ok(caused(
        py,
        made,
        cause.or_else(|| chain(py, error.source())),
    ))
}

/// The errors of Rust's that led to one of ours, as exceptions.
fn chain(py: Python<'_>, error: Option<&(dyn Error + 'static)>) -> Option<PyErr> {
    let error = error?;
    if let Some(error) = error.downcast_ref::<PitError>() {
        return Some(build(py, error).unwrap_or_else(|broken| broken));
    }
    let made = match error.downcast_ref::<io::Error>() {
        Some(error) => os_error(py, error),
        None => PyRuntimeError::new_err(error.to_string()),
    };
    Some(caused(py, made, chain(py, error.source())))
}

/// The `OSError` for an error of the operating system: Python finds its class by its number.
fn os_error(py: Python<'_>, error: &io::Error) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return PyOSError::new_err(error.to_string());
    };
    let text = py
        .import("os")
        .and_then(|os| os.call_method1("strerror", (number,)))
        .and_then(|text| text.extract::<String>());
    PyOSError::new_err((number, text.unwrap_or_else(|_| error.to_string())))
}

fn caused(py: Python<'_>, error: PyErr, cause: Option<PyErr>) -> PyErr {
    // Without a cause it keeps its context: Python hides that of an error whose cause is set to None.
    if cause.is_some() {
        error.set_cause(py, cause);
    }
    error
}
