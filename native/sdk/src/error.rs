//! The error of a component's operation: message, fields, hint, and what caused it.
//!
//! It takes any `std::error::Error` by `?`. In Python it is a `ComponentError` with the operation, the
//! fields as `details` and the chain as `__cause__`s; exceptions of Python in the chain are themselves.
//! Threads: any; raising needs the GIL.

use std::fmt::{self, Debug, Display, Formatter};
use std::io;
use std::panic::Location;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::IntoPyObjectExt;
use symphony_abi::panics::{self, Panic};

use crate::host;
use crate::python::PythonError;

/// What operations give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;
type Field = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// A failed operation.
pub struct Error(Box<Facts>);

struct Facts {
    message: String,
    fields: Vec<(&'static str, Field)>,
    hint: Option<String>,
    place: &'static Location<'static>,
    cause: Option<Cause>,
}

enum Cause {
    /// Another error, told with more words.
    Ours(Error),
    /// The error that the message is of.
    Itself(Source),
}

impl Error {
    /// An error of these words, raised here.
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(message.into(), None)
    }

    /// Adds a field, which Python finds in `details`.
    #[must_use]
    pub fn with<T>(mut self, field: &'static str, value: T) -> Self
    where
        T: for<'py> IntoPyObject<'py> + Send + 'static,
    {
        let value: Field = Box::new(move |py| value.into_py_any(py));
        self.0.fields.push((field, value));
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    #[track_caller]
    fn of(message: String, cause: Option<Cause>) -> Self {
        Self(Box::new(Facts {
            message,
            fields: Vec::new(),
            hint: None,
            place: Location::caller(),
            cause,
        }))
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::of(error.to_string(), Some(Cause::Itself(Box::new(error))))
    }
}

impl Display for Error {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.message)
    }
}

impl Debug for Error {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{} (at {})", self.0.message, self.0.place)
    }
}

/// More words for an error: `read(path).context("cannot read the list")?`.
pub trait Context<T> {
    /// The error says `message`; what it said before is its cause.
    ///
    /// # Errors
    /// Those of the result.
    fn context(self, message: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    #[track_caller]
    fn context(self, message: impl Into<String>) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::of(message.into(), Some(Cause::Ours(error.into())))),
        }
    }
}

/// The exception for an error of `component.operation`.
pub fn raise(py: Python<'_>, error: Error, component: &str, operation: &str) -> PyErr {
    built(py, error, component, operation).unwrap_or_else(|broken| broken)
}

fn built(py: Python<'_>, error: Error, component: &str, operation: &str) -> PyResult<PyErr> {
    let facts = *error.0;
    let known = PyDict::new(py);
    known.set_item("component", component)?;
    known.set_item("operation", operation)?;
    known.set_item("hint", facts.hint)?;
    let details = PyDict::new(py);
    for (field, value) in facts.fields {
        details.set_item(field, told(py, value)?)?;
    }
    known.set_item("details", details)?;
    let file = host::source_path(facts.place.file());
    let function = format!("{component}::{operation}");
    known.set_item("rust_frames", [(function, file, facts.place.line())])?;
    let class = py
        .import("symphony_bridge.errors")?
        .getattr("ComponentError")?;
    let made = PyErr::from_value(class.call((facts.message,), Some(&known))?);
    let cause = match facts.cause {
        Some(Cause::Ours(cause)) => Some(built(py, cause, component, operation)?),
        Some(Cause::Itself(error)) => below(py, &*error),
        None => None,
    };
    made.set_cause(py, cause);
    Ok(made)
}

/// A field as Python finds it. One that has no form there must not hide the error that it is part of.
fn told(py: Python<'_>, value: Field) -> PyResult<Py<PyAny>> {
    let failure = match panics::caught(|| value(py)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => format!("its conversion panicked: {}", panic.message),
    };
    format!("<not available: {failure}>").into_py_any(py)
}

/// What is told below the words of an error: the error itself where Python knows it better, else its source.
fn below(py: Python<'_>, error: &(dyn std::error::Error + 'static)) -> Option<PyErr> {
    known_to_python(py, error).or_else(|| chain(py, error.source()))
}

/// The errors below an error of Rust's.
fn chain(py: Python<'_>, error: Option<&(dyn std::error::Error + 'static)>) -> Option<PyErr> {
    let error = error?;
    if let Some(known) = known_to_python(py, error) {
        return Some(known);
    }
    let made = PyRuntimeError::new_err(error.to_string());
    made.set_cause(py, chain(py, error.source()));
    Some(made)
}

fn known_to_python(py: Python<'_>, error: &(dyn std::error::Error + 'static)) -> Option<PyErr> {
    if let Some(error) = error.downcast_ref::<PythonError>() {
        return Some(error.exception(py));
    }
    if let Some(error) = error.downcast_ref::<PyErr>() {
        return Some(error.clone_ref(py));
    }
    let error = error.downcast_ref::<io::Error>()?;
    let made = match error.raw_os_error() {
        // Python chooses the class by the number, and keeps it.
        Some(number) => PyOSError::new_err((number, words_of(py, number, error))),
        None => PyErr::from(io::Error::new(error.kind(), error.to_string())),
    };
    // Its words are those of the error that it was made of.
    made.set_cause(py, error.get_ref().and_then(|inner| below(py, inner)));
    Some(made)
}

/// What Python says for an error of the system; Rust's words have the number in them.
fn words_of(py: Python<'_>, number: i32, error: &io::Error) -> String {
    let words = py
        .import("os")
        .and_then(|os| os.call_method1("strerror", (number,)))
        .and_then(|words| words.extract());
    words.unwrap_or_else(|_| error.to_string())
}

/// The exception for a panic.
pub fn panicked(py: Python<'_>, message: &str, panic: &Panic) -> PyErr {
    let made = || {
        let class = py
            .import("symphony_bridge.errors")?
            .getattr("NativePanic")?;
        let error = class.call1((message,))?;
        if let Some((file, line)) = &panic.place {
            error.call_method1("raised_at", ("panic", host::source_path(file), line))?;
        }
        Ok(PyErr::from_value(error))
    };
    made().unwrap_or_else(|broken: PyErr| broken)
}
