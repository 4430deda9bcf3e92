//! Going through a dict that may change meanwhile.

use std::ptr::null_mut;

use pyo3::prelude::*;
use pyo3::types::PyInt;
use pyo3::{ffi, Borrowed};

use super::encode_containers::is_scalar;
use super::failure::Step;

/// Entries of a dict as they stand at each step, lent until Python code runs.
pub struct Entries<'a, 'py> {
    dict: &'a Bound<'py, PyAny>,
    position: ffi::Py_ssize_t,
}

/// Key and value.
pub type Entry<'a, 'py> = (Borrowed<'a, 'py, PyAny>, Borrowed<'a, 'py, PyAny>);

impl<'a, 'py> Entries<'a, 'py> {
    pub fn new(dict: &'a Bound<'py, PyAny>) -> Self {
        Self { dict, position: 0 }
    }

    #[inline]
    /// The next entry as the dict stands now.
    pub fn next(&mut self) -> Option<Entry<'a, 'py>> {
        let (mut key, mut value) = (null_mut(), null_mut());
        // SAFETY: `dict` is a dict. A dict that changed between two steps may skip or repeat entries, which the callers
        // count, but what it lends is alive.
        unsafe {
            if ffi::PyDict_Next(self.dict.as_ptr(), &mut self.position, &mut key, &mut value) == 0 {
                return None;
            }
            let py = self.dict.py();
            Some((Borrowed::from_ptr(py, key), Borrowed::from_ptr(py, value)))
        }
    }
}

/// What a dict has, seen from a list of keys.
pub enum Match {
    /// Other keys, or in another order.
    Other,
    /// These keys in this order.
    Keys,
    /// The same, and only scalars as values: they are lent until Python code runs.
    Scalars,
}

/// Compares a dict's keys with these objects; `values` takes what is lent, and is empty otherwise.
#[inline]
pub fn compare(
    dict: &Bound<'_, PyAny>,
    keys: &[*mut ffi::PyObject],
    values: &mut Vec<*mut ffi::PyObject>,
) -> Match {
    // SAFETY: `dict` is a dict and no Python code runs here.
    unsafe {
        if ffi::PyDict_Size(dict.as_ptr()) as usize != keys.len() {
            return Match::Other;
        }
        let (mut position, mut key, mut value) = (0, null_mut(), null_mut());
        let mut found = Match::Scalars;
        for &expected in keys {
            ffi::PyDict_Next(dict.as_ptr(), &mut position, &mut key, &mut value);
            if key != expected {
                found = Match::Other;
                break;
            }
            if is_scalar(value) {
                values.push(value);
            } else {
                found = Match::Keys;
            }
        }
        if !matches!(found, Match::Scalars) {
            values.clear();
        }
        found
    }
}

/// The step to a value by its key, as a programmer would write it.
pub fn named(key: &Bound<'_, PyAny>, position: usize) -> Step {
    match key.extract::<String>() {
        Ok(name) => Step::Name(name),
        Err(_) => match key.cast::<PyInt>().map(|key| key.extract::<usize>()) {
            Ok(Ok(index)) => Step::Index(index),
            _ => Step::Nth("value", position),
        },
    }
}
