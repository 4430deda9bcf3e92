//! Python values at the Pit's door: ids, durations, JSON. Each refusal names the field and what is allowed.

use std::ops::RangeInclusive;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use serde_json::{Map, Number, Value as Json};
use symphony_pit::{ids, Op, PitError};
use uuid::Uuid;

use super::errors::Raise;

const ID: &str = "a uuid.UUID or its text";
const JSON: &str =
    "None, bool, int of 64 bits, finite float, str, list, tuple, and dict with str keys";
/// Nested deeper than this is refused, so that a cycle ends.
const DEPTH: usize = 64;

/// A `uuid.UUID` or its text form. Any other value is invalid, whatever its type.
pub fn id_from(op: Op, field: &str, value: &Bound<'_, PyAny>) -> PyResult<Uuid> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        return ids::parse(op, field, &text.to_string_lossy()).map_err(|error| error.raise(py));
    }
    if value.is_instance(uuid_class(py)?)? {
        let bytes: Vec<u8> = value.getattr("bytes")?.extract()?;
        if let Ok(id) = Uuid::from_slice(&bytes) {
            return Ok(id);
        }
    }
    Err(op.invalid(field, shown(value), ID).raise(py))
}

/// As `id_from` for the text that names a model or policy: a name, an id, or the text of an id.
pub fn key_from(op: Op, field: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_string_lossy().into_owned()),
        Err(_) => id_from(op, field, value).map(|id| id.to_string()),
    }
}

pub fn id_to_py(py: Python<'_>, id: Uuid) -> PyResult<Py<PyAny>> {
    let bytes = pyo3::types::PyBytes::new(py, id.as_bytes());
    uuid_class(py)?.call1((py.None(), bytes)).map(Bound::unbind)
}

pub fn ids_to_py(py: Python<'_>, ids: &[Uuid]) -> PyResult<Py<PyTuple>> {
    let list = ids
        .iter()
        .map(|id| id_to_py(py, *id))
        .collect::<PyResult<Vec<_>>>()?;
    PyTuple::new(py, list).map(Bound::unbind)
}

fn uuid_class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CLASS.import(py, "uuid", "UUID")
}

/// Seconds as a number, or a `datetime.timedelta`; not negative, not NaN, not infinite.
pub fn duration_from(op: Op, field: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    const ALLOWED: &str = "seconds as a number of 0 or more, or a datetime.timedelta";
    let refuse = || op.invalid(field, shown(value), ALLOWED).raise(value.py());
    let seconds: f64 = if value.is_instance_of::<PyBool>() {
        return Err(refuse());
    } else if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>() {
        value.extract().map_err(|_| refuse())?
    } else {
        let total = value.call_method0("total_seconds").map_err(|_| refuse())?;
        total.extract().map_err(|_| refuse())?
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| refuse())
}

/// A text; lone surrogates become replacement characters.
pub fn text_from(op: Op, field: &str, value: &Bound<'_, PyAny>, allowed: &str) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_string_lossy().into_owned()),
        Err(_) => Err(op.invalid(field, shown(value), allowed).raise(value.py())),
    }
}

/// The items of an iterable that is not a text: a text would be read letter by letter.
pub fn items_from<'py>(
    op: Op,
    field: &str,
    value: &Bound<'py, PyAny>,
    allowed: &str,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let refuse = || op.invalid(field, shown(value), allowed).raise(value.py());
    if value.is_instance_of::<PyString>() {
        return Err(refuse());
    }
    value.try_iter().map_err(|_| refuse())?.collect()
}

/// A whole number within 64 bits; bool is refused, as True is rarely meant as 1.
pub fn integer_from(op: Op, field: &str, value: &Bound<'_, PyAny>, allowed: &str) -> PyResult<i64> {
    integer(value).ok_or_else(|| op.invalid(field, shown(value), allowed).raise(value.py()))
}

/// As `integer_from`, within `range`.
pub fn integer_in(
    op: Op,
    field: &str,
    value: &Bound<'_, PyAny>,
    range: RangeInclusive<i64>,
) -> PyResult<i64> {
    let fitting = integer(value).filter(|number| range.contains(number));
    fitting.ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        let allowed = format!("a whole number from {least} to {most}");
        op.invalid(field, shown(value), &allowed).raise(value.py())
    })
}

