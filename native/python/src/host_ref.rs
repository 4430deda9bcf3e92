//! Objects of TypeScript's that Python holds: one stand-in per object while it lives.
//!
//! Threads: needs the GIL; a finaliser only sends a frame. The classes with which Python sees them are
//! Python's own (`symphony_bridge._js_objects`); this module gives them their handle and their calls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyWeakrefMethods, PyWeakrefReference};
use symphony_core::frame::{kind, Header};
use symphony_core::handles::{self, HandleId};
use symphony_core::pack::{traits, PackBuf};
use symphony_core::recorder;

use crate::errors;
use crate::host_calls::{self, Callee};
use crate::job::lock;
use crate::js;
use crate::refs;
use crate::session;
use crate::sessions;
use crate::site;

static KNOWN: LazyLock<Mutex<HashMap<(u32, u32), Known>>> = LazyLock::new(Mutex::default);

/// A stand-in that lives, or is just going.
struct Known {
    stand_in: Py<PyWeakrefReference>,
    /// Tells it from the next one with the same handle.
    id: HandleId,
}

/// The stand-in for the object that TypeScript calls `handle`.
pub fn stand_in(py: Python<'_>, handle: u32, traits: u32, label: &str) -> PyResult<Py<PyAny>> {
    let session = session::number();
    let known = lock(&KNOWN)
        .get(&(session, handle))
        .map(|known| known.stand_in.clone_ref(py));
    if let Some(living) = known.and_then(|weak| weak.bind(py).upgrade()) {
        let host_ref = living.cast::<HostRef>().map_err(PyErr::from)?;
        host_ref.get().grip.count.fetch_add(1, Ordering::Relaxed);
        return Ok(living.unbind());
    }
    let grip = Grip {
        handle,
        session,
        traits,
        label: label.to_owned(),
        count: AtomicU32::new(1),
        id: handles::open("typescript", label, "", recorder::current(), false),
    };
    let id = grip.id;
    refs::note_arrival(id);
    let arrival = Bound::new(py, Arrival(Mutex::new(Some(grip))))?;
    let made = classes(py)?.get_item(class_of(traits))?.call1((arrival,))?;
    let stand_in = PyWeakrefReference::new(&made)?.unbind();
    // Dropped after the lock is free.
    let _gone = lock(&KNOWN).insert((session, handle), Known { stand_in, id });
    Ok(made.unbind())
}

/// Index into `symphony_bridge._js_objects.CLASSES`.
fn class_of(traits: u32) -> usize {
    let of = |bits| traits & bits != 0;
    if of(traits::CLASS) {
        2
    } else if of(traits::CALLABLE) {
        1
    } else if of(traits::AWAITABLE) {
        3
    } else if of(traits::ASYNC_ITERATOR) {
        5
    } else if of(traits::ITERATOR) {
        4
    } else if of(traits::SYMBOL) {
        6
    } else {
        0
    }
}

