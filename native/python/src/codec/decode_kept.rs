//! Packs → Python objects: containers that are met again, and values by converters.

use std::collections::HashMap;

use pyo3::exceptions::{PyException, PyMemoryError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyList, PyString};
use symphony_core::pack::{tag, Malformed, KEPT};

use super::call_payload;
use super::decode::{at_index, new, Decoder};
use super::failure::{Failure, Outcome};
use super::read_shapes::{code_units, latin1};
use super::rules;

/// Containers of a pack by the index of their op; None: not made yet.
#[derive(Default)]
pub struct Kept<'py>(HashMap<usize, Option<Bound<'py, PyAny>>>);

/// Converters that a pack has introduced.
#[derive(Default)]
pub struct Converters<'py>(Vec<Converter<'py>>);

#[derive(Clone)]
enum Read<'py> {
    /// A function of Python's.
    Plain(Bound<'py, PyAny>),
    Text,
    View,
}

#[derive(Clone)]
struct Converter<'py> {
    name: String,
    read: Read<'py>,
    /// One of ours: what it raises says that the pack is wrong.
    builtin: bool,
}

impl<'py> Decoder<'_, '_, 'py> {
    /// A value whose op, at this index, has the bit KEPT.
    pub fn kept(&mut self, op: i32, at: usize) -> Outcome<Bound<'py, PyAny>> {
        let arg = self.reader.arg(op)?;
        let py = self.py;
        // Lists, dicts and sets can be referred to while they are filled, and are never seen half made.
        let value = match op as u8 & !KEPT {
            tag::LIST => {
                let list = PyList::empty(py);
                self.keep(at, list.as_any());
                return self.append(list, arg);
            }
            tag::MAP => {
                let dict = PyDict::new(py);
                self.keep(at, dict.as_any());
                return self.map(dict, arg);
            }
            tag::SHAPE | tag::OBJECT => {
                let shape = self.shape(op as u8 & !KEPT, arg)?;
                let dict = PyDict::new(py);
                self.keep(at, dict.as_any());
                self.object(&dict, shape)?;
                return Ok(dict.into_any());
            }
            tag::SET => {
                let set = self.new_set(tag::SET)?;
                self.keep(at, &set);
                return self.set(set, arg);
            }
            tag::DATACLASS => return self.dataclass(arg, Some(at)),
            tag::FLOATS => self.floats(arg)?,
            tag::BYTEARRAY => PyByteArray::new(py, self.reader.chars(arg)?).into_any(),
            tag::TUPLE => self.tuple(arg)?,
            tag::FROZENSET => {
                let set = self.new_set(tag::FROZENSET)?;
                self.set(set, arg)?
            }
            tag::EXT => self.ext(arg)?,
            _ => return Err(Malformed("a value that is no container is met again").into()),
        };
        self.keep(at, &value);
        Ok(value)
    }

    pub fn keep(&mut self, at: usize, value: &Bound<'py, PyAny>) {
        let Kept(kept) = self.kept.get_or_insert_default().as_mut();
        kept.insert(at, Some(value.clone()));
    }

    /// The container that the op at an index began.
    pub fn back(&self, at: usize) -> Outcome<Bound<'py, PyAny>> {
        let found = self.kept.as_ref().and_then(|kept| kept.0.get(&at));
        match found {
            Some(Some(value)) => Ok(value.clone()),
            _ => Err(Malformed(
                "a container is met again that was not kept, or that contains itself",
            )
            .into()),
        }
    }

    fn append(&mut self, list: Bound<'py, PyList>, n: usize) -> Outcome<Bound<'py, PyAny>> {
        self.enter(n)?;
        for i in 0..n {
            let item = self.value().map_err(|failure| at_index(failure, i))?;
            list.append(item)?;
        }
        self.depth -= 1;
        Ok(list.into_any())
    }

    /// A value by a converter.
    pub fn ext(&mut self, arg: usize) -> Outcome<Bound<'py, PyAny>> {
        let converter = self.converter(arg)?;
        self.enter(1)?;
        let value = match &converter.read {
            Read::Plain(read) => {
                let plain = self.value()?;
                read.call1((plain,))
                    .map_err(|error| converter.failed(self.py, error))
            }
            Read::Text => self.surrogates(),
            Read::View => self.view(),
        }?;
        self.depth -= 1;
        Ok(value)
    }

    fn converter(&mut self, arg: usize) -> Outcome<Converter<'py>> {
        if arg != 0 {
            let Converters(known) = &self.converters;
            let converter = known.get(arg - 1).cloned();
            return Ok(converter.ok_or(Malformed("a converter is not introduced"))?);
        }
        let name = call_payload::text(&mut self.reader)?.into_owned();
        let (read, builtin) = match &*name {
            "str" => (Read::Text, true),
            "view" => (Read::View, true),
            _ => {
                let py = self.py;
                let found = rules::convert(py)?.call_method1(intern!(py, "_reader"), (&name,))?;
                let (read, builtin) = found.extract()?;
                (Read::Plain(read), builtin)
            }
        };
        let converter = Converter {
            name,
            read,
            builtin,
        };
        self.converters.0.push(converter.clone());
        Ok(converter)
    }

    /// Text in which a high surrogate may stand right before a low one: STR16 without characters beyond U+FFFF, or
    /// parts that are read one by one.
    fn surrogates(&mut self) -> Outcome<Bound<'py, PyAny>> {
        let op = self.reader.op()?;
        let arg = self.reader.arg(op)?;
        match op as u8 {
            tag::STR16 => Ok(code_units(
                self.py,
                self.reader.chars(arg.saturating_mul(2))?,
            )?),
            tag::STR => Ok(latin1(self.py, self.reader.chars(arg)?)?),
            tag::TUPLE => {
                let parts = self.tuple(arg)?;
                Ok(PyString::new(self.py, "").call_method1(intern!(self.py, "join"), (parts,))?)
            }
            _ => Err(Malformed("text is of another kind").into()),
        }
    }

    /// Memory of JavaScript's, lent for the call: the parts of a buffer, its bytes as a segment.
    fn view(&mut self) -> Outcome<Bound<'py, PyAny>> {
        if self.reader.expect(tag::TUPLE)? != 6 {
            return Err(Malformed("a buffer has six parts").into());
        }
        let _kind = self.value()?;
        let format: String = self.value()?.extract()?;
        let shape: Vec<usize> = self.value()?.extract()?;
        let order: String = self.value()?.extract()?;
        let readonly: bool = self.value()?.extract()?;
        let index = self.reader.expect(tag::SEGMENT)?;
        let bytes = self.reader.segment(index)?;
        let Some(views) = &mut self.views else {
            return Err(Failure::refused_type(
                "view".to_owned(),
                "memory is lent in synchronous calls only; pass a copy",
            ));
        };
        Ok(views.lend(self.py, &format, shape, order == "F", readonly, bytes)?)
    }

    pub fn new_set(&self, tag: u8) -> Outcome<Bound<'py, PyAny>> {
        let nothing = std::ptr::null_mut();
        // SAFETY: gives a new reference or sets an error. A frozenset may be filled while nobody else holds it.
        new(self.py, unsafe {
            match tag {
                tag::SET => ffi::PySet_New(nothing),
                _ => ffi::PyFrozenSet_New(nothing),
            }
        })
    }
}

impl Converter<'_> {
    #[cold]
    fn failed(&self, py: Python<'_>, error: PyErr) -> Box<Failure> {
        let ours = self.builtin
            && error.is_instance_of::<PyException>(py)
            && !error.is_instance_of::<PyMemoryError>(py);
        if !ours {
            return super::dataclass::refusal(py, &self.name, error);
        }
        Failure::refused_type(self.name.clone(), error.value(py).to_string())
    }
}
