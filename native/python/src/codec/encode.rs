//! Python objects → packs: the entry, scalars, and what is asked for each type.
//!
//! Exact built-in types go by value, other types by their rule (a converter, a dataclass, a buffer), the rest by
//! reference. Python code runs only where an attribute, a converter or a reference is asked; so containers are read
//! through calls that survive being changed meanwhile, and what is inside is kept alive.

use std::sync::Arc;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use symphony_core::pack::{tag, PackBuf, Segment, MAX_DEPTH};

use super::buffer::HeldBytes;
use super::encode_ext::Introduced;
use super::failure::{Failure, Outcome};
use super::seen::{is_shared, Meeting, Seen};
use super::write_shapes::WriteShapes;
use super::{text, undefined, RefResolver, Reference};

/// Bytes from this length on travel as their own segment.
pub(super) const SEGMENT_FROM: usize = 64 * 1024;

/// Adds one value to a pack. `root` names it in errors, e.g. `result`.
///
/// # Errors
/// `TypeError` with code `conversion`, naming path and type, its cause what Python code of the value raised, if any.
/// The pack holds half a value then: clear it.
pub fn encode(
    value: &Bound<'_, PyAny>,
    out: &mut PackBuf,
    refs: &dyn RefResolver,
    root: &str,
) -> PyResult<()> {
    encode_as(value, out, refs, root, Exactness::Plain)
}

/// Whether numbers of NumPy's become Python's own, which is what most receivers expect, or keep their type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exactness {
    Plain,
    /// What a caller asks for with the frame flag STRICT.
    Strict,
    /// Both forms go: only the receiver knows which one it wants.
    Either,
}

impl Exactness {
    /// By the flags of the CALL.
    pub fn of_flags(flags: u8) -> Self {
        match flags & symphony_core::frame::flag::STRICT {
            0 => Self::Plain,
            _ => Self::Strict,
        }
    }
}

/// [`encode`], as plain or as exact as the caller asks.
pub fn encode_as(
    value: &Bound<'_, PyAny>,
    out: &mut PackBuf,
    refs: &dyn RefResolver,
    root: &str,
    exactness: Exactness,
) -> PyResult<()> {
    if value.is_none() {
        // What most functions return.
        out.none();
        return Ok(());
    }
    let mut encoder = Encoder::new(out, refs);
    encoder.exactness = exactness;
    encoder
        .value(value, is_shared(value.as_ptr(), 0))
        .map_err(|failure| failure.into_error(value.py(), root))
}

/// [`encode_as`] into a pack that outlives what the value was made of.
pub fn encode_apart(
    value: &Bound<'_, PyAny>,
    out: &mut PackBuf,
    refs: &dyn RefResolver,
    root: &str,
    exactness: Exactness,
) -> PyResult<()> {
    let mut encoder = Encoder::new(out, refs);
    encoder.lends = false;
    encoder.exactness = exactness;
    encoder
        .value(value, is_shared(value.as_ptr(), 0))
        .map_err(|failure| failure.into_error(value.py(), root))
}

