//! Shapes met while reading, kept across packs: key strings are made and interned once.
//!
//! The cache is taken out of its slot for the time of one decode and put back: no lock, and who finds the slot empty (a
//! decode inside a decode, another thread) just works without.

use std::collections::HashMap;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::Arc;

use pyo3::ffi;
use pyo3::prelude::*;
use symphony_core::pack::{tag, Malformed, PackReader};

use super::columns::Column;
use super::failure::Outcome;

const MAX_SHAPES: usize = 1024;
const MAX_KEYS: usize = 64;

/// Interned keys in order.
type Keys = Arc<[Py<PyAny>]>;

#[derive(Default)]
struct Cache {
    by_signature: HashMap<Box<[u8]>, Keys>,
    scratch: Vec<u8>,
}

static SLOT: AtomicPtr<Cache> = AtomicPtr::new(null_mut());

/// Shapes of one pack being read.
#[derive(Default)]
pub struct ReadShapes<'a, 'py> {
    defined: Vec<Shape<'a, 'py>>,
    cache: Option<Box<Cache>>,
}

struct Shape<'a, 'py> {
    keys: Keys,
    /// By key, from the second object of the shape on.
    columns: Vec<Column<'a, 'py>>,
    met: bool,
}

impl<'a, 'py> ReadShapes<'a, 'py> {
    /// An object of the shape comes: how many keys it has.
    #[inline]
    pub fn meet(&mut self, id: usize) -> Result<usize, Malformed> {
        let shape = self
            .defined
            .get_mut(id)
            .ok_or(Malformed("a shape is not defined"))?;
        let n = shape.keys.len();
        if shape.met && shape.columns.is_empty() {
            shape.columns.resize_with(n, Column::default);
        }
        shape.met = true;
        Ok(n)
    }

    /// A key of a shape that is defined. Asked for one by one: sharing the list costs more than looking it up.
    #[inline]
    pub fn key(&self, id: usize, index: usize) -> &Py<PyAny> {
        &self.defined[id].keys[index]
    }

    /// Where texts under that key may repeat.
    #[inline]
    pub fn column(&mut self, id: usize, index: usize) -> Option<&mut Column<'a, 'py>> {
        self.defined[id].columns.get_mut(index)
    }

    /// Reads the `n` keys that follow and defines the next shape; gives its id.
    pub fn define(&mut self, py: Python<'_>, reader: &mut PackReader, n: usize) -> Outcome<usize> {
        reader.count(n)?;
        let (ops, chars) = (reader.rest(), reader.rest_chars());
        let mut ahead = reader.clone();
        skip_keys(&mut ahead, n)?;
        let ops = &ops[..ops.len() - ahead.remaining()];
        let chars = &chars[..chars.len() - ahead.rest_chars().len()];

        let cache = self.cache.get_or_insert_with(take);
        cache.scratch.clear();
        for op in ops {
            cache.scratch.extend_from_slice(&op.to_le_bytes());
        }
        cache.scratch.extend_from_slice(chars);
        let keys = match cache.by_signature.get(&cache.scratch[..]) {
            Some(keys) => {
                *reader = ahead;
                keys.clone()
            }
            None => {
                let keys = read_keys(py, reader, n)?;
                if n <= MAX_KEYS {
                    if cache.by_signature.len() >= MAX_SHAPES {
                        cache.by_signature.clear();
                    }
                    cache
                        .by_signature
                        .insert(cache.scratch.clone().into(), keys.clone());
                }
                keys
            }
        };
        self.defined.push(Shape {
            keys,
            columns: Vec::new(),
            met: false,
        });
        Ok(self.defined.len() - 1)
    }
}

impl Drop for ReadShapes<'_, '_> {
    fn drop(&mut self) {
        if let Some(cache) = self.cache.take() {
            give_back(cache);
        }
    }
}

fn take() -> Box<Cache> {
    let cache = SLOT.swap(null_mut(), Ordering::Acquire);
    if cache.is_null() {
        return Box::default();
    }
    // SAFETY: the slot holds only boxes given back, and swapping it out made this one ours.
    unsafe { Box::from_raw(cache) }
}

fn give_back(cache: Box<Cache>) {
    let other = SLOT.swap(Box::into_raw(cache), Ordering::AcqRel);
    if !other.is_null() {
        // SAFETY: as in `take`.
        drop(unsafe { Box::from_raw(other) });
    }
}

fn skip_keys(reader: &mut PackReader, n: usize) -> Result<(), Malformed> {
    for _ in 0..n {
        let op = reader.op()?;
        let length = reader.arg(op)?;
        match op as u8 {
            tag::STR => reader.chars(length)?,
            tag::STR16 => reader.chars(length.saturating_mul(2))?,
            _ => return Err(Malformed("a name must be a string")),
        };
    }
    Ok(())
}

fn read_keys(py: Python<'_>, reader: &mut PackReader, n: usize) -> Outcome<Keys> {
    let mut keys = Vec::with_capacity(n);
    for _ in 0..n {
        let op = reader.op()?;
        let length = reader.arg(op)?;
        let key = if op as u8 == tag::STR {
            latin1(py, reader.chars(length)?)?
        } else {
            utf16(py, reader.chars(length.saturating_mul(2))?)?
        };
        keys.push(intern(key));
    }
    Ok(keys.into())
}

fn intern(key: Bound<'_, PyAny>) -> Py<PyAny> {
    let py = key.py();
    let mut key = key.into_ptr();
    // SAFETY: `key` is an owned string; interning replaces it by the owned one to use.
    unsafe {
        ffi::PyUnicode_InternInPlace(&mut key);
        Bound::from_owned_ptr(py, key).unbind()
    }
}

/// A string from Latin-1.
#[inline]
pub fn latin1<'py>(py: Python<'py>, chars: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: pointer and length are of one slice; the result is new or an error is set.
    unsafe {
        let text = ffi::PyUnicode_DecodeLatin1(
            chars.as_ptr().cast(),
            chars.len() as ffi::Py_ssize_t,
            std::ptr::null(),
        );
        Bound::from_owned_ptr_or_err(py, text)
    }
}

/// A string from UTF-16LE; lone surrogates are kept.
pub fn utf16<'py>(py: Python<'py>, units: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let mut little_endian = -1;
    // SAFETY: as in `latin1`; a given byte order means that no mark is looked for.
    unsafe {
        let text = ffi::PyUnicode_DecodeUTF16(
            units.as_ptr().cast(),
            units.len() as ffi::Py_ssize_t,
            c"surrogatepass".as_ptr(),
            &mut little_endian,
        );
        Bound::from_owned_ptr_or_err(py, text)
    }
}

/// A string from UTF-16LE in which each unit is a character of its own, surrogates too.
pub fn code_units<'py>(py: Python<'py>, units: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let points: Vec<u8> = units
        .chunks_exact(2)
        .flat_map(|unit| [unit[0], unit[1], 0, 0])
        .collect();
    let mut little_endian = -1;
    // SAFETY: as in `utf16`.
    unsafe {
        let text = ffi::PyUnicode_DecodeUTF32(
            points.as_ptr().cast(),
            points.len() as ffi::Py_ssize_t,
            c"surrogatepass".as_ptr(),
            &mut little_endian,
        );
        Bound::from_owned_ptr_or_err(py, text)
    }
}
