//! Every row of `docs/types.md` through Rust and back, and the random values of the bridge's own property
//! tests: equal in value and type. `docs/rust.md` names the Rust form of each type.

use std::collections::{BTreeSet, HashMap};
use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};

use bigdecimal::BigDecimal;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use num_bigint::BigInt;
use num_complex::Complex;
use num_rational::Ratio;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyByteArray, PyDict, PyFrozenSet, PySet, PyTuple};
use symphony_sdk::Record;
use uuid::Uuid;

use crate::support::{run, shrinking, with_python};

/// The types that have a form in Rust, each as its module and name have it.
const FORMS: [&str; 22] = [
    "NoneType",
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
    "pathlib.PosixPath",
    "set",
    "str",
    "tuple",
    "uuid.UUID",
];

/// The types that are passed as they are, by decision: Rust has nothing that holds all that they have. Every other type of
/// a row needs a form.
const REFERENCES: [&str; 24] = [
    "NotImplementedType",
    "array.array",
    "ellipsis",
    "memoryview",
    "numpy.float64",
    "numpy.int16",
    "numpy.ndarray",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "range",
    "slice",
    "symphony_bridge._native.Undefined",
    "symphony_bridge.js.JsBigInt",
    "symphony_bridge.js.JsBytes",
    "symphony_bridge.js.JsConverted",
    "symphony_bridge.js.JsDate",
    "symphony_bridge.js.JsMap",
    "symphony_bridge.js.JsRecord",
    "types_table.Money",
    "types_table.Node",
    "types_table.Permission",
    "types_table.Person",
    "types_table.Place",
    // PyO3 has `chrono_tz::Tz` for it in builds for Python 3.9 and later.
    "zoneinfo.ZoneInfo",
];

#[test]
fn every_row_of_the_table_survives_rust() {
    with_python(|py| {
        let names = run(py, "from types_table import *");
        let function = |name| names.get_item(name).unwrap().unwrap();
        let mut converted = 0;
        let mut references = BTreeSet::new();
        let rows = rows();
        for row in &rows {
            let args = PyTuple::new(py, [row]).unwrap();
            if !function("lacks").call1(args.clone()).unwrap().is_none() {
                continue;
            }
            let value = function("make").call1(args).unwrap();
            let way = Way::of(&value);
            let (back, way) = way.unwrap_or_else(|error| panic!("{row}: {error}"));
            let args = (value, back, PyDict::new(py)).into_pyobject(py).unwrap();
            let difference = function("difference").call1(args).unwrap();
            assert!(difference.is_none(), "{row}: {difference}");
            converted += usize::from(way.by_value > 0);
            references.extend(way.references);
        }
        let references: Vec<_> = references.iter().map(String::as_str).collect();
        assert_eq!(references, REFERENCES);
        assert!(
            rows.len() > 100 && converted > 40,
            "{converted} of {}",
            rows.len()
        );
    });
}

#[test]
fn random_values_survive_rust() {
    with_python(|py| {
        let through = |args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
            let (back, way) = Way::of(&args.get_item(0)?)?;
            let form = way.references.into_iter().find(|form| !is_reference(form));
            match form {
                Some(form) => Err(PyTypeError::new_err(format!("{form} has no form"))),
                None => Ok(back.unbind()),
            }
        };
        shrinking(py, "random_types_fixture", through);
    });
}

fn is_reference(form: &str) -> bool {
    REFERENCES.contains(&form)
        || ["codec_strategies.Access", "codec_strategies.Level"].contains(&form)
}

#[test]
fn the_page_names_every_form() {
    let page = fs::read_to_string(project().join("docs/rust.md")).unwrap();
    let mut named: Vec<_> = first_cells(&page, "| Python | Rust | PyO3 feature |").collect();
    named.retain(|name| FORMS.contains(&name.as_str()));
    named.sort();
    assert_eq!(named, FORMS);
}

/// A dataclass of Python's with fields of any type.
#[derive(Record)]
#[record(class = "types_table:Point")]
struct Point {
    x: Py<PyAny>,
    y: Py<PyAny>,
}

