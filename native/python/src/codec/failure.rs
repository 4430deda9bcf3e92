//! Why a value could not cross. Gathers its path on the way out of the containers, so that a conversion that succeeds
//! pays nothing for it.

use pyo3::exceptions::{PyException, PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{ffi, intern};
use symphony_core::pack::{Malformed, MAX_DEPTH};

/// A path of a thousand steps helps nobody.
const MAX_STEPS: usize = 12;

/// One step from a container to what it holds.
pub enum Step {
    Index(usize),
    /// An object's or dataclass's field, or a text key.
    Name(String),
    /// The n-th key, value or item of something without order or names.
    Nth(&'static str, usize),
}

pub enum Failure {
    /// A Python exception that passes unchanged.
    Raised(PyErr),
    /// The bytes are no pack.
    Malformed(Malformed),
    /// The value has no form on the other side.
    Refused(Refusal),
}

pub struct Refusal {
    type_name: String,
    reason: String,
    /// The container at which the depth limit was met: meeting it again on the way out tells a cycle.
    too_deep: Option<*mut ffi::PyObject>,
    cyclic: bool,
    steps: Vec<Step>,
    /// What Python code of the value raised.
    cause: Option<PyErr>,
}

/// Boxed, so that success travels in registers.
pub type Outcome<T> = Result<T, Box<Failure>>;

impl Failure {
    #[cold]
    pub fn refused(value: &Bound<'_, PyAny>, reason: impl Into<String>) -> Box<Self> {
        Self::refused_type(type_name(value), reason)
    }

    #[cold]
    pub fn refused_type(type_name: String, reason: impl Into<String>) -> Box<Self> {
        Box::new(Self::Refused(Refusal {
            type_name,
            reason: reason.into(),
            too_deep: None,
            cyclic: false,
            steps: Vec::new(),
            cause: None,
        }))
    }

    /// Python code of the value raised. What asks the thread to end passes unchanged.
    #[cold]
    pub fn raised_by(value: &Bound<'_, PyAny>, error: PyErr) -> Box<Self> {
        let py = value.py();
        if !error.is_instance_of::<PyException>(py) || error.is_instance_of::<PyMemoryError>(py) {
            return Box::new(Self::Raised(error));
        }
        // Not the error's own text as a whole: making it may raise again.
        let name = type_name(error.value(py));
        let message = error
            .value(py)
            .str()
            .map_or_else(|_| String::new(), |text| format!(": {text}"));
        let mut failure = Self::refused(value, format!("its own code raised {name}{message}"));
        if let Self::Refused(refusal) = &mut *failure {
            refusal.cause = Some(error);
        }
        failure
    }

    #[cold]
    pub fn too_deep(value: &Bound<'_, PyAny>) -> Box<Self> {
        let mut failure = Self::refused(value, format!("nested more than {MAX_DEPTH} levels deep"));
        if let Self::Refused(refusal) = &mut *failure {
            refusal.too_deep = Some(value.as_ptr());
        }
        failure
    }

    #[cold]
    pub fn changed(value: &Bound<'_, PyAny>) -> Box<Self> {
        Self::refused(value, "it changed while it was read")
    }

    /// Adds the step that led from `container` to the failure.
    #[cold]
    pub fn inside(mut self: Box<Self>, container: *mut ffi::PyObject, step: Step) -> Box<Self> {
        if let Self::Refused(refusal) = &mut *self {
            refusal.steps.push(step);
            if refusal.too_deep == Some(container) {
                refusal.cyclic = true;
                refusal.steps.clear();
            }
        }
        self
    }

    /// Makes the exception; `root` names the value, e.g. `args`.
    pub fn into_error(self, py: Python<'_>, root: &str) -> PyErr {
        match self {
            Self::Raised(error) => error,
            Self::Malformed(error) => malformed(py, error),
            Self::Refused(refusal) => refusal.into_error(py, root),
        }
    }
}

impl From<PyErr> for Box<Failure> {
    #[cold]
    fn from(error: PyErr) -> Self {
        Box::new(Failure::Raised(error))
    }
}

impl From<Malformed> for Box<Failure> {
    #[cold]
    fn from(error: Malformed) -> Self {
        Box::new(Failure::Malformed(error))
    }
}

impl Refusal {
    fn into_error(self, py: Python<'_>, root: &str) -> PyErr {
        let path = render(root, &self.steps);
        let reason = if self.cyclic {
            "it contains itself"
        } else {
            &self.reason
        };
        let text = format!(
            "cannot convert {path} (type '{}'): {reason}",
            self.type_name
        );
        let error = PyTypeError::new_err(text);
        error.set_cause(py, self.cause);
        with_code(py, error, "conversion")
    }
}

/// The exception for bytes that are no pack: a `ValueError` with code `frame-invalid`.
pub fn malformed(py: Python<'_>, error: Malformed) -> PyErr {
    with_code(
        py,
        PyValueError::new_err(error.to_string()),
        "frame-invalid",
    )
}

/// Module-less name of a value's type.
pub fn type_name(value: &Bound<'_, PyAny>) -> String {
    value
        .get_type()
        .name()
        .map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

fn with_code(py: Python<'_>, error: PyErr, code: &str) -> PyErr {
    match error.value(py).setattr(intern!(py, "code"), code) {
        Ok(()) => error,
        Err(failed) => failed,
    }
}

fn render(root: &str, steps: &[Step]) -> String {
    let mut path = root.to_owned();
    for step in steps.iter().rev().take(MAX_STEPS) {
        match step {
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Name(name) if is_identifier(name) => path.push_str(&format!(".{name}")),
            Step::Name(name) => path.push_str(&format!("[{name:?}]")),
            Step::Nth(what, index) => path.push_str(&format!("<{what} {index}>")),
        }
    }
    if steps.len() > MAX_STEPS {
        path.push_str("<…>");
    }
    path
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}
