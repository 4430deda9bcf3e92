//! Lists, tuples, sets and dicts → packs, read through calls that survive their being changed meanwhile.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::Borrowed;
use symphony_core::pack::tag;

use super::dict_entries::{compare, named, Entries, Match};
use super::encode::{is_type, Encoder};
use super::failure::{Failure, Outcome, Step};
use super::seen::is_shared;
use super::text;
use super::write_shapes::KeyOrder;

impl<'py> Encoder<'_, 'py> {
    pub fn list(&mut self, list: &Bound<'py, PyAny>) -> Outcome<()> {
        // SAFETY: `list` is a list.
        let n = unsafe { ffi::PyList_Size(list.as_ptr()) } as usize;
        let mut next = self.floats(list, n);
        if next == n && n != 0 {
            self.out.op(tag::FLOATS, n);
        } else {
            self.out.list(n);
            // The floats found so far stand in nums already.
            for _ in 0..next {
                self.out.op(tag::FLOAT, 0);
            }
            while next < n {
                // SAFETY: `list` is a list; a list that has shrunk gives null and an error.
                let item = unsafe { ffi::PyList_GetItem(list.as_ptr(), next as ffi::Py_ssize_t) };
                self.item(list, item, 0, || Step::Index(next))?;
                next += 1;
            }
        }
        Ok(())
    }

    /// Adds the numbers of the floats at the front of a list and tells how many they are.
    fn floats(&mut self, list: &Bound<'py, PyAny>, n: usize) -> usize {
        for i in 0..n {
            // SAFETY: `list` is a list of `n` items and no Python code runs here.
            unsafe {
                let item = ffi::PyList_GetItem(list.as_ptr(), i as ffi::Py_ssize_t);
                if !is_type!(ffi::Py_TYPE(item), PyFloat_Type) {
                    return i;
                }
                self.out.nums.push(ffi::PyFloat_AsDouble(item));
            }
        }
        n
    }

    pub fn tuple(&mut self, tuple: &Bound<'py, PyAny>) -> Outcome<()> {
        // SAFETY: `tuple` is a tuple, whose size never changes.
        let n = unsafe { ffi::PyTuple_Size(tuple.as_ptr()) };
        self.out.tuple(n as usize);
        for i in 0..n {
            // SAFETY: as above.
            let item = unsafe { ffi::PyTuple_GetItem(tuple.as_ptr(), i) };
            self.item(tuple, item, 0, || Step::Index(i as usize))?;
        }
        Ok(())
    }

    /// Adds what a container lent, or refuses a container that lends nothing because it has shrunk. `ours`: how many
    /// references to the item are the caller's own.
    #[inline]
    fn item(
        &mut self,
        container: &Bound<'py, PyAny>,
        item: *mut ffi::PyObject,
        ours: ffi::Py_ssize_t,
        step: impl FnOnce() -> Step,
    ) -> Outcome<()> {
        if item.is_null() {
            // SAFETY: attached.
            unsafe { ffi::PyErr_Clear() };
            return Err(Failure::changed(container));
        }
        // SAFETY: a live borrowed object.
        let (lent, scalar) = unsafe { (Borrowed::from_ptr(container.py(), item), is_scalar(item)) };
        let done = if scalar {
            self.value(&lent, false)
        } else {
            let shared = is_shared(item, ours);
            // Python code may run: taking part in the ownership keeps the item alive.
            self.value(&lent.to_owned(), shared)
        };
        done.map_err(|failure| failure.inside(container.as_ptr(), step()))
    }

    pub fn set(&mut self, tag: u8, set: &Bound<'py, PyAny>) -> Outcome<()> {
        let n = set.len()?;
        self.out.op(tag, n);
        let mut seen = 0;
        for item in set.try_iter()? {
            let item = item?;
            let shared = is_shared(item.as_ptr(), 1);
            self.value(&item, shared)
                .map_err(|failure| failure.inside(set.as_ptr(), Step::Nth("item", seen)))?;
            seen += 1;
        }
        if seen != n {
            return Err(Failure::changed(set));
        }
        Ok(())
    }

    pub fn dict(&mut self, dict: &Bound<'py, PyAny>) -> Outcome<()> {
        match self.dict_keys(dict)? {
            DictForm::Scalars => self.lent_values(dict),
            DictForm::Object(n) => self.dict_values(dict, n),
            DictForm::Map(n) => self.dict_pairs(dict, n),
        }
    }

    /// Adds a dict as MAP, whatever its keys.
    pub fn pairs(&mut self, dict: &Bound<'py, PyAny>) -> Outcome<()> {
        let n = dict.len()?;
        self.out.map(n);
        self.dict_pairs(dict, n)
    }

    /// Writes the op that begins a dict, and its keys where they are new.
    fn dict_keys(&mut self, dict: &Bound<'py, PyAny>) -> Outcome<DictForm> {
        let shapes = self.shapes.get_or_insert_default();
        if let Some(shape) = shapes.expected() {
            match compare(dict, &shape.keys, &mut self.lent) {
                Match::Other => {}
                found => {
                    let n = shape.keys.len();
                    self.out.op(tag::OBJECT, shape.id);
                    shapes.advance();
                    return Ok(match found {
                        Match::Scalars => DictForm::Scalars,
                        _ => DictForm::Object(n),
                    });
                }
            }
        }
        let mut keys = Vec::new();
        let mut fits = true;
        let mut order = KeyOrder::default();
        let mut entries = Entries::new(dict);
        while let Some((key, _)) = entries.next() {
            fits = fits && is_object_key(&key, &mut order);
            keys.push(key.to_owned());
        }
        if fits {
            shapes.write(&keys, self.out)?;
            return Ok(DictForm::Object(keys.len()));
        }
        self.out.map(keys.len());
        Ok(DictForm::Map(keys.len()))
    }

    /// Adds the values that the dict has lent, all of them scalars.
    fn lent_values(&mut self, dict: &Bound<'py, PyAny>) -> Outcome<()> {
        for i in 0..self.lent.len() {
            // SAFETY: alive since the dict has lent it: whatever runs Python code owns all of them before.
            let value = unsafe { Borrowed::from_ptr(dict.py(), self.lent[i]) };
            self.value(&value, false)?;
        }
        self.lent.clear();
        Ok(())
    }

    fn dict_values(&mut self, dict: &Bound<'py, PyAny>, n: usize) -> Outcome<()> {
        let mut entries = Entries::new(dict);
        for i in 0..n {
            let Some((key, value)) = entries.next() else {
                return Err(Failure::changed(dict));
            };
            // Kept only where Python code may run, as the value is.
            // SAFETY: a live borrowed object.
            let kept = (!unsafe { is_scalar(value.as_ptr()) }).then(|| key.to_owned());
            let key = kept.as_ref().unwrap_or(&key);
            self.item(dict, value.as_ptr(), 0, || named(key, i))?;
        }
        if entries.next().is_some() {
            return Err(Failure::changed(dict));
        }
        Ok(())
    }

    fn dict_pairs(&mut self, dict: &Bound<'py, PyAny>, n: usize) -> Outcome<()> {
        let mut entries = Entries::new(dict);
        for i in 0..n {
            let Some((key, value)) = entries.next() else {
                return Err(Failure::changed(dict));
            };
            let (key, value) = (key.to_owned(), value.to_owned());
            self.item(dict, key.as_ptr(), 1, || Step::Nth("key", i))?;
            self.item(dict, value.as_ptr(), 1, || named(&key, i))?;
        }
        if entries.next().is_some() {
            return Err(Failure::changed(dict));
        }
        Ok(())
    }
}

enum DictForm {
    /// An object whose values are lent, all of them scalars.
    Scalars,
    Object(usize),
    Map(usize),
}

/// True for values whose conversion runs no code of the user's.
///
/// # Safety
/// A live object.
#[inline]
pub unsafe fn is_scalar(value: *mut ffi::PyObject) -> bool {
    // SAFETY: the caller's promise.
    let kind = unsafe { ffi::Py_TYPE(value) };
    is_type!(kind, PyUnicode_Type)
        || is_type!(kind, PyLong_Type)
        || is_type!(kind, PyFloat_Type)
        || is_type!(kind, PyBool_Type)
}

fn is_object_key(key: &Bound<'_, PyAny>, order: &mut KeyOrder) -> bool {
    // SAFETY: `key` is a live object.
    let kind = unsafe { ffi::Py_TYPE(key.as_ptr()) };
    if !is_type!(kind, PyUnicode_Type) {
        return false;
    }
    // SAFETY: just checked.
    match unsafe { text::utf8(key) } {
        Some(key) => order.takes(key),
        // A key that cannot be told from another goes by the converter of such text.
        None => {
            order.takes("\u{fffd}") && text::Surrogates::of(key).is_ok_and(|text| !text.ambiguous)
        }
    }
}