/// A dataclass of the random values.
#[derive(Record)]
#[record(class = "codec_samples:Bag")]
struct Bag {
    items: Py<PyAny>,
    by_name: Py<PyAny>,
}

#[derive(Record)]
#[record(class = "types_table:Celsius")]
struct Celsius {
    degrees: BigInt,
}

/// Enums of Python's.
macro_rules! enums {
    ($($name:ident $class:literal $($member:ident)+),* $(,)?) => {$(
        #[derive(Record)]
        #[record(class = $class)]
        // The members' names in Python.
        #[allow(clippy::upper_case_acronyms)]
        enum $name {
            $($member,)+
        }
    )*};
}

enums! {
    Color "types_table:Color" RED,
    Suit "types_table:Suit" HEARTS,
    Unit "types_table:Unit" METRE,
    Level "types_table:Level" HIGH,
    Paint "codec_samples:Color" RED BLUE,
}

/// One value's way through Rust.
#[derive(Default)]
struct Way<'py> {
    /// How many objects had a form.
    by_value: usize,
    /// The types of those that had none.
    references: BTreeSet<String>,
    /// What has been met, and what it became; None while it is open.
    met: HashMap<usize, Option<Bound<'py, PyAny>>>,
    /// Something contains itself, which only a reference can.
    is_cyclic: bool,
}

impl<'py> Way<'py> {
    /// A value and all in it into the Rust form and back; what has none is passed as a `Py<PyAny>`.
    fn of(value: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Self)> {
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
        let made = match form.as_str() {
            "list" => self.items(value)?.into_pyobject(value.py())?,
            "tuple" => PyTuple::new(value.py(), self.items(value)?)?.into_any(),
            "set" => PySet::new(value.py(), self.items(value)?)?.into_any(),
            "frozenset" => PyFrozenSet::new(value.py(), self.items(value)?)?.into_any(),
            "dict" => {
                let made = PyDict::new(value.py());
                for (key, item) in value.cast::<PyDict>()? {
                    made.set_item(self.through(&key)?, self.through(&item)?)?;
                }
                made.into_any()
            }
            "types_table.Point" => {
                let point: Point = value.extract()?;
                let x = self.through(point.x.bind(value.py()))?.unbind();
                let y = self.through(point.y.bind(value.py()))?.unbind();
                Point { x, y }.into_pyobject(value.py())?
            }
            "codec_samples.Bag" => {
                let bag: Bag = value.extract()?;
                let items = self.through(bag.items.bind(value.py()))?.unbind();
                let by_name = self.through(bag.by_name.bind(value.py()))?.unbind();
                Bag { items, by_name }.into_pyobject(value.py())?
            }
            // No form, but what is in it has.
            "types_table.Pair" | "codec_samples.Pair" => {
                let items = PyTuple::new(value.py(), self.items(value)?)?;
                value.get_type().call1(items)?
            }
            _ => match leaf(value, &form) {
                Some(made) => made?,
                None => {
                    self.references.insert(form);
                    by::<Py<PyAny>>(value)?
                }
            },
        };
        self.by_value += usize::from(!made.is(value));
        self.met.insert(address, Some(made.clone()));
        Ok(made)
    }

    fn items(&mut self, values: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        // A copy: the way back must not see what the way there changes.
        let values: Vec<_> = values.try_iter()?.collect::<PyResult<_>>()?;
        values.iter().map(|value| self.through(value)).collect()
    }
}

