//! Packs → Python objects.
//!
//! Trusts nothing: the reader checks every count, so that a broken peer gives a `ValueError`, never a crash.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict};
use pyo3::{ffi, intern};
use symphony_core::pack::{
    tag, Malformed, Owner, PackReader, PackView, KEPT, MAX_READ_DEPTH, MAX_SAFE_INTEGER,
};

use super::dataclass::Plans;
use super::decode_kept::{Converters, Kept};
use super::failure::{Failure, Outcome, Step};
use super::read_shapes::{latin1, utf16, ReadShapes};
use super::segment;
use super::views::Views;
use super::{call_payload, rules, undefined, RefResolver};

/// Makes the one value of a pack.
///
/// # Errors
/// `ValueError` with code `frame-invalid` for a malformed pack; `TypeError` with code `conversion` for a value that
/// Python cannot hold, such as an unhashable key; what a dataclass raises passes unchanged.
pub fn decode(py: Python<'_>, view: &PackView<'_>, refs: &dyn RefResolver) -> PyResult<Py<PyAny>> {
    let mut decoder = Decoder::new(py, view, refs);
    let value = decoder
        .value()
        .and_then(|value| decoder.finish().map(|()| value))
        .map_err(|failure| failure.into_error(py, "value"))?;
    Ok(value.unbind())
}

/// Makes values one after the other from the front of a pack.
pub struct Decoder<'a, 's, 'py> {
    pub py: Python<'py>,
    pub reader: PackReader<'a, 's>,
    refs: &'s dyn RefResolver,
    owner: Option<&'a Owner>,
    pub shapes: ReadShapes<'a, 'py>,
    pub depth: usize,
    /// Ops of the whole pack.
    total: usize,
    // Made when first needed.
    pub kept: Option<Box<Kept<'py>>>,
    pub converters: Converters<'py>,
    pub plans: Plans<'py>,
    /// Where memory may be lent: what was.
    pub views: Option<Views<'py>>,
}

impl<'a, 's, 'py> Decoder<'a, 's, 'py> {
    pub fn new(py: Python<'py>, view: &'s PackView<'a>, refs: &'s dyn RefResolver) -> Self {
        Self {
            py,
            reader: view.reader(),
            refs,
            owner: view.owner,
            shapes: ReadShapes::default(),
            depth: 0,
            total: view.ops.len(),
            kept: None,
            converters: Converters::default(),
            plans: Plans::default(),
            views: None,
        }
    }

    /// Fails when something follows the last value.
    pub fn finish(&self) -> Outcome<()> {
        if self.reader.remaining() != 0 {
            return Err(Malformed("ops follow the value").into());
        }
        Ok(())
    }

