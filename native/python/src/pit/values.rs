//! Python objects that pass through the Pit unread, and their kept form.
//!
//! What the codec can write is kept as one frame; anything else lives only as long as the process.

use std::future::Future;

use pyo3::prelude::*;
use symphony_core::chunk::Chunk;
use symphony_core::frame::{self, Header};
use symphony_core::pack::PackBuf;
use symphony_pit::{Failure, Kind, Op, Opaque};

use super::errors::Raise;
use super::operation::blocking;
use crate::codec::{self, NoRefs};

/// A Python object inside an [`Opaque`].
pub struct Held(pub Py<PyAny>);

/// The object with its kept form, where it has one.
pub fn to_opaque(value: &Bound<'_, PyAny>) -> Opaque {
    Opaque::new(Held(value.clone().unbind()), encode(value))
}

/// The object again; of a restored run, an object that is equal to it.
pub fn from_opaque(py: Python<'_>, value: &Opaque) -> PyResult<Py<PyAny>> {
    const OP: Op = symphony_pit::op("dag", "restore");
    match (value.get::<Held>(), value.bytes()) {
        (Some(held), _) => Ok(held.0.clone_ref(py)),
        (None, Some(bytes)) => decode(py, OP, bytes),
        (None, None) => Ok(py.None()),
    }
}

fn encode(value: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    let mut pack = PackBuf::new();
    codec::encode(value, &mut pack, &NoRefs, "value").ok()?;
    let mut bytes = Vec::new();
    let header = Header {
        kind: frame::kind::RESULT,
        ..Header::default()
    };
    frame::write_frame(&mut bytes, &header, &pack).ok()?;
    Some(bytes)
}

/// The object of a kept form.
pub fn decode(py: Python<'_>, op: Op, bytes: &[u8]) -> PyResult<Py<PyAny>> {
    // A frame begins at a multiple of eight, which bytes from a database need not.
    let aligned = Chunk::copy(bytes);
    let frame = frame::read_frame(aligned.bytes()).map_err(|error| {
        op.error(
            Kind::Damaged,
            format!("a kept value cannot be read: {error}"),
        )
        .raise(py)
    })?;
    codec::decode(py, &frame.pack, &NoRefs)
}

/// Runs `work` attached, on a blocking thread, which may wait for the GIL: Tokio's workers must not.
pub fn attached<T: Send + 'static>(
    work: impl FnOnce(Python<'_>) -> Result<T, Failure> + Send + 'static,
) -> impl Future<Output = Result<T, Failure>> + Send {
    blocking(move || {
        Python::try_attach(work).unwrap_or_else(|| Err(Failure::new("Python has ended")))
    })
}

/// A failed call of a Python callable, told on a thread that may attach.
pub async fn failed<T: Send + 'static>(error: PyErr) -> Result<T, Failure> {
    attached(move |py| Err(super::errors::failure(py, error))).await
}