/// A value without parts by its form; None for a type that has none.
fn leaf<'py>(value: &Bound<'py, PyAny>, form: &str) -> Option<PyResult<Bound<'py, PyAny>>> {
    Some(match form {
        "NoneType" => by::<Option<bool>>(value),
        "bool" => by::<bool>(value),
        "int" => by::<BigInt>(value),
        "float" => by::<f64>(value),
        "complex" => by::<Complex<f64>>(value),
        // A lone surrogate has no form in UTF-8.
        "str" if value.extract::<String>().is_err() => by::<Py<PyAny>>(value),
        "str" => by::<String>(value),
        "bytes" => by::<Vec<u8>>(value),
        "bytearray" => by_bytearray(value),
        "decimal.Decimal" => by_some::<BigDecimal>(value, is_finite),
        "fractions.Fraction" => by::<Ratio<BigInt>>(value),
        "uuid.UUID" => by::<Uuid>(value),
        "pathlib.PosixPath" => by::<PathBuf>(value),
        "datetime.date" => by::<NaiveDate>(value),
        "datetime.time" => by_some::<NaiveTime>(value, is_naive),
        "datetime.timedelta" => by::<TimeDelta>(value),
        "datetime.timezone" => by_some::<FixedOffset>(value, is_unnamed),
        "datetime.datetime" if is_naive(value) => by::<NaiveDateTime>(value),
        "datetime.datetime" => by_some::<DateTime<FixedOffset>>(value, is_fixed),
        "types_table.Celsius" => by::<Celsius>(value),
        "types_table.Color" => by::<Color>(value),
        "codec_samples.Color" => by::<Paint>(value),
        "types_table.Suit" => by::<Suit>(value),
        "types_table.Unit" => by::<Unit>(value),
        "types_table.Level" => by::<Level>(value),
        _ => return None,
    })
}

fn by_bytearray<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let bytes = value.cast::<PyByteArray>()?.to_vec();
    Ok(PyByteArray::new(value.py(), &bytes).into_any())
}

/// Into `T` and back where `T` holds the value; `docs/rust.md` says which it holds.
fn by_some<'py, T>(
    value: &Bound<'py, PyAny>,
    holds: fn(&Bound<'py, PyAny>) -> bool,
) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'a> FromPyObject<'a, 'py> + IntoPyObject<'py>,
{
    if holds(value) {
        by::<T>(value)
    } else {
        by::<Py<PyAny>>(value)
    }
}

/// Into `T` and back.
fn by<'py, T>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'a> FromPyObject<'a, 'py> + IntoPyObject<'py>,
{
    let form: T = value.extract().map_err(Into::into)?;
    pyo3::IntoPyObjectExt::into_bound_py_any(form, value.py())
}

fn is_finite(value: &Bound<'_, PyAny>) -> bool {
    ask(value, "value.is_finite()")
}

/// Neither zone nor fold.
fn is_naive(value: &Bound<'_, PyAny>) -> bool {
    ask(value, "value.tzinfo is None and value.fold == 0")
}

/// A zone of a fixed offset without a name, and no fold.
fn is_fixed(value: &Bound<'_, PyAny>) -> bool {
    ask(value, "value.fold == 0") && is_unnamed(&value.getattr("tzinfo").unwrap())
}

/// A fixed offset of whole seconds that has no name of its own.
fn is_unnamed(zone: &Bound<'_, PyAny>) -> bool {
    ask(
        zone,
        "type(value).__name__ == 'timezone' and len(value.__getinitargs__()) == 1 \
         and value.utcoffset(None).microseconds == 0",
    )
}

fn ask(value: &Bound<'_, PyAny>, question: &str) -> bool {
    let names = [("value", value)].into_py_dict(value.py()).unwrap();
    let question = CString::new(question).unwrap();
    let answer = value.py().eval(&question, None, Some(&names));
    answer.unwrap().extract().unwrap()
}

/// The Python expressions of `docs/types.md`.
fn rows() -> Vec<String> {
    let page = fs::read_to_string(project().join("docs/types.md")).unwrap();
    first_cells(&page, "| Python | Way | JavaScript | |").collect()
}

/// The first cell of each row, without its backticks, of the tables that begin so.
fn first_cells<'a>(page: &'a str, head: &'a str) -> impl Iterator<Item = String> + 'a {
    let mut inside = false;
    page.lines().filter_map(move |line| {
        inside = line.starts_with('|') && (inside || line.starts_with(head));
        let cell = line.strip_prefix("| `")?.split("` |").next()?;
        inside.then(|| cell.replace("\\|", "|"))
    })
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