fn integer(value: &Bound<'_, PyAny>) -> Option<i64> {
    if value.is_instance_of::<PyBool>() || !value.is_instance_of::<PyInt>() {
        return None;
    }
    value.extract().ok()
}

/// A priority of the range that every component accepts.
pub fn priority_from(op: Op, value: Option<&Bound<'_, PyAny>>) -> PyResult<i32> {
    let Some(value) = value else { return Ok(0) };
    Ok(integer_in(op, "priority", value, -1000..=1000)? as i32)
}

/// A mapping with text keys and plain values; None is the empty one.
pub fn object_from(
    op: Op,
    field: &str,
    value: Option<&Bound<'_, PyAny>>,
) -> PyResult<Map<String, Json>> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(Map::new());
    };
    match json_from(op, field, value)? {
        Json::Object(map) => Ok(map),
        _ => Err(op
            .invalid(field, shown(value), "a mapping with str keys")
            .raise(value.py())),
    }
}

/// Plain Python data as JSON.
pub fn json_from(op: Op, field: &str, value: &Bound<'_, PyAny>) -> PyResult<Json> {
    read_json(op, field, value, DEPTH)
}

fn read_json(op: Op, field: &str, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Json> {
    let refuse = |allowed: &str| -> PyErr {
        let error: PitError = op.invalid(field, shown(value), allowed);
        error.raise(value.py())
    };
    if depth == 0 {
        return Err(refuse("data that is nested at most 64 deep"));
    }
    if value.is_none() {
        return Ok(Json::Null);
    }
    if let Ok(text) = value.cast::<PyString>() {
        let text = text
            .to_cow()
            .map_err(|_| refuse("text without lone surrogates"))?;
        return Ok(Json::String(text.into_owned()));
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(Json::Bool(flag.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        let signed = value.extract::<i64>().map(Json::from);
        return signed
            .or_else(|_| value.extract::<u64>().map(Json::from))
            .map_err(|_| refuse(JSON));
    }
    if value.is_instance_of::<PyFloat>() {
        let number = value.extract::<f64>()?;
        return Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| refuse(JSON));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let items = value
            .try_iter()?
            .enumerate()
            .map(|(index, item)| read_json(op, &format!("{field}[{index}]"), &item?, depth - 1));
        return items.collect::<PyResult<Vec<_>>>().map(Json::Array);
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        let mut map = Map::new();
        for pair in mapping.items()?.iter() {
            let (key, item): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            let key = match key.cast::<PyString>() {
                Ok(text) => text.to_string_lossy().into_owned(),
                Err(_) => return Err(refuse("a mapping with str keys")),
            };
            let item = read_json(op, &format!("{field}.{key}"), &item, depth - 1)?;
            map.insert(key, item);
        }
        return Ok(Json::Object(map));
    }
    Err(refuse(JSON))
}

/// JSON as plain Python data.
pub fn json_to_py(py: Python<'_>, value: &Json) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Json::Null => py.None(),
        Json::Bool(flag) => flag.into_pyobject(py)?.to_owned().into_any().unbind(),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any().unbind(),
            (None, Some(number)) => number.into_pyobject(py)?.into_any().unbind(),
            (None, None) => PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN))
                .into_any()
                .unbind(),
        },
        Json::String(text) => PyString::new(py, text).into_any().unbind(),
        Json::Array(items) => {
            let list = items
                .iter()
                .map(|item| json_to_py(py, item))
                .collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, list)?.into_any().unbind()
        }
        Json::Object(map) => map_to_py(py, map)?.into_any().unbind(),
    })
}

pub fn map_to_py<'py>(py: Python<'py>, map: &Map<String, Json>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in map {
        dict.set_item(key, json_to_py(py, value)?)?;
    }
    Ok(dict)
}

/// A value as an error shows it.
pub fn shown(value: &Bound<'_, PyAny>) -> Json {
    if let Ok(text) = value.extract::<String>() {
        return Json::String(text);
    }
    if !value.is_instance_of::<PyBool>() {
        if let Ok(number) = value.extract::<i64>() {
            return Json::from(number);
        }
    }
    let text = value.repr().map(|text| text.to_string());
    Json::String(text.unwrap_or_else(|_| "a value that cannot be shown".into()))
}
