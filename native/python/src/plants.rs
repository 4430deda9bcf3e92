//! Faults on purpose, for the build in which test/memory shows that its run notices them (feature `plants`).
//!
//! Threads: the caller's.

use std::hint::black_box;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(_plant, module)?)
}

/// Does harm of the named kind.
#[pyfunction]
fn _plant(py: Python<'_>, fault: &str) -> PyResult<u8> {
    match fault {
        "leak" => {
            let lost = Box::leak(Box::new([7u8; 40]));
            return Ok(black_box(lost)[0]);
        }
        "lost-reference" => drop(PyBytes::new(py, &[7; 40]).into_ptr()),
        "lost-list" => drop(PyList::new(py, [1, 2, 3])?.into_ptr()),
        "overflow" => {
            let bytes = black_box(vec![7u8; 40]);
            // SAFETY: there is none: the byte behind the end is read on purpose.
            return Ok(unsafe { black_box(bytes.as_ptr()).add(40).read_volatile() });
        }
        "use-after-free" => {
            let bytes = black_box(vec![7u8; 40]);
            let gone = bytes.as_ptr();
            drop(bytes);
            // SAFETY: there is none: freed memory is read on purpose.
            return Ok(unsafe { black_box(gone).read_volatile() });
        }
        "arithmetic" => return Ok((black_box(250u8) + black_box(10)) & 1),
        "unchecked" => {
            let bytes = black_box(vec![7u8; 40]);
            // SAFETY: there is none: std's own check of this precondition has to stop it.
            return Ok(unsafe { *bytes.get_unchecked(black_box(40)) });
        }
        _ => return Err(PyValueError::new_err(format!("no fault is called {fault}"))),
    }
    Ok(0)
}