    pub fn value(&mut self) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        let op = self.reader.op()?;
        match op as u8 {
            tag::INT => {
                // SAFETY: gives a new reference or sets an error, as all constructors below.
                new(py, unsafe { ffi::PyLong_FromLong(i64::from(op >> 8)) })
            }
            tag::FLOAT => {
                let number = self.reader.num()?;
                // SAFETY: see INT.
                new(py, unsafe { ffi::PyFloat_FromDouble(number) })
            }
            tag::STR => {
                let n = self.reader.arg(op)?;
                Ok(latin1(py, self.reader.chars(n)?)?)
            }
            tag::OBJECT => {
                let shape = self.reader.arg(op)?;
                self.new_object(shape)
            }
            tag::LIST => {
                let n = self.reader.arg(op)?;
                self.list(n)
            }
            tag::FLOATS => {
                let n = self.reader.arg(op)?;
                self.floats(n)
            }
            _ => self.other(op),
        }
    }

    fn other(&mut self, op: i32) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        match op as u8 {
            tag::NONE => return Ok(py.None().into_bound(py)),
            tag::UNDEFINED => return Ok(undefined(py)?.bind(py).clone().into_any()),
            tag::TRUE => {
                return Ok(true
                    .into_pyobject(py)
                    .map_err(PyErr::from)?
                    .to_owned()
                    .into_any())
            }
            tag::FALSE => {
                return Ok(false
                    .into_pyobject(py)
                    .map_err(PyErr::from)?
                    .to_owned()
                    .into_any())
            }
            tag::INT53 => {
                let number = self.reader.num()?;
                if number.fract() != 0.0 || !number.is_finite() {
                    return Err(Malformed("an integer has a fraction").into());
                }
                // SAFETY: see INT.
                return new(py, unsafe { ffi::PyLong_FromDouble(number) });
            }
            _ => {}
        }
        if op as u8 & KEPT != 0 {
            return self.kept(op, self.total - self.reader.remaining() - 1);
        }
        let arg = self.reader.arg(op)?;
        match op as u8 {
            tag::STR16 => Ok(utf16(py, self.reader.chars(arg.saturating_mul(2))?)?),
            tag::BIGINT => self.bigint(arg),
            tag::BYTES => Ok(PyBytes::new(py, self.reader.chars(arg)?).into_any()),
            tag::BYTEARRAY => Ok(PyByteArray::new(py, self.reader.chars(arg)?).into_any()),
            tag::SEGMENT => segment::bytes(py, self.reader.segment(arg)?, self.owner),
            tag::TUPLE => self.tuple(arg),
            tag::SET | tag::FROZENSET => {
                let set = self.new_set(op as u8)?;
                self.set(set, arg)
            }
            tag::MAP => self.map(PyDict::new(py), arg),
            tag::SHAPE => {
                let shape = self.shape(tag::SHAPE, arg)?;
                self.new_object(shape)
            }
            tag::DATACLASS => self.dataclass(arg, None),
            tag::BACK => self.back(arg),
            tag::EXT => self.ext(arg),
            tag::REF => self.reference(),
            tag::PROXY => self.proxy(arg as u32),
            _ => Err(Malformed("a tag is unknown").into()),
        }
    }

    fn bigint(&mut self, words: usize) -> Outcome<Bound<'py, PyAny>> {
        let negative = self.reader.op()? != 0;
        let words = self.reader.ops(words)?;
        let magnitude = match *words {
            [] => 0,
            [low] => u64::from(low as u32),
            [low, high] => u64::from(low as u32) | u64::from(high as u32) << 32,
            _ => return self.large_bigint(negative, words),
        };
        // SAFETY: see INT.
        let value = new(self.py, unsafe {
            ffi::PyLong_FromUnsignedLongLong(magnitude)
        })?;
        let value = if negative { value.neg()? } else { value };
        if magnitude > MAX_SAFE_INTEGER as u64 {
            return Ok(value);
        }
        // JavaScript's number would have done, so its sender meant a BigInt.
        let class = rules::convert(self.py)?.getattr(intern!(self.py, "JsBigInt"))?;
        Ok(class.call1((value,))?)
    }

    fn large_bigint(&self, negative: bool, words: &[i32]) -> Outcome<Bound<'py, PyAny>> {
        let py = self.py;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let value = py.get_type::<pyo3::types::PyInt>().call_method1(
            pyo3::intern!(py, "from_bytes"),
            (PyBytes::new(py, &bytes), pyo3::intern!(py, "little")),
        )?;
        Ok(if negative { value.neg()? } else { value })
    }

    fn reference(&mut self) -> Outcome<Bound<'py, PyAny>> {
        let handle = self.handle()?;
        Ok(self.refs.own(self.py, handle)?.into_bound(self.py))
    }

    fn proxy(&mut self, traits: u32) -> Outcome<Bound<'py, PyAny>> {
        let handle = self.handle()?;
        let label = call_payload::text(&mut self.reader)?;
        let proxy = self.refs.foreign(self.py, handle, traits, &label)?;
        Ok(proxy.into_bound(self.py))
    }

    fn handle(&mut self) -> Outcome<u32> {
        let number = self.reader.num()?;
        if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
            return Err(Malformed("a handle is no handle").into());
        }
        Ok(number as u32)
    }

    /// Goes one level down, to `n` values.
    #[inline]
    pub fn enter(&mut self, n: usize) -> Outcome<()> {
        self.reader.count(n)?;
        self.depth += 1;
        if self.depth > MAX_READ_DEPTH {
            return Err(Malformed("it is nested too deep").into());
        }
        Ok(())
    }
}

#[inline]
pub fn new(py: Python<'_>, object: *mut ffi::PyObject) -> Outcome<Bound<'_, PyAny>> {
    // SAFETY: the callers pass what a constructor returned: a new reference, or null with an error set.
    Ok(unsafe { Bound::from_owned_ptr_or_err(py, object) }?)
}

#[cold]
pub fn at_index(failure: Box<Failure>, index: usize) -> Box<Failure> {
    failure.inside(std::ptr::null_mut(), Step::Index(index))
}
