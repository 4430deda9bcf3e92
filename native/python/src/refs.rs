//! References inside packed values: what crosses when a value has no form on the other side.
//!
//! Threads: needs the GIL. Must not know frames: [`crate::host_ref`] does.
//!
//! Packing may fail half-way, and which line a handle belongs to is often known only afterwards: so handles
//! are noted while a pack is written ([`Given`]) or read ([`Arrivals`]).

use std::cell::RefCell;
use std::marker::PhantomData;

use pyo3::exceptions::PyBaseException;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyModule, PyString, PyType};
use symphony_core::handles::{self, HandleId};
use symphony_core::pack::{traits, PackBuf};

use crate::codec::{RefResolver, Reference};
use crate::host_ref::{self, HostRef};
use crate::kept_errors::KeptError;
use crate::objects;

/// Gives the codec the session's references.
pub struct BridgeRefs;

impl RefResolver for BridgeRefs {
    fn ref_of(&self, value: &Bound<'_, PyAny>) -> PyResult<Option<Reference>> {
        if let Ok(host_ref) = value.cast::<HostRef>() {
            return Ok(Some(Reference::Own(host_ref.get().current()?)));
        }
        if let Ok(kept) = value.cast::<KeptError>() {
            let KeptError { handle, label } = kept.get();
            return Ok(Some(Reference::Foreign {
                handle: *handle,
                traits: traits::EXCEPTION,
                label: label.clone(),
            }));
        }
        give(value).map(Some)
    }

    fn own(&self, py: Python<'_>, handle: u32) -> PyResult<Py<PyAny>> {
        objects::object(py, handle)
    }

    fn foreign(
        &self,
        py: Python<'_>,
        handle: u32,
        traits: u32,
        label: &str,
    ) -> PyResult<Py<PyAny>> {
        host_ref::stand_in(py, handle, traits, label)
    }
}

thread_local! {
    static GIVEN: RefCell<Vec<(HandleId, bool)>> = const { RefCell::new(Vec::new()) };
    static ARRIVED: RefCell<Vec<HandleId>> = const { RefCell::new(Vec::new()) };
}

/// The handles that a pack being written gives out. Dropped before [`Given::sent`], it takes them back.
pub struct Given<'py> {
    py: Python<'py>,
    outer: Vec<(HandleId, bool)>,
}

impl<'py> Given<'py> {
    /// Begins to note; packs may be written while others are (their values run code).
    pub fn begin(py: Python<'py>) -> Self {
        Self {
            py,
            outer: GIVEN.take(),
        }
    }

    /// The pack is on its way: its handles are the receiver's now, made by the line `site`.
    pub fn sent(self, site: &str) {
        self.sent_from(|| site);
    }

    /// As [`Self::sent`], where finding the line out takes longer than most packs.
    pub fn sent_from<S: AsRef<str>>(self, site: impl FnOnce() -> S) {
        let given = GIVEN.take();
        locate(
            given.into_iter().filter(|(_, new)| *new).map(|(id, _)| id),
            site,
        );
    }
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        let unsent = GIVEN.replace(std::mem::take(&mut self.outer));
        objects::release(self.py, unsent.into_iter().map(|(handle, _)| (handle, 1)));
    }
}

/// The handles that arrive with a pack being read.
pub struct Arrivals<'py> {
    outer: Vec<HandleId>,
    attached: PhantomData<Python<'py>>,
}

impl<'py> Arrivals<'py> {
    pub fn begin(_py: Python<'py>) -> Self {
        Self {
            outer: ARRIVED.take(),
            attached: PhantomData,
        }
    }

    /// They came because of the line `site`.
    pub fn at(self, site: &str) {
        self.at_from(|| site);
    }

    /// As [`Self::at`], where finding the line out takes longer than most packs.
    pub fn at_from<S: AsRef<str>>(self, site: impl FnOnce() -> S) {
        locate(ARRIVED.take().into_iter(), site);
    }
}

impl Drop for Arrivals<'_> {
    fn drop(&mut self) {
        ARRIVED.set(std::mem::take(&mut self.outer));
    }
}

fn locate<S: AsRef<str>>(ids: impl Iterator<Item = HandleId>, site: impl FnOnce() -> S) {
    let mut ids = ids.peekable();
    if ids.peek().is_none() {
        return;
    }
    let site = site();
    if !site.as_ref().is_empty() {
        ids.for_each(|id| handles::locate(id, site.as_ref()));
    }
}

/// Notes a handle of the other side's that is new here.
pub fn note_arrival(id: HandleId) {
    ARRIVED.with_borrow_mut(|arrived| arrived.push(id));
}

/// Notes a handle that the pack being written gives out.
pub fn note_given(handle: HandleId, new: bool) {
    GIVEN.with_borrow_mut(|given| given.push((handle, new)));
}

/// Sends an object by handle.
fn give(value: &Bound<'_, PyAny>) -> PyResult<Reference> {
    let traits = traits_of(value);
    let label = label(value);
    let handle = match objects::hold_again(value) {
        Some(handle) => {
            note_given(handle, false);
            handle
        }
        None => {
            let home = home_of(value, traits)?;
            let handle = objects::hold(value, &label, "", false, home);
            note_given(handle, true);
            handle
        }
    };
    Ok(Reference::Foreign {
        handle,
        traits,
        label,
    })
}

