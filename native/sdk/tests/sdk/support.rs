//! An embedded Python for the tests, and the component that its code calls.

use std::ffi::CString;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Once;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

/// Runs `body` with the GIL, in a Python that knows the bridge.
pub fn with_python<T>(body: impl FnOnce(Python<'_>) -> T) -> T {
    static START: Once = Once::new();
    START.call_once(Python::initialize);
    Python::attach(body)
}

/// Runs Python code; its names.
pub fn run<'py>(py: Python<'py>, code: &str) -> Bound<'py, PyDict> {
    let names = PyDict::new(py);
    run_in(py, code, &names);
    names
}

/// Runs Python code with those names; the test fails with its traceback.
pub fn run_in(py: Python<'_>, code: &str, names: &Bound<'_, PyDict>) {
    let lines: Vec<_> = code.lines().skip_while(|line| line.is_empty()).collect();
    let indent = lines
        .first()
        .map_or(0, |line| line.len() - line.trim_start().len());
    let code: String = lines
        .iter()
        .map(|line| format!("{}\n", line.get(indent..).unwrap_or("")))
        .collect();
    let code = CString::new(code).expect("code without null characters");
    if let Err(error) = py.run(&code, Some(names), Some(names)) {
        error.print(py);
        panic!("{error}");
    }
}

/// A name that Python code has made.
pub fn get<'py, T: for<'a> FromPyObject<'a, 'py>>(names: &Bound<'py, PyDict>, name: &str) -> T {
    let value = names
        .get_item(name)
        .unwrap()
        .unwrap_or_else(|| panic!("no {name}"));
    value
        .extract()
        .map_err(Into::into)
        .unwrap_or_else(|error: PyErr| panic!("{error}"))
}

/// Has Hypothesis send values through `through`, by `module.shrinking`. The test fails with the smallest example that does
/// not come back the same.
pub fn shrinking<F: Function>(py: Python<'_>, module: &str, through: F) {
    let made = shrink(py, module, through, least_values()).unwrap_or_else(|error| {
        error.print(py);
        panic!("{error}");
    });
    assert!(made >= least_values(), "{made} values");
}

/// Has Hypothesis send at least so many values through `through`; how many they were.
///
/// # Errors
/// What `module.shrinking` raises for the smallest example that does not come back the same.
fn shrink<F: Function>(py: Python<'_>, module: &str, through: F, least: u32) -> PyResult<u32> {
    let through = PyCFunction::new_closure(py, None, None, through)?;
    let made = py
        .import(module)?
        .call_method1("shrinking", (through, least))?;
    made.extract()
}

/// How many random values a test sends at least: a million in the long form.
pub fn least_values() -> u32 {
    match std::env::var("SYMPHONY_FULL") {
        Ok(full) if !full.is_empty() => 1_000_000,
        _ => 20_000,
    }
}

/// What Python can call.
pub trait Function:
    Fn(&Bound<'_, PyTuple>, Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>> + Send + Sync + 'static
{
}

impl<F> Function for F where
    F: Fn(&Bound<'_, PyTuple>, Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>>
        + Send
        + Sync
        + 'static
{
}

/// Waits without the GIL until `done`.
pub fn until(py: Python<'_>, what: &str, done: impl Fn() -> bool + Sync) {
    py.detach(|| {
        let began = Instant::now();
        while !done() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "not within 30 s: {what}"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    });
}

/// Counts how often it was dropped.
pub struct Counted(pub &'static AtomicUsize);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
