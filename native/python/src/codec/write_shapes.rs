//! Shapes of one pack being written: key lists of dicts, so that dicts alike send their keys once.
//!
//! A dict is told by the addresses of its keys (strings in code, and keys of one parser run, are shared); equal keys at
//! other addresses are found by their text.

use std::collections::HashMap;

use pyo3::ffi;
use pyo3::prelude::*;
use symphony_core::pack::PackBuf;

use super::failure::Outcome;
use super::text;

/// More address lists than this are not remembered: their keys would all be kept alive until the pack is done.
const MAX_KNOWN: usize = 1024;
/// Dicts with more keys are maps in all but name.
const MAX_KEYS: usize = 64;

pub struct Shape {
    pub id: usize,
    /// The addresses of its keys, kept alive by the table.
    pub keys: Vec<*mut ffi::PyObject>,
    /// The shape that came after it the last time.
    follower: Option<usize>,
}

#[derive(Default)]
pub struct WriteShapes<'py> {
    shapes: Vec<Shape>,
    /// Index into `shapes` of the shape last met.
    last: Option<usize>,
    by_address: HashMap<Vec<usize>, usize>,
    by_text: HashMap<Vec<u8>, usize>,
    alive: Vec<Bound<'py, PyAny>>,
}

impl<'py> WriteShapes<'py> {
    /// The shape to expect, as dicts in a list have the same inside, one after the other.
    #[inline]
    pub fn expected(&self) -> Option<&Shape> {
        self.shapes.get(self.shapes.get(self.last?)?.follower?)
    }

    /// The expected shape has come.
    #[inline]
    pub fn advance(&mut self) {
        self.last = self.last.and_then(|last| self.shapes[last].follower);
    }

    /// Writes SHAPE or OBJECT for these keys, all of them strings fit for an object.
    pub fn write(&mut self, keys: &[Bound<'py, PyAny>], out: &mut PackBuf) -> Outcome<()> {
        if keys.len() > MAX_KEYS {
            return define(keys, out).map(drop);
        }
        let addresses: Vec<usize> = keys.iter().map(|key| key.as_ptr() as usize).collect();
        let index = match self.by_address.get(&addresses) {
            Some(&index) => index,
            None => match self.find_by_text(keys) {
                Found::Known(index) => {
                    self.remember(addresses, keys, index);
                    index
                }
                Found::New(text) => {
                    let id = define(keys, out)? as usize;
                    self.add(id, addresses, keys, text);
                    return Ok(());
                }
            },
        };
        self.note(index);
        out.op(symphony_core::pack::tag::OBJECT, self.shapes[index].id);
        Ok(())
    }

    fn find_by_text(&self, keys: &[Bound<'py, PyAny>]) -> Found {
        let mut signature = Vec::with_capacity(keys.len() * 12);
        for key in keys {
            // SAFETY: keys of shapes are strings.
            let Some(text) = (unsafe { text::utf8(key) }) else {
                return Found::New(None);
            };
            signature.extend_from_slice(&(text.len() as u32).to_le_bytes());
            signature.extend_from_slice(text.as_bytes());
        }
        match self.by_text.get(&signature) {
            Some(&index) => Found::Known(index),
            None => Found::New(Some(signature)),
        }
    }

    fn add(
        &mut self,
        id: usize,
        addresses: Vec<usize>,
        keys: &[Bound<'py, PyAny>],
        text: Option<Vec<u8>>,
    ) {
        let index = self.shapes.len();
        if index >= MAX_KNOWN {
            return;
        }
        self.shapes.push(Shape {
            id,
            keys: keys.iter().map(Bound::as_ptr).collect(),
            follower: None,
        });
        if let Some(text) = text {
            self.by_text.insert(text, index);
        }
        self.alive.extend(keys.iter().cloned());
        self.by_address.insert(addresses, index);
        self.note(index);
    }

    fn remember(&mut self, addresses: Vec<usize>, keys: &[Bound<'py, PyAny>], index: usize) {
        if self.by_address.len() < MAX_KNOWN {
            self.alive.extend(keys.iter().cloned());
            self.by_address.insert(addresses, index);
        }
    }

    fn note(&mut self, index: usize) {
        // The first is expected to come again at once.
        let before = self.last.unwrap_or(index);
        self.shapes[before].follower = Some(index);
        self.last = Some(index);
    }
}

enum Found {
    Known(usize),
    /// With the signature to file it under; None when the keys have no UTF-8 form.
    New(Option<Vec<u8>>),
}

fn define(keys: &[Bound<'_, PyAny>], out: &mut PackBuf) -> Outcome<u32> {
    let id = out.shape(keys.len());
    for key in keys {
        // SAFETY: keys of shapes are strings.
        unsafe { text::put(key, out) }?;
    }
    Ok(id)
}

/// Keys as an object takes them: one that it would put elsewhere (index-like keys come first, in ascending order) or
/// take for something else (`__proto__`) makes the dict a map.
#[derive(Default)]
pub struct KeyOrder {
    last_index: Option<u64>,
    names_begun: bool,
}

impl KeyOrder {
    /// Whether an object with the keys so far keeps this one behind them.
    #[inline]
    pub fn takes(&mut self, key: &str) -> bool {
        if !key.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            self.names_begun = true;
            return key != "__proto__";
        }
        match index_like(key) {
            None => {
                self.names_begun = true;
                true
            }
            index if self.names_begun || index <= self.last_index => false,
            index => {
                self.last_index = index;
                true
            }
        }
    }
}

fn index_like(key: &str) -> Option<u64> {
    let bytes = key.as_bytes();
    if bytes.len() > 10 || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if bytes[0] == b'0' {
        return (bytes.len() == 1).then_some(0);
    }
    key.parse().ok().filter(|&index: &u64| index < 0xFFFF_FFFF)
}