/// Sends the result of a call by handle whatever it is, under the name of the call.
pub fn give_as(
    value: &Bound<'_, PyAny>,
    name: &str,
    site: &str,
    long_lived: bool,
    pack: &mut PackBuf,
) -> PyResult<()> {
    if let Ok(host_ref) = value.cast::<HostRef>() {
        pack.reference(host_ref.get().current()?);
        return Ok(());
    }
    let traits = traits_of(value);
    let handle = objects::hold(value, name, site, long_lived, home_of(value, traits)?);
    note_given(handle, false);
    pack.proxy(handle, traits, name);
    Ok(())
}

/// What the object can do, asked of its type alone: no code of the object's own runs.
pub fn traits_of(value: &Bound<'_, PyAny>) -> u32 {
    let py = value.py();
    let mut found = 0;
    let mut mark = |yes: bool, bits: u32| {
        if yes {
            found |= bits;
        }
    };
    let has = |name: &Bound<'_, PyString>| has_slot(value, name);
    mark(value.is_callable(), traits::CALLABLE);
    if value.is_instance_of::<PyType>() {
        mark(true, traits::CLASS);
    } else if value.is_instance_of::<PyModule>() {
        mark(true, traits::MODULE);
    } else if value.is_instance_of::<PyBaseException>() {
        mark(true, traits::EXCEPTION);
    }
    let iterates = has(intern!(py, "__iter__"));
    let indexed = has(intern!(py, "__getitem__")) && has(intern!(py, "__len__"));
    mark(iterates || indexed, traits::ITERABLE);
    mark(has(intern!(py, "__next__")), traits::ITERATOR);
    mark(has(intern!(py, "__aiter__")), traits::ASYNC_ITERABLE);
    mark(has(intern!(py, "__anext__")), traits::ASYNC_ITERATOR);
    mark(
        has(intern!(py, "__await__")) || is_future(value),
        traits::AWAITABLE,
    );
    mark(has(intern!(py, "__exit__")), traits::CONTEXT);
    mark(has(intern!(py, "__aexit__")), traits::ASYNC_CONTEXT);
    if found & traits::ITERATOR != 0 {
        let closes = has(intern!(py, "close")) && has(intern!(py, "throw"));
        found |= if closes { traits::GENERATOR } else { 0 };
    } else if found & traits::ASYNC_ITERATOR != 0 {
        let closes = has(intern!(py, "aclose")) && has(intern!(py, "athrow"));
        found |= if closes { traits::GENERATOR } else { 0 };
    }
    found
}

/// Objects with these traits wait for things of one event loop.
const NEEDS_HOME: u32 =
    traits::AWAITABLE | traits::ASYNC_ITERATOR | traits::ASYNC_ITERABLE | traits::ASYNC_CONTEXT;

extern "C" {
    /// A borrowed reference, or null without an error set. Exported by every CPython, but outside the limited API.
    fn _PyType_Lookup(kind: *mut ffi::PyTypeObject, name: *mut ffi::PyObject)
        -> *mut ffi::PyObject;
}

fn has_slot(value: &Bound<'_, PyAny>, name: &Bound<'_, PyString>) -> bool {
    // SAFETY: a live object has a type, the name is an interned str, and the GIL is held.
    let slot = unsafe { _PyType_Lookup(ffi::Py_TYPE(value.as_ptr()), name.as_ptr()) };
    // A class says with None that it does not do what its base does.
    // SAFETY: the address of a static object.
    !slot.is_null() && !std::ptr::eq(slot, unsafe { ffi::Py_None() })
}

/// `concurrent.futures.Future` cannot be awaited where it is, but its stand-in can.
fn is_future(value: &Bound<'_, PyAny>) -> bool {
    static FUTURE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    if !has_slot(value, intern!(py, "add_done_callback")) {
        return false;
    }
    FUTURE
        .import(py, "concurrent.futures", "Future")
        .and_then(|class| value.is_instance(class))
        .unwrap_or(false)
}

/// The running event loop, for an object that waits for things of it.
fn home_of(value: &Bound<'_, PyAny>, traits: u32) -> PyResult<Option<Py<PyAny>>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if traits & NEEDS_HOME == 0 {
        return Ok(None);
    }
    let py = value.py();
    let running = GET.import(py, "asyncio", "_get_running_loop")?.call0()?;
    Ok((!running.is_none()).then(|| running.unbind()))
}

/// What messages call an object of ours: its own name where its type gives it one, else its type's.
fn label(value: &Bound<'_, PyAny>) -> String {
    let py = value.py();
    // A bound method is called what its function is called.
    let function = has_slot(value, intern!(py, "__func__"))
        .then(|| value.getattr(intern!(py, "__func__")).ok())
        .flatten();
    let value = function.as_ref().unwrap_or(value);
    for name in [intern!(py, "__qualname__"), intern!(py, "__name__")] {
        if !has_slot(value, name) && !value.is_instance_of::<PyModule>() {
            continue;
        }
        if let Ok(text) = value.getattr(name).and_then(|name| name.extract()) {
            return text;
        }
    }
    value
        .get_type()
        .qualname()
        .map(|name| name.to_string())
        .unwrap_or_default()
}
