//! Python objects → packs.
//!
//! Exact built-in types go by value. Python code runs only where a dataclass's attribute or a reference is asked; so
//! containers are read through calls that survive being changed meanwhile, and what is inside is kept alive.

use std::ptr::addr_of_mut;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::Borrowed;
use symphony_core::pack::{tag, PackBuf, MAX_DEPTH};

use super::dict_entries::{has_keys, named, Entries};
use super::failure::{Failure, Outcome, Step};
use super::write_shapes::{fits_object, WriteShapes};
use super::{dataclass, text, undefined, RefResolver, Reference};

/// Bytes from this length on travel as their own segment.
const SEGMENT_FROM: usize = 64 * 1024;

/// Adds one value to a pack. `root` names it in errors, e.g. `result`.
///
/// # Errors
/// `TypeError` with code `conversion`, naming path and type; what Python code of the value raises passes unchanged.
/// The pack holds half a value then: clear it.
pub fn encode(
    value: &Bound<'_, PyAny>,
    out: &mut PackBuf,
    refs: &dyn RefResolver,
    root: &str,
) -> PyResult<()> {
    if value.is_none() {
        // What most functions return.
        out.none();
        return Ok(());
    }
    encode_with(&[(root, value)], out, refs)
}

/// Adds several values one after the other, each with its name in errors; they share their shapes.
pub fn encode_with(
    values: &[(&str, &Bound<'_, PyAny>)],
    out: &mut PackBuf,
    refs: &dyn RefResolver,
) -> PyResult<()> {
    let mut encoder = Encoder::new(out, refs);
    for (root, value) in values {
        encoder
            .value(value)
            .map_err(|failure| failure.into_error(value.py(), root))?;
    }
    Ok(())
}

struct Encoder<'a, 'py> {
    out: &'a mut PackBuf,
    refs: &'a dyn RefResolver,
    depth: usize,
    // Made when first needed: most calls carry plain values only.
    shapes: Option<Box<WriteShapes<'py>>>,
    dataclasses: Option<Box<dataclass::WriteTypes<'py>>>,
}

/// Compares a type with a built-in one by address: exactly this type, no subclass.
macro_rules! is_type {
    ($kind:expr, $builtin:ident) => {
        std::ptr::eq($kind, addr_of_mut!(ffi::$builtin))
    };
}

impl<'a, 'py> Encoder<'a, 'py> {
    fn new(out: &'a mut PackBuf, refs: &'a dyn RefResolver) -> Self {
        Self {
            out,
            refs,
            depth: 0,
            shapes: None,
            dataclasses: None,
        }
    }

    fn value(&mut self, value: &Bound<'py, PyAny>) -> Outcome<()> {
        // SAFETY: `value` is a live object.
        let kind = unsafe { ffi::Py_TYPE(value.as_ptr()) };
        if is_type!(kind, PyUnicode_Type) {
            // SAFETY: just checked.
            unsafe { text::put(value, self.out) }
        } else if is_type!(kind, PyLong_Type) {
            self.int(value)
        } else if is_type!(kind, PyFloat_Type) {
            // SAFETY: just checked.
            self.out
                .float(unsafe { ffi::PyFloat_AsDouble(value.as_ptr()) });
            Ok(())
        } else if is_type!(kind, PyDict_Type) {
            self.dict(value)
        } else if is_type!(kind, PyList_Type) {
            self.list(value)
        } else {
            self.other(value, kind)
        }
    }

    fn other(&mut self, value: &Bound<'py, PyAny>, kind: *mut ffi::PyTypeObject) -> Outcome<()> {
        if value.is_none() {
            self.out.none();
        } else if is_type!(kind, PyBool_Type) {
            // SAFETY: the address of a static object.
            self.out
                .bool(std::ptr::eq(value.as_ptr(), unsafe { ffi::Py_True() }));
        } else if is_type!(kind, PyTuple_Type) {
            return self.tuple(value);
        } else if is_type!(kind, PyBytes_Type) {
            self.bytes(value);
        } else if is_type!(kind, PySet_Type) {
            return self.set(tag::SET, value);
        } else if is_type!(kind, PyFrozenSet_Type) {
            return self.set(tag::FROZENSET, value);
        } else if is_type!(kind, PyByteArray_Type) {
            self.bytearray(value);
        } else if value.is(undefined(value.py())?) {
            self.out.op(tag::UNDEFINED, 0);
        } else if dataclass::is_instance(value)? {
            return self.dataclass(value);
        } else if let Some(reference) = self.refs.ref_of(value)? {
            match reference {
                Reference::Own(handle) => self.out.reference(handle),
                Reference::Foreign {
                    handle,
                    traits,
                    label,
                } => self.out.proxy(handle, traits, &label),
            }
        } else {
            return Err(Failure::refused(
                value,
                "no conversion for this type; pass a ref or a plain value",
            ));
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
        let py = value.py();
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
        self.out.bigint(overflow < 0, &words);
        Ok(())
    }

    fn list(&mut self, list: &Bound<'py, PyAny>) -> Outcome<()> {
        self.enter(list)?;
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
                self.item(list, item, || Step::Index(next))?;
                next += 1;
            }
        }
        self.depth -= 1;
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

    fn tuple(&mut self, tuple: &Bound<'py, PyAny>) -> Outcome<()> {
        self.enter(tuple)?;
        // SAFETY: `tuple` is a tuple, whose size never changes.
        let n = unsafe { ffi::PyTuple_Size(tuple.as_ptr()) };
        self.out.tuple(n as usize);
        for i in 0..n {
            // SAFETY: as above.
            let item = unsafe { ffi::PyTuple_GetItem(tuple.as_ptr(), i) };
            self.item(tuple, item, || Step::Index(i as usize))?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Adds what a container lent, or refuses a container that lends nothing because it has shrunk.
    #[inline]
    fn item(
        &mut self,
        container: &Bound<'py, PyAny>,
        item: *mut ffi::PyObject,
        step: impl FnOnce() -> Step,
    ) -> Outcome<()> {
        if item.is_null() {
            // SAFETY: attached.
            unsafe { ffi::PyErr_Clear() };
            return Err(Failure::changed(container));
        }
        // SAFETY: a live borrowed object.
        let lent = unsafe { Borrowed::from_ptr(container.py(), item) };
        let done = if is_scalar(&lent) {
            self.value(&lent)
        } else {
            // Python code may run: taking part in the ownership keeps the item alive.
            self.value(&lent.to_owned())
        };
        done.map_err(|failure| failure.inside(container.as_ptr(), step()))
    }

    fn set(&mut self, tag: u8, set: &Bound<'py, PyAny>) -> Outcome<()> {
        self.enter(set)?;
        let n = set.len()?;
        self.out.op(tag, n);
        let mut seen = 0;
        for item in set.try_iter()? {
            let item = item?;
            self.value(&item)
                .map_err(|failure| failure.inside(set.as_ptr(), Step::Nth("item", seen)))?;
            seen += 1;
        }
        if seen != n {
            return Err(Failure::changed(set));
        }
        self.depth -= 1;
        Ok(())
    }

    fn dict(&mut self, dict: &Bound<'py, PyAny>) -> Outcome<()> {
        self.enter(dict)?;
        let n = self.dict_keys(dict)?;
        match n {
            DictForm::Object(n) => self.dict_values(dict, n)?,
            DictForm::Map(n) => self.dict_pairs(dict, n)?,
        }
        self.depth -= 1;
        Ok(())
    }

    /// Writes the op that begins a dict, and its keys where they are new.
    fn dict_keys(&mut self, dict: &Bound<'py, PyAny>) -> Outcome<DictForm> {
        let shapes = self.shapes.get_or_insert_default();
        if let Some(shape) = shapes.recent(self.depth) {
            let (id, n) = (shape.id, shape.keys.len());
            if has_keys(dict, &shape.keys) {
                self.out.op(tag::OBJECT, id);
                return Ok(DictForm::Object(n));
            }
        }
        let mut keys = Vec::new();
        let mut fits = true;
        let mut entries = Entries::new(dict);
        while let Some((key, _)) = entries.next() {
            fits = fits && is_object_key(&key);
            keys.push(key.to_owned());
        }
        if fits {
            shapes.write(self.depth, &keys, self.out)?;
            return Ok(DictForm::Object(keys.len()));
        }
        self.out.map(keys.len());
        Ok(DictForm::Map(keys.len()))
    }

    fn dict_values(&mut self, dict: &Bound<'py, PyAny>, n: usize) -> Outcome<()> {
        let mut entries = Entries::new(dict);
        for i in 0..n {
            let Some((key, value)) = entries.next() else {
                return Err(Failure::changed(dict));
            };
            // Kept only where Python code may run, as the value is.
            let kept = (!is_scalar(&value)).then(|| key.to_owned());
            let key = kept.as_ref().unwrap_or(&key);
            self.item(dict, value.as_ptr(), || named(key, i))?;
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
            self.item(dict, key.as_ptr(), || Step::Nth("key", i))?;
            self.item(dict, value.as_ptr(), || named(&key, i))?;
        }
        if entries.next().is_some() {
            return Err(Failure::changed(dict));
        }
        Ok(())
    }

    fn bytes(&mut self, value: &Bound<'py, PyAny>) {
        // SAFETY: the caller checked the type.
        let bytes = unsafe { value.cast_unchecked::<PyBytes>() }.as_bytes();
        if bytes.len() >= SEGMENT_FROM {
            self.out.segment(bytes.to_vec());
        } else {
            self.out.bytes(bytes);
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

    fn dataclass(&mut self, value: &Bound<'py, PyAny>) -> Outcome<()> {
        self.enter(value)?;
        let class = self.dataclasses.get_or_insert_default().of(value)?;
        self.out.op(tag::DATACLASS, 0);
        self.out.str(&class.name);
        self.shapes
            .get_or_insert_default()
            .write(self.depth, &class.fields, self.out)?;
        for field in &class.fields {
            let item =
                value.getattr(field.cast::<pyo3::types::PyString>().map_err(PyErr::from)?)?;
            self.value(&item)
                .map_err(|failure| failure.inside(value.as_ptr(), named(field, 0)))?;
        }
        self.depth -= 1;
        Ok(())
    }

    #[inline]
    fn enter(&mut self, container: &Bound<'py, PyAny>) -> Outcome<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Failure::too_deep(container));
        }
        Ok(())
    }
}

enum DictForm {
    Object(usize),
    Map(usize),
}

/// True for values whose conversion runs no Python code.
#[inline]
fn is_scalar(value: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a live object.
    let kind = unsafe { ffi::Py_TYPE(value.as_ptr()) };
    is_type!(kind, PyUnicode_Type)
        || is_type!(kind, PyLong_Type)
        || is_type!(kind, PyFloat_Type)
        || is_type!(kind, PyBool_Type)
}

fn is_object_key(key: &Bound<'_, PyAny>) -> bool {
    // SAFETY: `key` is a live object.
    let kind = unsafe { ffi::Py_TYPE(key.as_ptr()) };
    // SAFETY: asked for exact strings only.
    is_type!(kind, PyUnicode_Type) && unsafe { text::utf8(key) }.is_none_or(fits_object)
}
