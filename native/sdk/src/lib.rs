//! Components in Rust for Conductor scripts.
//!
//! A component is a PyO3 extension module of its own. Through this crate it uses the bridge's trace,
//! Tokio and Python threads: its operations are spans, its futures are awaitables that asyncio can
//! cancel, its errors carry operation, fields and chain, and it calls Python functions and coroutines
//! from async Rust. `docs/rust.md` of the project is the guide, `examples/rust-component` a component.
//!
//! ```ignore
//! #[pyfunction]
//! fn count(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
//!     operation!("count").spawn(py, async move { Ok(count_words(&path)?) })
//! }
//! ```

mod error;
mod host;
mod operation;
mod python;
pub mod record;
mod work;

pub use error::{Context, Error, Result};
pub use operation::{Operation, Span};
pub use python::{Frame, PythonError, PythonFunction};
pub use record::{add_record, Record};
pub use symphony_sdk_macros::Record;
pub use work::{block, sleep, Stop};

#[doc(hidden)]
pub use pyo3;
