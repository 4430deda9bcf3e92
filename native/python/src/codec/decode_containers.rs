//! Packs → Python's containers, and the dataclasses that are written like dicts.
//!
//! They are filled through the C API where nobody else has seen them yet.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use symphony_core::pack::{tag, Malformed};

use super::call_payload;
use super::decode::{at_index, new, Decoder};
use super::failure::{Failure, Outcome, Step};

impl<'py> Decoder<'_, '_, 'py> {
    pub fn floats(&mut self, n: usize) -> Outcome<Bound<'py, PyAny>> {
        let numbers = self.reader.nums(n)?;
        // SAFETY: gives a new reference or sets an error.
        let list = new(self.py, unsafe { ffi::PyList_New(n as ffi::Py_ssize_t) })?;
        for (i, &number) in numbers.iter().enumerate() {
            // SAFETY: gives a new reference or sets an error.
            let item = new(self.py, unsafe { ffi::PyFloat_FromDouble(number) })?;
            // SAFETY: a list of ours with `n` places; the item is given away.
            unsafe { ffi::PyList_SetItem(list.as_ptr(), i as ffi::Py_ssize_t, item.into_ptr()) };
        }
        Ok(list)
    }

    pub fn list(&mut self, n: usize) -> Outcome<Bound<'py, PyAny>> {
        self.enter(n)?;
        // SAFETY: gives a new reference or sets an error.
        let list = new(self.py, unsafe { ffi::PyList_New(n as ffi::Py_ssize_t) })?;
        for i in 0..n {
            let item = self.value().map_err(|failure| at_index(failure, i))?;
            // SAFETY: a list of ours with `n` places; the item is given away.
            unsafe { ffi::PyList_SetItem(list.as_ptr(), i as ffi::Py_ssize_t, item.into_ptr()) };
        }
        self.depth -= 1;
        Ok(list)
    }

    pub fn tuple(&mut self, n: usize) -> Outcome<Bound<'py, PyAny>> {
        self.enter(n)?;
        // SAFETY: gives a new reference or sets an error.
        let tuple = new(self.py, unsafe { ffi::PyTuple_New(n as ffi::Py_ssize_t) })?;
        for i in 0..n {
            let item = self.value().map_err(|failure| at_index(failure, i))?;
            // SAFETY: a tuple of ours with `n` places that nobody has seen yet; the item is given away.
            let status = unsafe {
                ffi::PyTuple_SetItem(tuple.as_ptr(), i as ffi::Py_ssize_t, item.into_ptr())
            };
            if status != 0 {
                return Err(PyErr::fetch(self.py).into());
            }
        }
        self.depth -= 1;
        Ok(tuple)
    }

    pub fn set(&mut self, set: Bound<'py, PyAny>, n: usize) -> Outcome<Bound<'py, PyAny>> {
        self.enter(n)?;
        for i in 0..n {
            let nth = || Step::Nth("item", i);
            let item = self
                .value()
                .map_err(|failure| failure.inside(std::ptr::null_mut(), nth()))?;
            // SAFETY: a set of ours; the item stays ours.
            if unsafe { ffi::PySet_Add(set.as_ptr(), item.as_ptr()) } != 0 {
                return Err(unhashable(&item).inside(std::ptr::null_mut(), nth()));
            }
        }
        if set.len()? != n {
            return Err(Failure::refused(
                &set,
                "two of its items are equal in Python",
            ));
        }
        self.depth -= 1;
        Ok(set)
    }

    pub fn map(&mut self, dict: Bound<'py, PyDict>, pairs: usize) -> Outcome<Bound<'py, PyAny>> {
        self.enter(pairs.saturating_mul(2))?;
        for i in 0..pairs {
            let inside = |what| {
                move |failure: Box<Failure>| {
                    failure.inside(std::ptr::null_mut(), Step::Nth(what, i))
                }
            };
            let key = self.value().map_err(inside("key"))?;
            let value = self.value().map_err(inside("value"))?;
            // SAFETY: a dict of ours; key and value stay ours.
            if unsafe { ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) } != 0 {
                return Err(inside("key")(unhashable(&key)));
            }
        }
        if dict.len() != pairs {
            return Err(Failure::refused(
                &dict,
                "two of its keys are equal in Python",
            ));
        }
        self.depth -= 1;
        Ok(dict.into_any())
    }

    /// The id of the shape of a SHAPE or OBJECT whose arg has been read.
    pub fn shape(&mut self, tag: u8, arg: usize) -> Outcome<usize> {
        match tag {
            tag::SHAPE => self.shapes.define(self.py, &mut self.reader, arg),
            _ => Ok(arg),
        }
    }

    pub fn new_object(&mut self, shape: usize) -> Outcome<Bound<'py, PyAny>> {
        let dict = PyDict::new(self.py);
        self.object(&dict, shape)?;
        Ok(dict.into_any())
    }

    /// Fills a dict of ours.
    ///
    /// # Errors
    /// `Malformed` when the shape is not defined.
    pub fn object(&mut self, dict: &Bound<'py, PyDict>, shape: usize) -> Outcome<()> {
        let n = self.shapes.meet(shape)?;
        self.enter(n)?;
        for i in 0..n {
            let value = self.field(shape, i);
            let key = self.shapes.key(shape, i);
            let value = value.map_err(|failure| at_name(failure, key.bind(self.py)))?;
            // SAFETY: a dict of ours; key and value stay ours.
            if unsafe { ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) } != 0 {
                return Err(PyErr::fetch(self.py).into());
            }
        }
        self.depth -= 1;
        Ok(())
    }

    #[inline]
    fn field(&mut self, shape: usize, index: usize) -> Outcome<Bound<'py, PyAny>> {
        if self.reader.next_tag() == Some(tag::STR) {
            if let Some(column) = self.shapes.column(shape, index) {
                let n = self.reader.expect(tag::STR)?;
                return Ok(column.text(self.py, self.reader.chars(n)?)?);
            }
        }
        self.value()
    }

    /// A dataclass; `kept`: the index of its op, when it is met again. `cyclic` is not 0 when its own fields lead to it.
    pub fn dataclass(&mut self, cyclic: usize, kept: Option<usize>) -> Outcome<Bound<'py, PyAny>> {
        let name = call_payload::text(&mut self.reader)?;
        let plan = self.plans.of(self.py, &name)?;
        let blank = if cyclic == 0 {
            None
        } else {
            let blank = plan.blank()?;
            if let Some(at) = kept {
                self.keep(at, &blank);
            }
            Some(blank)
        };
        let op = self.reader.op()?;
        let arg = self.reader.arg(op)?;
        if !matches!(op as u8, tag::SHAPE | tag::OBJECT) {
            return Err(Malformed("a dataclass has no fields").into());
        }
        let shape = self.shape(op as u8, arg)?;
        let fields = PyDict::new(self.py);
        self.object(&fields, shape)?;
        if let Some(instance) = blank {
            plan.fill(&instance, &fields)?;
            return Ok(instance);
        }
        let instance = plan.make(&fields)?;
        if let Some(at) = kept {
            self.keep(at, &instance);
        }
        Ok(instance)
    }
}

#[cold]
fn at_name(failure: Box<Failure>, key: &Bound<'_, PyAny>) -> Box<Failure> {
    failure.inside(std::ptr::null_mut(), Step::Name(key.to_string()))
}

/// What Python said about a key or item it does not take.
#[cold]
fn unhashable(key: &Bound<'_, PyAny>) -> Box<Failure> {
    let error = PyErr::fetch(key.py());
    if !error.is_instance_of::<pyo3::exceptions::PyTypeError>(key.py()) {
        return error.into();
    }
    Failure::refused(key, error.value(key.py()).to_string())
}
