//! Every row of `docs/types.md` through Rust and back, and the random values of the bridge's own property
//! tests: equal in value and type. `docs/rust.md` names the Rust form of each type.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use bigdecimal::BigDecimal;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use num_bigint::BigInt;
use num_complex::Complex;
use num_rational::Ratio;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyFrozenSet, PySet, PyTuple};
use symphony_sdk::Record;
use uuid::Uuid;

use crate::support::{run, with_python};

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

#[test]
fn every_row_of_the_table_survives_rust() {
    with_python(|py| {
        let names = run(py, "from types_table import *");
        let function = |name| names.get_item(name).unwrap().unwrap();
        let mut converted = 0;
        let rows = rows();
        for row in &rows {
            let args = PyTuple::new(py, [row]).unwrap();
            if !function("lacks").call1(args.clone()).unwrap().is_none() {
                continue;
            }
            let value = function("make").call1(args).unwrap();
            let way = Way::of(&value);
            let (back, by_value) = way.unwrap_or_else(|error| panic!("{row}: {error}"));
            let args = (value, back, PyDict::new(py)).into_pyobject(py).unwrap();
            let difference = function("difference").call1(args).unwrap();
            assert!(difference.is_none(), "{row}: {difference}");
            converted += usize::from(by_value > 0);
        }
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
        let random = py.import("types_random").unwrap();
        let (seeds, count) = if std::env::var_os("SYMPHONY_FULL").is_some() {
            (500, 400)
        } else {
            (20, 250)
        };
        for seed in 0..seeds {
            let values = random.call_method1("make", (seed, count)).unwrap();
            let (back, _) = Way::of(&values).unwrap();
            let difference = random.call_method1("check", (seed, count, back)).unwrap();
            assert!(difference.is_none(), "seed {seed}: {difference}");
        }
    });
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

/// One value's way through Rust.
#[derive(Default)]
struct Way<'py> {
    /// How many objects had a form.
    by_value: usize,
    /// What has been met, and what it became; None while it is open.
    met: HashMap<usize, Option<Bound<'py, PyAny>>>,
    /// Something contains itself, which only a reference can.
    is_cyclic: bool,
}

impl<'py> Way<'py> {
    /// A value and all in it into the Rust form and back; what has none is passed as a `Py<PyAny>`.
    fn of(value: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, usize)> {
        let mut way = Self::default();
        let made = way.through(value)?;
        match way.is_cyclic {
            true => Ok((by::<Py<PyAny>>(value)?, 0)),
            false => Ok((made, way.by_value)),
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
            // No form, but what is in it has.
            "types_table.Pair" => {
                let items = PyTuple::new(value.py(), self.items(value)?)?;
                value.get_type().call1(items)?
            }
            _ => leaf(value, &form)?,
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

fn leaf<'py>(value: &Bound<'py, PyAny>, form: &str) -> PyResult<Bound<'py, PyAny>> {
    match form {
        "NoneType" => by::<Option<bool>>(value),
        "bool" => by::<bool>(value),
        "int" => by::<BigInt>(value),
        "float" => by::<f64>(value),
        "complex" => by::<Complex<f64>>(value),
        // A lone surrogate has no form in UTF-8.
        "str" if value.extract::<String>().is_err() => by::<Py<PyAny>>(value),
        "str" => by::<String>(value),
        "bytes" => by::<Vec<u8>>(value),
        "bytearray" => {
            let bytes = value.cast::<PyByteArray>()?.to_vec();
            Ok(PyByteArray::new(value.py(), &bytes).into_any())
        }
        "decimal.Decimal" if is_finite(value)? => by::<BigDecimal>(value),
        "fractions.Fraction" => by::<Ratio<BigInt>>(value),
        "uuid.UUID" => by::<Uuid>(value),
        "pathlib.PosixPath" => by::<PathBuf>(value),
        "datetime.date" => by::<NaiveDate>(value),
        "datetime.time" if is_naive(value)? => by::<NaiveTime>(value),
        "datetime.timedelta" => by::<TimeDelta>(value),
        "datetime.timezone" if is_unnamed(value)? => by::<FixedOffset>(value),
        "datetime.datetime" if is_naive(value)? => by::<NaiveDateTime>(value),
        "datetime.datetime" if is_fixed(value)? => by::<DateTime<FixedOffset>>(value),
        _ => by::<Py<PyAny>>(value),
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

fn is_finite(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.call_method0("is_finite")?.extract()
}

/// Neither zone nor fold.
fn is_naive(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(value.getattr("tzinfo")?.is_none() && value.getattr("fold")?.extract::<u8>()? == 0)
}

/// A zone of a fixed offset without a name, and no fold.
fn is_fixed(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(is_unnamed(&value.getattr("tzinfo")?)? && value.getattr("fold")?.extract::<u8>()? == 0)
}

/// A fixed offset that has no name of its own.
fn is_unnamed(zone: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(zone.get_type().name()? == "timezone" && zone.call_method0("__getinitargs__")?.len()? == 1)
}

/// The Python expressions of `docs/types.md`.
fn rows() -> Vec<String> {
    let page = fs::read_to_string(project().join("docs/types.md")).unwrap();
    first_cells(&page, "| Python | Way | JavaScript |").collect()
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
