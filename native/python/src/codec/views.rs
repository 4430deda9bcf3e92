//! JavaScript's memory, lent to Python for the time of a synchronous call.
//!
//! Threads: the JavaScript thread, attached. The memory stays where it is as long as the call lasts; afterwards nothing
//! of Python's may refer to it. What does all the same makes the call fail with an error of the code `view-escaped`, on
//! which the caller keeps the memory for good: it never dangles.

use pyo3::exceptions::PyBufferError;
use pyo3::intern;
use pyo3::prelude::*;
use symphony_abi::panics;

use super::exporter::{self, item_size, Layout, Memory};
use super::rules;

const ESCAPED: &str = "a view of JavaScript's memory is still in use after the call that lent it, by a memoryview or an \
array made from it; keep a copy instead (bytes(view), numpy.array(view)), or release what was made of it";

/// Views lent in one call.
#[derive(Default)]
pub struct Views<'py>(Vec<Lent<'py>>);

struct Lent<'py> {
    exporter: Bound<'py, PyAny>,
    view: Bound<'py, PyAny>,
}

impl<'py> Views<'py> {
    /// A memoryview of `bytes`, which must stay until [`Views::settle`].
    pub fn lend(
        &mut self,
        py: Python<'py>,
        format: &str,
        shape: Vec<usize>,
        fortran: bool,
        readonly: bool,
        bytes: &[u8],
    ) -> PyResult<Bound<'py, PyAny>> {
        let itemsize = item_size(py, format, &shape, bytes.len())?;
        let layout = Layout::new(format, itemsize, shape, fortran, readonly, bytes.len())?;
        let memory = Memory::Lent {
            data: bytes.as_ptr().cast_mut(),
            length: bytes.len(),
        };
        let exporter = exporter::export(py, memory, layout)?;
        let view = exporter::view_of(&exporter)?;
        self.0.push(Lent {
            exporter,
            view: view.clone(),
        });
        Ok(view)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the memory back after the call; `outcome` is what the call gave, its result packed and let go of.
    ///
    /// # Errors
    /// `outcome`'s, and `BufferError` when something still refers to the memory.
    pub fn settle(self, py: Python<'py>, outcome: PyResult<()>) -> PyResult<()> {
        if self.is_empty() {
            return outcome;
        }
        if let Err(error) = &outcome {
            // The functions that failed are over, but their traceback keeps their variables.
            attempt(|| {
                let raised = (error.value(py), error.traceback(py));
                rules::convert(py)?.call_method1(intern!(py, "_forget_variables"), raised)
            });
        }
        if self.release() {
            return outcome;
        }
        attempt(|| {
            py.import(intern!(py, "gc"))?
                .call_method0(intern!(py, "collect"))
        });
        if self.release() {
            return outcome;
        }
        let escaped = PyBufferError::new_err(ESCAPED);
        escaped.set_cause(py, outcome.err());
        escaped
            .value(py)
            .setattr(intern!(py, "code"), "view-escaped")?;
        Err(escaped)
    }

    /// True when nothing refers to the memory any more.
    fn release(&self) -> bool {
        let mut free = true;
        for Lent { exporter, view } in &self.0 {
            // Refused while something is made of the view.
            attempt(|| view.call_method0("release"));
            free &= exporter::exports(exporter) == 0;
        }
        free
    }
}

/// Does what may free memory. Whatever comes of it, the count of exports tells whether the memory is free: leaving early
/// would let it dangle.
fn attempt<T>(work: impl FnOnce() -> PyResult<T>) {
    let _ = panics::caught(work);
}
