//! What tests and benchmarks see: a function that panics; of the joint between asyncio and Tokio, futures that do
//! nothing, or fail.
//!
//! Threads: `_panic` on any, the others on those of an event loop.

use pyo3::prelude::*;

use crate::aio;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(_panic, module)?)?;
    module.add_function(wrap_pyfunction!(_await_ready, module)?)?;
    module.add_function(wrap_pyfunction!(_await_panic, module)?)
}

/// A function that panics.
#[pyfunction]
fn _panic() {
    panic!("a planted fault of a function")
}

/// An awaitable of a Rust future that is ready at once.
#[pyfunction]
fn _await_ready(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    aio::spawn_with(py, async {}, |py, ()| Ok(py.None()))
}

/// An awaitable of a Rust future that panics, or whose output panics on its way to Python.
#[pyfunction]
fn _await_panic(py: Python<'_>, converting: bool) -> PyResult<Bound<'_, PyAny>> {
    let future = async move { assert!(converting, "a planted fault of a future") };
    aio::spawn_with(py, future, |_, ()| {
        panic!("a planted fault of a conversion")
    })
}
