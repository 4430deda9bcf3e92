//! Python objects that JavaScript holds, by handle: the same object has the same handle while it is held.
//!
//! Threads: the table is only touched with the GIL held, and never calls Python under its lock. The
//! accounting (who made a handle, where) is the core's; this side keeps the objects alive.
//!
//! A handle counts how often it was sent. JavaScript releases what it has received, so an object that is
//! on its way there again survives a release that crosses it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use pyo3::prelude::*;
use symphony_core::handles::{self, HandleId};
use symphony_core::recorder::{self, NameId};
use symphony_core::sync::{lock, NumberMap};

use crate::crossing::Crossing;
use crate::{errors, session};

static OBJECTS: LazyLock<Mutex<Objects>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Objects {
    held: NumberMap<Held>,
    /// Handles by session and by the address of their object, which being held keeps taken.
    by_address: HashMap<(u32, usize), HandleId>,
}

struct Held {
    object: Py<PyAny>,
    name: String,
    /// What a call of the object itself is called in the trace.
    call: NameId,
    /// How often the handle was sent and not released.
    count: u32,
    /// Session it was sent in: each has handles of its own.
    session: u32,
    /// Event loop on which the object was given away, for objects that need theirs.
    home: Option<Py<PyAny>>,
}

/// Counts one more sending of an object that is held already. Its handle, or None.
pub fn hold_again(object: &Bound<'_, PyAny>) -> Option<HandleId> {
    let mut objects = lock(&OBJECTS);
    let handle = *objects.by_address.get(&address(object))?;
    let held = objects.held.get_mut(&handle)?;
    held.count += 1;
    Some(handle)
}

/// Keeps `object` for JavaScript. `site` is the line that asked for it, `file:line` or empty; `home` the
/// event loop it needs.
pub fn hold(
    object: &Bound<'_, PyAny>,
    name: &str,
    site: &str,
    long_lived: bool,
    home: Option<Py<PyAny>>,
) -> HandleId {
    // Looks at the object, so that Python code may run.
    let call = Crossing::of_callable(name.to_owned(), site, object).intern();
    if let Some(known) = hold_again(object) {
        if long_lived {
            handles::keep(known, "held by the bridge");
        }
        return known;
    }
    let handle = handles::open("python", name, site, recorder::current(), long_lived);
    let held = Held {
        object: object.clone().unbind(),
        name: name.to_owned(),
        call,
        count: 1,
        session: session::number(),
        home,
    };
    let mut objects = lock(&OBJECTS);
    objects.by_address.insert(address(object), handle);
    objects.held.insert(handle, held);
    handle
}

/// The handle of an object that is held; None when it is not.
pub fn handle_of(object: &Bound<'_, PyAny>) -> Option<HandleId> {
    lock(&OBJECTS).by_address.get(&address(object)).copied()
}

/// The event loop on which a held object was given away.
pub fn home(object: &Bound<'_, PyAny>) -> Option<Py<PyAny>> {
    let objects = lock(&OBJECTS);
    let handle = objects.by_address.get(&address(object))?;
    let home = objects.held.get(handle)?.home.as_ref()?;
    Some(home.clone_ref(object.py()))
}

/// The object behind a handle and the name of its calls. One that is not held is the error `released`.
#[inline]
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

/// The objects behind the handles that are still held.
pub fn held(py: Python<'_>, handles: &[HandleId]) -> Vec<(HandleId, Py<PyAny>)> {
    let objects = lock(&OBJECTS);
    handles
        .iter()
        .filter_map(|handle| Some((*handle, objects.held.get(handle)?.object.clone_ref(py))))
        .collect()
}

/// Takes back sendings that JavaScript no longer needs; unknown handles are ignored.
pub fn release(_py: Python<'_>, released: impl IntoIterator<Item = (HandleId, u32)>) {
    for (handle, count) in released {
        let gone = lock(&OBJECTS).take_back(handle, count);
        // Dropped after the lock is free: the object's finaliser may run Python code.
        drop(gone);
    }
}

/// Lets go of everything that was sent in a session.
pub fn forget_session(_py: Python<'_>, session: u32) {
    let gone: Vec<Held> = {
        let mut objects = lock(&OBJECTS);
        let ended: Vec<HandleId> = objects
            .held
            .iter()
            .filter(|(_, held)| held.session == session)
            .map(|(handle, _)| *handle)
            .collect();
        ended
            .into_iter()
            .filter_map(|handle| objects.take_back(handle, u32::MAX))
            .collect()
    };
    drop(gone);
}

impl Objects {
    fn take_back(&mut self, handle: HandleId, count: u32) -> Option<Held> {
        let held = self.held.get_mut(&handle)?;
        held.count = held.count.saturating_sub(count);
        if held.count > 0 {
            return None;
        }
        handles::close(handle);
        let held = self.held.remove(&handle)?;
        let address = (held.session, held.object.as_ptr() as usize);
        self.by_address.remove(&address);
        Some(held)
    }
}

fn address(object: &Bound<'_, PyAny>) -> (u32, usize) {
    (session::number(), object.as_ptr() as usize)
}

#[inline]
fn look<T>(py: Python<'_>, handle: HandleId, take: impl FnOnce(&Held) -> T) -> PyResult<T> {
    let found = lock(&OBJECTS).held.get(&handle).map(take);
    found.ok_or_else(|| errors::released(py, handle))
}
