//! Gives the calling thread its Python name in the trace.
//!
//! Threads: any that holds the GIL. Must not know what the thread does.

use pyo3::prelude::*;
use symphony_core::recorder;

/// Names the calling thread's lane after its `threading.Thread`. A thread without a usable name keeps the system's.
pub fn name_thread(py: Python<'_>) {
    let name = py
        .import("threading")
        .and_then(|threading| threading.call_method0("current_thread"))
        .and_then(|thread| thread.getattr("name"))
        .and_then(|name| name.extract::<String>());
    if let Ok(name) = name {
        recorder::set_thread_name(&name);
    }
}
