//! Values without parts, each through the Rust form that `docs/rust.md` names, and back. Threads: with the GIL.

use std::ffi::CString;
use std::path::PathBuf;

use bigdecimal::BigDecimal;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use num_bigint::BigInt;
use num_complex::Complex;
use num_rational::Ratio;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyByteArray};
use pyo3::IntoPyObjectExt;
use symphony_sdk::Record;
use uuid::Uuid;

/// By its form; None for a type that is no leaf.
pub fn leaf<'py>(value: &Bound<'py, PyAny>, form: &str) -> Option<PyResult<Bound<'py, PyAny>>> {
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
        "zoneinfo.ZoneInfo" => by::<Zone>(value),
        _ => return narrow(value, form).or_else(|| of_program(value, form)),
    })
}

/// What Rust makes of these is of a type that holds as much and means less: only the class itself says the rest.
fn narrow<'py>(value: &Bound<'py, PyAny>, form: &str) -> Option<PyResult<Bound<'py, PyAny>>> {
    let made = match form {
        "pathlib.PurePosixPath" | "pathlib.PureWindowsPath" => by::<PathBuf>(value),
        "numpy.float64" => by::<f64>(value),
        "numpy.int16" => by::<i16>(value),
        "symphony_bridge.js.JsBigInt" => by::<BigInt>(value),
        "symphony_bridge.js.JsBytes" => {
            let kind = value.getattr("kind");
            return Some(
                by::<Vec<u8>>(value).and_then(|bytes| value.get_type().call1((bytes, kind?))),
            );
        }
        // Python makes it of numbers, not of another.
        "symphony_bridge.js.JsDate" => {
            return Some(by::<DateTime<FixedOffset>>(value).map(|read| {
                assert!(read.eq(value).unwrap(), "{value} was read as {read}");
                value.clone()
            }));
        }
        _ => return None,
    };
    Some(made.and_then(|made| value.get_type().call1((made,))))
}

/// Enums and classes of one number that a program defines.
fn of_program<'py>(value: &Bound<'py, PyAny>, form: &str) -> Option<PyResult<Bound<'py, PyAny>>> {
    Some(match form {
        "types_table.Celsius" => by::<Celsius>(value),
        "types_table.Color" => by::<Color>(value),
        "types_table.Suit" => by::<Suit>(value),
        "types_table.Unit" => by::<Unit>(value),
        "types_table.Level" => by::<Level>(value),
        "types_table.Permission" => by::<Permission>(value),
        "codec_samples.Color" => by::<Paint>(value),
        "codec_strategies.Level" => by::<Rank>(value),
        "codec_strategies.Access" => by::<Access>(value),
        _ => return None,
    })
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
    Rank "codec_strategies:Level" LOW,
}

/// Classes of Python's that are made of what their one attribute has.
macro_rules! of_one {
    ($($name:ident $class:literal $field:ident $type:ty),* $(,)?) => {$(
        #[derive(Record)]
        #[record(class = $class)]
        struct $name {
            $field: $type,
        }
    )*};
}

of_one! {
    Zone "zoneinfo:ZoneInfo" key String,
    Celsius "types_table:Celsius" degrees BigInt,
    Permission "types_table:Permission" value u32,
    Access "codec_strategies:Access" value u32,
}

/// Into `T` and back.
pub fn by<'py, T>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'a> FromPyObject<'a, 'py> + IntoPyObject<'py>,
{
    let form: T = value.extract().map_err(Into::into)?;
    form.into_bound_py_any(value.py())
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

fn by_bytearray<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let bytes = value.cast::<PyByteArray>()?.to_vec();
    Ok(PyByteArray::new(value.py(), &bytes).into_any())
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
