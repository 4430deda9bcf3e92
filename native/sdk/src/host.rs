//! The bridge's table, found once, and what is needed to talk through it.
//!
//! Threads: any; `find` needs the GIL. Must not know what is asked of the table.

use std::path::Path;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use symphony_abi::{Object, Table, ABI, CAPSULE};

/// Folder of the manifest of the crate that this is compiled into.
static CRATE: OnceLock<&str> = OnceLock::new();
static TABLE: OnceLock<&'static Table> = OnceLock::new();

/// The table; `ImportError` when the bridge is missing or was built for other components.
pub fn find(py: Python<'_>) -> PyResult<&'static Table> {
    if let Some(table) = TABLE.get() {
        return Ok(table);
    }
    let capsule = py
        .import("symphony_bridge._native")?
        .getattr("components")?
        .cast_into::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(CAPSULE))?.cast::<Table>();
    // SAFETY: a capsule of this name holds such a table, static, whatever its version.
    let (abi, size) = unsafe { ((*pointer.as_ptr()).abi, (*pointer.as_ptr()).size) };
    if abi != ABI || (size as usize) < std::mem::size_of::<Table>() {
        return Err(PyImportError::new_err(format!(
            "this component was built for version {ABI} of the bridge's table, the bridge has {abi}: \
             build it again"
        )));
    }
    // SAFETY: version and size are ours.
    Ok(TABLE.get_or_init(|| unsafe { pointer.as_ref() }))
}

/// The table, for code that runs inside an operation or holds a function of Python's.
///
/// # Panics
/// Before the first of these: nothing has asked for the bridge yet.
pub fn table() -> &'static Table {
    TABLE
        .get()
        .expect("the bridge is known from the first operation of the component on")
}

/// Notes the folder of the component's manifest.
pub fn set_crate(manifest: &'static str) {
    CRATE.get_or_init(|| manifest);
}

/// `file:line` for the trace.
pub fn place(file: &str, line: u32) -> String {
    format!("{}:{line}", source_path(file))
}

/// The whole path of a file that the compiler was given from the crate's or the workspace's folder.
pub fn source_path(file: &str) -> String {
    let folders = Path::new(CRATE.get().unwrap_or(&"")).ancestors();
    let mut candidates = folders.map(|folder| folder.join(file));
    let found = candidates.find(|path| path.exists());
    found.map_or_else(
        || file.to_owned(),
        |path| path.to_string_lossy().into_owned(),
    )
}

/// Calls the bridge with the GIL where the bridge may let go of it, and run what is this side's.
///
/// This side's PyO3 must know, or it would free Python's objects there and then. So it is told that the GIL
/// is gone, and the bridge gets it in a way that PyO3 does not see.
pub fn lending_gil<T: Send>(py: Python<'_>, call: impl FnOnce() -> T + Send) -> T {
    py.detach(|| {
        // SAFETY: Python runs, and this thread has a state of its own, which was attached until here.
        let gil = unsafe { ffi::PyGILState_Ensure() };
        let outcome = call();
        // SAFETY: ends what began above, on the same thread. An exception that is set stays.
        unsafe { ffi::PyGILState_Release(gil) };
        outcome
    })
}

/// Gives a result as C does: null, with the exception set, for an error.
pub fn give(py: Python<'_>, result: PyResult<Py<PyAny>>) -> *mut Object {
    match result {
        Ok(value) => value.into_ptr().cast(),
        Err(error) => {
            error.restore(py);
            null_mut()
        }
    }
}

/// A lock whose holder may have panicked: what it guards is whole all the same.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
