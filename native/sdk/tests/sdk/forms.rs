//! A value of Python's on its way through the Rust forms that `docs/rust.md` names: each type has one, or is passed
//! as it is by decision. Threads: with the GIL. Must not know where the values come from.

use std::collections::{BTreeSet, HashMap};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PySet, PyTuple};
use symphony_sdk::Record;

use crate::leaves::{by, leaf};
use crate::memory;

/// The types that have a form in Rust, each as its module and name have it; classes of a program are not among them.
pub const FORMS: [&str; 37] = [
    "NoneType",
    "array.array",
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "datetime.date",
    "datetime.datetime",
    "datetime.time",
    "datetime.timedelta",
    "datetime.timezone",
    "decimal.Decimal",
    "dict",
    "float",
    "fractions.Fraction",
    "frozenset",
    "int",
    "list",
    "memoryview",
    "numpy.float64",
    "numpy.int16",
    "numpy.ndarray",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "range",
    "set",
    "slice",
    "str",
    "symphony_bridge.js.JsBigInt",
    "symphony_bridge.js.JsBytes",
    "symphony_bridge.js.JsDate",
    "symphony_bridge.js.JsMap",
    "symphony_bridge.js.JsRecord",
    "tuple",
    "uuid.UUID",
    "zoneinfo.ZoneInfo",
];

/// The types that are passed as they are, by decision.
pub const REFERENCES: [&str; 5] = [
    "NotImplementedType",
    "ellipsis",
    "symphony_bridge._native.Undefined",
    // Its one value reaches itself, which a copy cannot.
    "types_table.Node",
    // Made by keyword only: as a record it can be read, not made.
    "types_table.Person",
];

/// A type with a decision that is no class of the tests.
pub fn is_reference(name: &str) -> bool {
    REFERENCES.contains(&name) && !name.starts_with("types_table")
}

/// Classes of Python's whose attributes are the arguments that make them.
macro_rules! records {
    ($($name:ident $class:literal $type:literal { $($field:ident)+ })*) => {
        $(
            #[derive(Record)]
            #[record(class = $class)]
            struct $name {
                $($field: Py<PyAny>,)+
            }
        )*

        /// A record into its struct and back, each field through `each`; None for a type that is none.
        fn record<'py>(
            value: &Bound<'py, PyAny>,
            form: &str,
            mut each: impl FnMut(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
        ) -> PyResult<Option<Bound<'py, PyAny>>> {
            let py = value.py();
            Ok(Some(match form {
                $($type => {
                    let read: $name = value.extract()?;
                    let made = $name { $($field: each(read.$field.bind(py))?.unbind(),)+ };
                    made.into_pyobject(py)?
                })*
                _ => return Ok(None),
            }))
        }
    };
}

records! {
    Range "builtins:range" "range" { start stop step }
    Slice "builtins:slice" "slice" { start stop step }
    Converted "symphony_bridge.js:JsConverted" "symphony_bridge.js.JsConverted" { converter plain }
    Point "types_table:Point" "types_table.Point" { x y }
    Pair "types_table:Pair" "types_table.Pair" { x y }
    Place "types_table:Place" "types_table.Place" { name _size }
    Money "types_table:Money" "types_table.Money" { amount currency }
    Bag "codec_samples:Bag" "codec_samples.Bag" { items by_name }
    Sides "codec_samples:Pair" "codec_samples.Pair" { left right }
}

/// One value's way through Rust.
#[derive(Default)]
pub struct Way<'py> {
    /// How many objects had a form.
    pub by_value: usize,
    /// Those of `FORMS` that were met, ...
    pub forms: BTreeSet<String>,
    /// ... and the types that were passed as they are.
    pub references: BTreeSet<String>,
    /// What has been met, and what it became; None while it is open.
    met: HashMap<usize, Option<Bound<'py, PyAny>>>,
    /// Something contains itself, which only a reference can.
    is_cyclic: bool,
}

impl<'py> Way<'py> {
    /// A value and all in it into the Rust form and back.
    ///
    /// # Errors
    /// A conversion's own, and `TypeError` for a type without a decision.
    pub fn of(value: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Self)> {
        let mut way = Self::default();
        let made = way.through(value)?;
        match way.is_cyclic {
            true => Ok((by::<Py<PyAny>>(value)?, Self::default())),
            false => Ok((made, way)),
        }
    }

    fn through(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let address = value.as_ptr() as usize;
        if let Some(made) = self.met.get(&address) {
            self.is_cyclic |= made.is_none();
            return Ok(made.as_ref().unwrap_or(value).clone());
        }
        self.met.insert(address, None);
        let form = value.get_type().fully_qualified_name()?.to_string();
        let made = self.made(value, &form)?;
        self.by_value += usize::from(!made.is(value));
        self.met.insert(address, Some(made.clone()));
        if FORMS.contains(&form.as_str()) {
            self.forms.insert(form);
        }
        Ok(made)
    }

    fn made(&mut self, value: &Bound<'py, PyAny>, form: &str) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        match form {
            "list" => return self.items(value)?.into_pyobject(py),
            "tuple" => return Ok(PyTuple::new(py, self.items(value)?)?.into_any()),
            "set" => return Ok(PySet::new(py, self.items(value)?)?.into_any()),
            "frozenset" => return Ok(PyFrozenSet::new(py, self.items(value)?)?.into_any()),
            "dict" => return self.dict(value),
            "symphony_bridge.js.JsMap" | "symphony_bridge.js.JsRecord" => {
                return value.get_type().call1((self.dict(value)?,));
            }
            _ => {}
        }
        if let Some(made) = record(value, form, |field| self.through(field))? {
            return Ok(made);
        }
        if let Some(made) = memory::through(value, form).or_else(|| leaf(value, form)) {
            return made;
        }
        if REFERENCES.contains(&form) {
            self.references.insert(form.to_owned());
            return by::<Py<PyAny>>(value);
        }
        let told = format!("{form} has no form in Rust: give it one, or enter it in REFERENCES");
        Err(PyTypeError::new_err(told))
    }

    fn dict(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let made = PyDict::new(value.py());
        for (key, item) in value.cast::<PyDict>()? {
            made.set_item(self.through(&key)?, self.through(&item)?)?;
        }
        Ok(made.into_any())
    }

    fn items(&mut self, values: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        // A copy: the way back must not see what the way there changes.
        let values: Vec<_> = values.try_iter()?.collect::<PyResult<_>>()?;
        values.iter().map(|value| self.through(value)).collect()
    }
}
