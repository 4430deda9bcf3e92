//! `undefined`: JavaScript's other nothing. Falsy, one per process, told apart from None so that it can go back as itself.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static THE_ONE: PyOnceLock<Py<Undefined>> = PyOnceLock::new();

/// Type of `undefined`.
#[pyclass(frozen, module = "symphony_bridge._native")]
pub struct Undefined;

#[pymethods]
impl Undefined {
    fn __repr__(&self) -> &'static str {
        "undefined"
    }

    fn __bool__(&self) -> bool {
        false
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: Py<PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__(&self) -> &'static str {
        "undefined"
    }
}

/// The one object.
pub fn undefined(py: Python<'_>) -> PyResult<&Py<Undefined>> {
    THE_ONE.get_or_try_init(py, || Py::new(py, Undefined))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Undefined>()?;
    module.add("undefined", undefined(module.py())?)
}