/// Adds several values one after the other, each with its name in errors; they share shapes and identities. They are
/// a call's: what is called decides how exact it wants them.
pub fn encode_with(
    values: &[(&str, &Bound<'_, PyAny>)],
    out: &mut PackBuf,
    refs: &dyn RefResolver,
) -> PyResult<()> {
    let mut encoder = Encoder::new(out, refs);
    encoder.exactness = Exactness::Either;
    for (root, value) in values {
        encoder
            // The values themselves are parts of a call: the callee has its own.
            .value(value, false)
            .map_err(|failure| failure.into_error(value.py(), root))?;
    }
    Ok(())
}

pub(super) struct Encoder<'a, 'py> {
    pub out: &'a mut PackBuf,
    refs: &'a dyn RefResolver,
    pub depth: usize,
    pub exactness: Exactness,
    /// Large bytes stay where they are until the pack is done with them.
    pub lends: bool,
    // Made when first needed: most calls carry plain values only.
    pub shapes: Option<Box<WriteShapes<'py>>>,
    pub introduced: Introduced,
    /// Values that a dict has lent, all of them scalars, while they are written.
    pub lent: Vec<*mut ffi::PyObject>,
    held: Vec<Bound<'py, PyAny>>,
    seen: Option<Box<Seen<'py>>>,
}

/// Compares a type with a built-in one by address: exactly this type, no subclass.
macro_rules! is_type {
    ($kind:expr, $builtin:ident) => {
        std::ptr::eq($kind, std::ptr::addr_of_mut!(pyo3::ffi::$builtin))
    };
}
pub(super) use is_type;

impl<'a, 'py> Encoder<'a, 'py> {
    fn new(out: &'a mut PackBuf, refs: &'a dyn RefResolver) -> Self {
        Self {
            out,
            refs,
            depth: 0,
            exactness: Exactness::Plain,
            lends: true,
            shapes: None,
            introduced: Introduced::default(),
            lent: Vec::new(),
            held: Vec::new(),
            seen: None,
        }
    }

    /// Adds a value; `shared`: others than its container and us may refer to it.
    pub fn value(&mut self, value: &Bound<'py, PyAny>, shared: bool) -> Outcome<()> {
        // SAFETY: `value` is a live object.
        let kind = unsafe { ffi::Py_TYPE(value.as_ptr()) };
        if is_type!(kind, PyUnicode_Type) {
            self.text(value)
        } else if is_type!(kind, PyLong_Type) {
            self.int(value)
        } else if is_type!(kind, PyFloat_Type) {
            // SAFETY: just checked.
            self.out
                .float(unsafe { ffi::PyFloat_AsDouble(value.as_ptr()) });
            Ok(())
        } else if is_type!(kind, PyDict_Type) {
            self.container(value, shared, Self::dict)
        } else if is_type!(kind, PyList_Type) {
            self.container(value, shared, Self::list)
        } else {
            self.other(value, kind, shared)
        }
    }

    fn other(
        &mut self,
        value: &Bound<'py, PyAny>,
        kind: *mut ffi::PyTypeObject,
        shared: bool,
    ) -> Outcome<()> {
        if value.is_none() {
            self.out.none();
        } else if is_type!(kind, PyBool_Type) {
            // SAFETY: the address of a static object.
            self.out
                .bool(std::ptr::eq(value.as_ptr(), unsafe { ffi::Py_True() }));
        } else if is_type!(kind, PyTuple_Type) {
            // There is only one empty tuple: its identity says nothing.
            let shared = shared && value.len()? != 0;
            return self.container(value, shared, Self::tuple);
        } else if is_type!(kind, PyBytes_Type) {
            self.bytes(value);
        } else if is_type!(kind, PySet_Type) {
            return self.container(value, shared, |this, set| this.set(tag::SET, set));
        } else if is_type!(kind, PyFrozenSet_Type) {
            let shared = shared && value.len()? != 0;
            return self.container(value, shared, |this, set| this.set(tag::FROZENSET, set));
        } else if is_type!(kind, PyByteArray_Type) {
            return self.container(value, shared, |this, bytes| {
                this.bytearray(bytes);
                Ok(())
            });
        } else if value.is(undefined(value.py())?) {
            self.out.op(tag::UNDEFINED, 0);
        } else {
            return self.by_rule(value, shared);
        }
        Ok(())
    }

    /// Adds what has no value form.
    pub fn reference(&mut self, value: &Bound<'py, PyAny>) -> Outcome<()> {
        match self.refs.ref_of(value)? {
            Some(Reference::Own(handle)) => self.out.reference(handle),
            Some(Reference::Foreign {
                handle,
                traits,
                label,
            }) => self.out.proxy(handle, traits, &label),
            None => {
                return Err(Failure::refused(
                    value,
                    "no conversion for this type; pass a ref or a plain value",
                ))
            }
        }
        Ok(())
    }

    /// Adds something that has an identity: by `write` the first time, as a reference back later.
    #[inline]
    pub fn container(
        &mut self,
        value: &Bound<'py, PyAny>,
        shared: bool,
        write: impl FnOnce(&mut Self, &Bound<'py, PyAny>) -> Outcome<()>,
    ) -> Outcome<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Failure::too_deep(value));
        }
        if shared {
            match self.seen.get_or_insert_default().meet(value, self.out) {
                Meeting::First => {
                    write(self, value)?;
                    self.seen.get_or_insert_default().close(value);
                }
                Meeting::Again => {}
                Meeting::Within => {
                    return Err(Failure::refused(
                        value,
                        "it contains itself through a tuple, a frozenset or a converted value",
                    ))
                }
            }
        } else {
            write(self, value)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn text(&mut self, value: &Bound<'py, PyAny>) -> Outcome<()> {
        // SAFETY: the caller checked the type.
        match unsafe { text::utf8(value) } {
            Some(text) => {
                self.out.str(text);
                Ok(())
            }
            None => self.surrogates(value),
        }
    }

    /// Python code is about to run, maybe a finaliser that empties the dict: owns what it has lent until the pack is done.
    #[cold]
    fn hold_lent(&mut self, py: Python<'py>) {
        // SAFETY: what is lent is alive so far.
        let lent = self
            .lent
            .iter()
            .map(|&value| unsafe { Bound::from_borrowed_ptr(py, value) });
        self.held.extend(lent);
    }

    #[cold]
    fn surrogates(&mut self, value: &Bound<'py, PyAny>) -> Outcome<()> {
        self.hold_lent(value.py());
        let surrogates = text::Surrogates::of(value)?;
        if !surrogates.ambiguous {
            self.out.utf16(surrogates.units());
            return Ok(());
        }
        self.ext("str");
        if surrogates.parts.len() == 1 {
            self.out.utf16(surrogates.units());
            return Ok(());
        }
        // Characters beyond U+FFFF stand beside pairs that are none: only parts tell them apart.
        self.out.tuple(surrogates.parts.len());
        for part in &surrogates.parts {
            self.out.utf16(part);
        }
        Ok(())
    }

    fn int(&mut self, value: &Bound<'py, PyAny>) -> Outcome<()> {
        let mut overflow = 0;
        // SAFETY: `value` is an int, for which this raises nothing.
        let small = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &mut overflow) };
        if overflow == 0 {
            self.out.int(small);
            return Ok(());
        }
        self.bigint(value)
    }

    /// Adds an integer of any size as BIGINT.
    pub fn bigint(&mut self, value: &Bound<'py, PyAny>) -> Outcome<()> {
        let py = value.py();
        self.hold_lent(py);
        let negative = value.lt(0)?;
        let magnitude = value.abs()?;
        let bits: usize = magnitude
            .call_method0(pyo3::intern!(py, "bit_length"))?
            .extract()?;
        let words = bits.div_ceil(32);
        let bytes = magnitude.call_method1(
            pyo3::intern!(py, "to_bytes"),
            (words * 4, pyo3::intern!(py, "little")),
        )?;
        let words: Vec<u32> = bytes
            .cast::<PyBytes>()
            .map_err(PyErr::from)?
            .as_bytes()
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        self.out.bigint(negative, &words);
        Ok(())
    }

    pub fn bytes(&mut self, value: &Bound<'py, PyAny>) {
        // SAFETY: the caller checked the type.
        let bytes = unsafe { value.cast_unchecked::<PyBytes>() };
        let data = bytes.as_bytes();
        if data.len() >= SEGMENT_FROM {
            self.out.segment(if self.lends {
                Segment::Lent(Arc::new(HeldBytes(bytes.clone().unbind())))
            } else {
                Segment::from(data.to_vec())
            });
        } else {
            self.out.bytes(data);
        }
    }

    fn bytearray(&mut self, value: &Bound<'py, PyAny>) {
        // SAFETY: the caller checked the type; no Python code runs while the bytes are borrowed.
        let bytes = unsafe {
            let data = ffi::PyByteArray_AsString(value.as_ptr());
            let length = ffi::PyByteArray_Size(value.as_ptr());
            std::slice::from_raw_parts(data.cast::<u8>(), length as usize)
        };
        self.out.bytearray(bytes);
    }
}
