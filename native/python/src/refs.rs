//! References inside packed values: Python objects that JavaScript holds, functions it has passed.
//!
//! Threads: needs the GIL; a finaliser only sends a frame.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use symphony_core::frame::{kind, Header};
use symphony_core::pack::{traits, PackBuf};

use crate::codec::{RefResolver, Reference};
use crate::errors;
use crate::host_calls::{self, Callee};
use crate::kept_errors::KeptError;
use crate::objects;
use crate::session;

/// Gives the codec the session's references.
pub struct BridgeRefs;

impl RefResolver for BridgeRefs {
    fn ref_of(&self, value: &Bound<'_, PyAny>) -> PyResult<Option<Reference>> {
        if let Ok(host_ref) = value.cast::<HostRef>() {
            return Ok(Some(Reference::Own(host_ref.get().current()?)));
        }
        if let Ok(kept) = value.cast::<KeptError>() {
            let KeptError { handle, label } = kept.get();
            return Ok(Some(Reference::Foreign {
                handle: *handle,
                traits: 0,
                label: label.clone(),
            }));
        }
        if !value.is_callable() {
            return Ok(None);
        }
        let label = label(value);
        Ok(Some(Reference::Foreign {
            handle: objects::hold(value, &label, "", false),
            traits: traits::CALLABLE,
            label,
        }))
    }

    fn own(&self, py: Python<'_>, handle: u32) -> PyResult<Py<PyAny>> {
        objects::object(py, handle)
    }

    fn foreign(
        &self,
        py: Python<'_>,
        handle: u32,
        _traits: u32,
        _label: &str,
    ) -> PyResult<Py<PyAny>> {
        let session = session::number();
        Ok(Py::new(py, HostRef { handle, session })?.into_any())
    }
}

/// What messages call an object of ours.
fn label(value: &Bound<'_, PyAny>) -> String {
    let name = value.getattr(intern!(value.py(), "__qualname__"));
    name.and_then(|name| name.extract())
        .or_else(|_| value.get_type().name().map(|name| name.to_string()))
        .unwrap_or_default()
}

/// A function or object of TypeScript's, held by Python. Calling it calls TypeScript and waits.
#[pyclass(frozen, module = "symphony_bridge")]
pub struct HostRef {
    handle: u32,
    /// Session that gave it: the next one uses the same numbers for other things.
    session: u32,
}

#[pymethods]
impl HostRef {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        host_calls::call(py, &self.callee()?, args, kwargs, "", 0)
    }

    /// Awaitable form of calling the function.
    #[pyo3(signature = (*args, **kwargs))]
    fn call_async<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        host_calls::call_async(py, &self.callee()?, args, kwargs, "", 0)
    }

    fn __repr__(&self) -> String {
        format!("<function of TypeScript, handle {}>", self.handle)
    }
}

impl HostRef {
    fn callee(&self) -> PyResult<Callee<'_>> {
        Ok(Callee {
            name: "function",
            handle: self.current()?,
        })
    }

    /// The handle, as long as the session that gave it lasts.
    fn current(&self) -> PyResult<u32> {
        if self.session == session::number() {
            Ok(self.handle)
        } else {
            Err(errors::closed())
        }
    }
}

impl Drop for HostRef {
    fn drop(&mut self) {
        if self.session != session::number() {
            return;
        }
        let mut pack = PackBuf::new();
        pack.list(1);
        pack.int(i64::from(self.handle));
        // A handle number fits any frame.
        let _ = session::send(
            &Header {
                kind: kind::RELEASE,
                ..Header::default()
            },
            &pack,
        );
    }
}
