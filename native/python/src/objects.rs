//! Python objects that JavaScript holds, by handle.
//!
//! Threads: the table is only touched with the GIL held, and never calls Python under its lock. The
//! accounting (who made a handle, where) is the core's; this side keeps the objects alive.

use std::sync::{LazyLock, Mutex};

use pyo3::exceptions::PyLookupError;
use pyo3::prelude::*;
use symphony_core::handles::{self, HandleId};
use symphony_core::recorder::{self, NameId};
use symphony_core::sync::{lock, NumberMap};

use crate::crossing::Crossing;

static OBJECTS: LazyLock<Mutex<Objects>> = LazyLock::new(Mutex::default);

type Objects = NumberMap<Held>;

struct Held {
    object: Py<PyAny>,
    name: String,
    /// What a call of the object itself is called in the trace.
    call: NameId,
}

/// Keeps `object` for JavaScript. `site` is the line that asked for it, `file:line` or empty.
pub fn hold(object: &Bound<'_, PyAny>, name: &str, site: &str, long_lived: bool) -> HandleId {
    let handle = handles::open("python", name, site, recorder::current(), long_lived);
    let held = Held {
        object: object.clone().unbind(),
        name: name.to_owned(),
        call: Crossing::of_callable(name.to_owned(), site, object).intern(),
    };
    lock(&OBJECTS).insert(handle, held);
    handle
}

/// The object behind a handle and the name of its calls. A released handle is a `LookupError`.
pub fn callable(py: Python<'_>, handle: HandleId) -> PyResult<(Py<PyAny>, NameId)> {
    look(py, handle, |held| (held.object.clone_ref(py), held.call))
}

/// The object behind a handle and what it is called.
pub fn named(py: Python<'_>, handle: HandleId) -> PyResult<(Py<PyAny>, String)> {
    look(py, handle, |held| {
        (held.object.clone_ref(py), held.name.clone())
    })
}

/// The object behind a handle alone.
pub fn object(py: Python<'_>, handle: HandleId) -> PyResult<Py<PyAny>> {
    look(py, handle, |held| held.object.clone_ref(py))
}

/// Lets go of objects that JavaScript no longer holds; unknown handles are ignored.
pub fn release(_py: Python<'_>, released: &[HandleId]) {
    for handle in released {
        handles::close(*handle);
        let held = lock(&OBJECTS).remove(handle);
        // Dropped after the lock is free: the object's finaliser may run Python code.
        drop(held);
    }
}

fn look<T>(_py: Python<'_>, handle: HandleId, take: impl FnOnce(&Held) -> T) -> PyResult<T> {
    lock(&OBJECTS).get(&handle).map(take).ok_or_else(|| {
        PyLookupError::new_err(format!(
            "handle {handle} is not open: it was released, or it belongs to a host that has ended"
        ))
    })
}
