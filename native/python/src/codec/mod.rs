//! The object codec: Python objects ⇄ packs.
//!
//! Purpose: the only place that knows how a Python value looks on the wire; both hosts use it.
//! Threads: any, attached; no lock is held while Python code can run. Must not know: calls, sessions, transports.
//!
//! Raw `pyo3::ffi` stands where PyO3's safe layer costs; ownership stays in `Bound` all the same.

mod buffer;
mod call_payload;
mod columns;
mod dataclass;
mod decode;
mod decode_containers;
mod decode_kept;
mod dict_entries;
mod encode;
mod encode_containers;
mod encode_ext;
mod exporter;
mod failure;
mod probes;
mod read_shapes;
mod rules;
mod seen;
mod segment;
mod text;
mod undefined;
mod views;
mod write_shapes;

pub use call_payload::{decode_call, decode_call_lending, CallPayload};
pub use decode::decode;
pub use encode::{encode, encode_apart, encode_as, encode_with, Exactness};
pub use failure::malformed;
pub use text::utf8;
pub use undefined::undefined;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// A reference as its receiver will see it.
pub enum Reference {
    /// An object of the receiver's, by its handle.
    Own(u32),
    /// One of ours: its handle here, and what the stand-in there must know of it.
    Foreign {
        handle: u32,
        /// [`symphony_core::pack::traits`]
        traits: u32,
        label: String,
    },
}

/// What the codec asks the dispatcher about references.
pub trait RefResolver {
    /// Asked for objects that no built-in conversion takes, before they are refused.
    ///
    /// Returns None when the object does not cross by reference.
    fn ref_of(&self, value: &Bound<'_, PyAny>) -> PyResult<Option<Reference>>;

    /// Our own object behind a handle.
    fn own(&self, py: Python<'_>, handle: u32) -> PyResult<Py<PyAny>>;

    /// A stand-in for the sender's object behind a handle; see [`Reference::Foreign`].
    fn foreign(&self, py: Python<'_>, handle: u32, traits: u32, label: &str)
        -> PyResult<Py<PyAny>>;
}

/// Refuses every reference.
pub struct NoRefs;

impl RefResolver for NoRefs {
    fn ref_of(&self, _value: &Bound<'_, PyAny>) -> PyResult<Option<Reference>> {
        Ok(None)
    }

    fn own(&self, _py: Python<'_>, handle: u32) -> PyResult<Py<PyAny>> {
        Err(unreadable(handle))
    }

    fn foreign(
        &self,
        _py: Python<'_>,
        handle: u32,
        _traits: u32,
        _label: &str,
    ) -> PyResult<Py<PyAny>> {
        Err(unreadable(handle))
    }
}

fn unreadable(handle: u32) -> PyErr {
    PyTypeError::new_err(format!("a reference (handle {handle}) cannot be read here"))
}

/// Adds `undefined` and the functions that tests and benchmarks use.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    undefined::register(module)?;
    module.add_function(wrap_pyfunction!(rules::_forget_rules, module)?)?;
    module.add_function(wrap_pyfunction!(exporter::_view_of, module)?)?;
    probes::register(module)
}