fn classes(py: Python<'_>) -> PyResult<&Bound<'_, PyTuple>> {
    static CLASSES: PyOnceLock<Py<PyTuple>> = PyOnceLock::new();
    CLASSES.import(py, "symphony_bridge._js_objects", "CLASSES")
}

/// An object on its way into its stand-in; only native code makes one, so nobody invents handles.
#[pyclass(frozen, module = "symphony_bridge._native")]
pub struct Arrival(Mutex<Option<Grip>>);

/// What a stand-in holds of TypeScript's object; its drop lets go.
struct Grip {
    handle: u32,
    /// Session that gave it: the next one uses the same numbers for other things.
    session: u32,
    traits: u32,
    label: String,
    /// How often it arrived; TypeScript counts, too.
    count: AtomicU32,
    /// Its number in the table of live handles.
    id: HandleId,
}

impl Drop for Grip {
    fn drop(&mut self) {
        handles::close(self.id);
        let gone = {
            let mut known = lock(&KNOWN);
            match known.get(&(self.session, self.handle)) {
                Some(entry) if entry.id == self.id => known.remove(&(self.session, self.handle)),
                _ => None,
            }
        };
        drop(gone);
        release(self.session, self.handle, *self.count.get_mut());
    }
}

/// Tells TypeScript that `count` arrivals of a handle are gone.
fn release(session: u32, handle: u32, count: u32) {
    let mut pack = PackBuf::new();
    pack.list(if count > 1 { 2 } else { 1 });
    pack.int(i64::from(handle));
    if count > 1 {
        pack.int(1 - i64::from(count));
    }
    let header = Header {
        kind: kind::RELEASE,
        ..Header::default()
    };
    // A handle number fits any frame.
    let _ = session::send_in(session, &header, &pack);
}

/// An object of TypeScript's, held by Python: the base of the classes in `symphony_bridge.js`.
#[pyclass(frozen, subclass, module = "symphony_bridge._native")]
pub struct HostRef {
    grip: Grip,
}

#[pymethods]
impl HostRef {
    #[new]
    fn new(arrival: &Bound<'_, Arrival>) -> PyResult<Self> {
        let grip = lock(&arrival.get().0).take();
        grip.map(|grip| Self { grip })
            .ok_or_else(|| PyTypeError::new_err("this object has arrived already"))
    }

    /// Calls a method, or the object itself when `name` is None, and waits.
    #[pyo3(signature = (name, args, kwargs))]
    fn _call(
        &self,
        py: Python<'_>,
        name: Option<&str>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let _inside = sessions::enter_number(self.grip.session);
        let site = call_site(py);
        host_calls::call(py, &self.callee(name)?, args, kwargs, &site, parent(py)?)
    }

    /// Awaitable form of `_call`.
    #[pyo3(signature = (name, args, kwargs))]
    fn _call_async<'py>(
        &self,
        py: Python<'py>,
        name: Option<&str>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _inside = sessions::enter_number(self.grip.session);
        let site = call_site(py);
        host_calls::call_async(py, &self.callee(name)?, args, kwargs, &site, parent(py)?)
    }

    /// Declares that the object is held for long on purpose.
    fn _keep(&self, reason: &str) -> bool {
        handles::keep(self.grip.id, reason)
    }

    #[getter]
    fn _traits(&self) -> u32 {
        self.grip.traits
    }

    /// Its number in TypeScript's table, which means something in its session only.
    #[getter]
    fn _handle(&self) -> u32 {
        self.grip.handle
    }

    /// Its number in the table of live handles.
    #[getter]
    fn _id(&self) -> u32 {
        self.grip.id
    }

    #[getter]
    fn _session(&self) -> u32 {
        self.grip.session
    }

    #[getter]
    fn _label(&self) -> &str {
        &self.grip.label
    }
}

impl HostRef {
    fn callee<'a>(&'a self, name: Option<&'a str>) -> PyResult<Callee<'a>> {
        Ok(Callee {
            name: name.unwrap_or("function"),
            handle: self.current()?,
            path: name,
            limit: None,
        })
    }

    /// The handle, as long as the session that gave it lasts.
    pub fn current(&self) -> PyResult<u32> {
        if self.grip.session == session::number() {
            Ok(self.grip.handle)
        } else {
            Err(errors::closed())
        }
    }
}

/// A stand-in that is called like a function: without a method of Python's in between.
#[pyclass(frozen, subclass, extends = HostRef, module = "symphony_bridge._native")]
pub struct HostFunction;

#[pymethods]
impl HostFunction {
    #[new]
    fn new(arrival: &Bound<'_, Arrival>) -> PyResult<PyClassInitializer<Self>> {
        Ok(PyClassInitializer::from(HostRef::new(arrival)?).add_subclass(Self))
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        slf: &Bound<'_, Self>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        slf.as_super().get()._call(slf.py(), None, args, kwargs)
    }

    /// Awaitable form of calling the function.
    #[pyo3(signature = (*args, **kwargs))]
    fn call_async<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.as_super()
            .get()
            ._call_async(slf.py(), None, args, kwargs)
    }
}

/// The calling line. A call on this very thread finds it out itself, should it need it.
fn call_site(py: Python<'_>) -> std::rc::Rc<str> {
    if recorder::is_open() || js::current_of(session::number()).is_none() {
        site::text(py)
    } else {
        "".into()
    }
}

/// The span of the script or task that calls; 0 for the thread's own.
fn parent(py: Python<'_>) -> PyResult<u64> {
    if !recorder::is_open() {
        return Ok(0);
    }
    static CURRENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let current = CURRENT.import(py, "symphony_bridge._runtime", "current_span")?;
    current.call_method0(intern!(py, "get"))?.extract()
}
