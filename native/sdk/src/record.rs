//! Structs and enums of Rust as dataclasses and enums of Python: what `#[derive(Record)]` uses.
//!
//! Python sees real classes: a dataclass for a struct, an `enum.Enum` for an enum of names, and for an
//! enum with fields a base class with one dataclass per variant (`Shape.Circle(radius=2.0)`). They are
//! made when [`add_record`] puts them into the module. Threads: those with the GIL.

use std::fmt::Display;

use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};
use pyo3::IntoPyObjectExt;

/// A struct or enum that derives it.
pub trait Record {
    #[doc(hidden)]
    fn shape() -> &'static Shape;

    /// The class that Python knows it by.
    ///
    /// # Errors
    /// What Python raised while it made the class, or looked for it.
    fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
        Ok(Self::shape().classes(py)?.class.bind(py))
    }
}

/// Makes the class of `T` and puts it into the module, which then is the class's `__module__`.
///
/// # Errors
/// What Python raised while it made the class.
pub fn add_record<T: Record>(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let shape = T::shape();
    let made = shape.made(module.py(), module.name()?.extract()?)?;
    let classes = shape.classes.get_or_init(module.py(), || made);
    module.add(shape.name, classes.class.bind(module.py()))
}

/// Field, and its type as Python writes it.
pub type Field = (&'static str, &'static str);

/// What a macro has found out about a type.
pub struct Shape {
    name: &'static str,
    doc: &'static str,
    /// The crate, for a class that is in no module.
    home: &'static str,
    frozen: bool,
    kind: Kind,
    classes: PyOnceLock<Classes>,
}

pub enum Kind {
    /// `module:qualified.name` of a class that Python defines, and what it is.
    Foreign(&'static str, &'static Kind),
    Struct(&'static [Field]),
    /// Members with their values.
    Enum(&'static [(&'static str, Option<i64>)]),
    Union(&'static [(&'static str, &'static [Field])]),
}

struct Classes {
    class: Py<PyType>,
    /// Of an enum its members, of a union its variants' classes.
    variants: Vec<Py<PyAny>>,
}

impl Shape {
    pub const fn new(
        name: &'static str,
        doc: &'static str,
        home: &'static str,
        frozen: bool,
        kind: Kind,
    ) -> Self {
        Self {
            name,
            doc,
            home,
            frozen,
            kind,
            classes: PyOnceLock::new(),
        }
    }

    /// An instance of the struct's class.
    pub fn instance<'py>(
        &self,
        py: Python<'py>,
        fields: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.classes(py)?
            .class
            .bind(py)
            .call1(PyTuple::new(py, fields)?)
    }

    /// An instance of a variant's class, or the member of an enum.
    pub fn variant<'py>(
        &self,
        py: Python<'py>,
        index: usize,
        fields: Option<Vec<Bound<'py, PyAny>>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let variant = self.classes(py)?.variants[index].bind(py);
        match fields {
            Some(fields) => variant.call1(PyTuple::new(py, fields)?),
            None => Ok(variant.clone()),
        }
    }

    /// `TypeError` unless `object` is an instance of the class.
    pub fn check(&self, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let class = self.classes(object.py())?.class.bind(object.py());
        if object.is_instance(class)? {
            return Ok(());
        }
        let found = object.get_type().fully_qualified_name()?;
        let expected = class.fully_qualified_name()?;
        Err(PyTypeError::new_err(format!(
            "expected {expected}, got {found}"
        )))
    }

    /// Which variant `object` is.
    pub fn variant_of(&self, object: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = object.py();
        let variants = &self.classes(py)?.variants;
        let found = match self.kind {
            Kind::Enum(_) | Kind::Foreign(..) => {
                variants.iter().position(|member| object.is(member))
            }
            _ => variants
                .iter()
                .position(|class| object.is_instance(class.bind(py)).unwrap_or(false)),
        };
        if let Some(index) = found {
            return Ok(index);
        }
        self.check(object)?;
        let text = object.repr()?;
        Err(PyValueError::new_err(format!(
            "{text} is no variant of {}",
            self.name
        )))
    }

    fn classes(&self, py: Python<'_>) -> PyResult<&Classes> {
        self.classes
            .get_or_try_init(py, || self.made(py, self.home.to_owned()))
    }

    fn made(&self, py: Python<'_>, module: String) -> PyResult<Classes> {
        let maker = py.import("symphony_bridge._records")?;
        let known = (self.name, module, self.doc);
        let (class, variants): (Bound<'_, PyAny>, Vec<Py<PyAny>>) = match self.kind {
            Kind::Foreign(name, kind) => {
                let names: Vec<_> = match kind {
                    Kind::Enum(members) => members.iter().map(|(member, _)| *member).collect(),
                    _ => Vec::new(),
                };
                maker.call_method1("found", (name, names))?.extract()?
            }
            Kind::Struct(fields) => {
                let args = (known.0, known.1, known.2, fields, self.frozen);
                (maker.call_method1("dataclass_of", args)?, Vec::new())
            }
            Kind::Enum(members) => {
                let args = (known.0, known.1, known.2, members);
                maker.call_method1("enum_of", args)?.extract()?
            }
            Kind::Union(variants) => {
                let variants: Vec<_> = variants
                    .iter()
                    .map(|(of, fields)| (of, fields.to_vec()))
                    .collect();
                let args = (known.0, known.1, known.2, variants, self.frozen);
                maker.call_method1("union_of", args)?.extract()?
            }
        };
        Ok(Classes {
            class: class.cast_into::<PyType>()?.unbind(),
            variants,
        })
    }
}

/// A field's value as an object.
pub fn item<'py, T: IntoPyObject<'py>>(py: Python<'py>, value: T) -> PyResult<Bound<'py, PyAny>> {
    value.into_bound_py_any(py)
}

/// A field's value; the error names the field.
pub fn field<T>(object: &Bound<'_, PyAny>, owner: impl Display, name: &str) -> PyResult<T>
where
    T: for<'py> FromPyObjectOwned<'py>,
{
    let py = object.py();
    let value = object.getattr(name)?;
    value.extract::<T>().map_err(|error| {
        let error: PyErr = error.into();
        let made = same_kind(&error, py, &format!("{owner}.{name}: {}", error.value(py)));
        made.set_cause(py, Some(error));
        made
    })
}

/// An error with this message, of the class of `error` or of the nearest base that a message alone makes:
/// `UnicodeEncodeError`, for one, wants five arguments.
fn same_kind(error: &PyErr, py: Python<'_>, message: &str) -> PyErr {
    let classes = error.get_type(py).mro();
    let made = classes
        .iter()
        .find_map(|class| class.call1((message,)).ok());
    made.map_or_else(
        || PyTypeError::new_err(message.to_owned()),
        PyErr::from_value,
    )
}
