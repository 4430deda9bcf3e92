//! Exceptions that TypeScript knows of: kept for a while, so that they come back as the same objects.
//!
//! Threads: attached. An exception is let go when TypeScript's error is collected, or when many others
//! came after it: a program that fails in a loop must not fill the memory. Must not know payloads.

use std::collections::VecDeque;
use std::sync::Mutex;

use pyo3::prelude::*;
use symphony_core::handles::HandleId;

use crate::job::lock;
use crate::objects;

/// So many are kept, whatever TypeScript still holds.
const MOST_KEPT: usize = 256;

static KEPT: Mutex<VecDeque<HandleId>> = Mutex::new(VecDeque::new());

/// What stands for an exception in a payload: the codec makes a reference of it.
#[pyclass(frozen, module = "symphony_bridge")]
pub struct KeptError {
    pub handle: HandleId,
    pub label: String,
}

/// Keeps an exception under a handle of its own, which never counts as a leak.
#[pyfunction]
pub fn keep_error(error: &Bound<'_, PyAny>) -> PyResult<KeptError> {
    let label = error.get_type().name()?.to_string();
    let handle = objects::hold(error, &label, "", true, None);
    let oldest = {
        let mut kept = lock(&KEPT);
        kept.push_back(handle);
        if kept.len() > MOST_KEPT {
            kept.pop_front()
        } else {
            None
        }
    };
    if let Some(oldest) = oldest {
        objects::release(error.py(), [(oldest, 1)]);
    }
    Ok(KeptError { handle, label })
}

/// The exception under a handle; None when it has been let go.
#[pyfunction]
pub fn kept_error(py: Python<'_>, handle: HandleId) -> Option<Py<PyAny>> {
    objects::named(py, handle).ok().map(|(object, _)| object)
}
