//! Errors of the Pit as Python exceptions. Their classes live in `symphony_bridge.errors`.

use std::sync::Arc;

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
        message: errors::title(py, &error),
        foreign: Some(foreign),
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
    let line = error.location();
    let function = format!("pit::{component}::{name}");
    known.set_item(
        "rust_frames",
        vec![(function, source_path(line.file()), line.line())],
    )?;
    let class = py
        .import("symphony_bridge.errors")?
        .getattr(class_of(error.kind()))?;
    let made = PyErr::from_value(class.call((error.message(),), Some(&known))?);
    let cause = error
        .foreign()
        .and_then(|foreign| foreign.downcast_ref::<PyErr>());
    if let Some(cause) = cause {
        made.set_cause(py, Some(cause.clone_ref(py)));
    }
    Ok(made)
}
