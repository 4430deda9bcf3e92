//! A component that panics and does harm on purpose, in each place where the SDK runs a component's code.
//!
//! Threads: as the SDK says of each. Must not know the checker.

use std::hint::black_box;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use symphony_sdk::{block, operation, sleep, Error, Result};

#[pymodule]
fn planted(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(panic_with_gil, module)?)?;
    module.add_function(wrap_pyfunction!(panic_in_future, module)?)?;
    module.add_function(wrap_pyfunction!(panic_in_block, module)?)?;
    module.add_function(wrap_pyfunction!(plant, module)?)
}

#[pyfunction]
fn panic_with_gil(py: Python<'_>) -> PyResult<()> {
    operation!("panic").run(py, |_| panic!("on purpose"))
}

#[pyfunction]
fn panic_in_future(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    operation!("panic").spawn::<(), _>(py, async {
        sleep(Duration::from_millis(1)).await;
        panic!("on purpose")
    })
}

#[pyfunction]
fn panic_in_block(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    operation!("panic").spawn::<(), _>(py, async {
        block(|_| -> Result<()> { panic!("on purpose") }).await
    })
}

/// Does harm of the named kind, on a thread for blocking work.
#[pyfunction]
fn plant<'py>(py: Python<'py>, fault: String, given: Py<PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    operation!("plant").spawn(py, block(move |_| harm(&fault, given)))
}

fn harm(fault: &str, given: Py<PyBytes>) -> Result<u8> {
    match fault {
        "leak" => {
            let lost = Box::leak(Box::new([7u8; 40]));
            Ok(black_box(lost)[0])
        }
        "lost-reference" => {
            std::mem::forget(given);
            Ok(0)
        }
        "use-after-free" => {
            let bytes = black_box(vec![7u8; 40]);
            let gone = bytes.as_ptr();
            drop(bytes);
            // SAFETY: there is none: freed memory is read on purpose.
            Ok(unsafe { black_box(gone).read_volatile() })
        }
        "arithmetic" => Ok((black_box(250u8) + black_box(10)) & 1),
        _ => Err(Error::new("no fault has that name")),
    }
}
