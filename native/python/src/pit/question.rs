//! Reads the request for a decision.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyMapping};
use symphony_pit::arbitration::Question;
use symphony_pit::Op;

use super::convert::{items_from, json_from, key_from, shown, text_from};
use super::errors::Raise;

/// Reads `{context_type, data, options, policy}`; the options also as the caller's own objects.
pub fn read_question<'py>(
    op: Op,
    request: &Bound<'py, PyAny>,
) -> PyResult<(Question, Bound<'py, PyList>)> {
    const ALLOWED: &str = "a mapping with context_type, options, and perhaps data and policy";
    const CONTEXT: &str = "a text that is not empty";
    let py = request.py();
    let mapping = request
        .cast::<PyMapping>()
        .map_err(|_| op.invalid("request", shown(request), ALLOWED).raise(py))?;
    let mut context_type = None;
    let mut data = serde_json::Value::Null;
    let mut options = None;
    let mut policy = None;
    for pair in mapping.items()?.iter() {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
        match key.extract::<String>().unwrap_or_default().as_str() {
            "context_type" => {
                context_type = Some(text_from(op, "context_type", &value, CONTEXT)?);
            }
            "data" => data = json_from(op, "data", &value)?,
            "options" => {
                let items = items_from(op, "options", &value, "a list of options")?;
                options = Some(PyList::new(py, items)?);
            }
            "policy" if value.is_none() => {}
            "policy" => policy = Some(key_from(op, "policy", &value)?),
            _ => return Err(op.invalid("request", shown(&key), ALLOWED).raise(py)),
        }
    }
    let missing = |field| {
        op.invalid(field, serde_json::Value::Null, ALLOWED)
            .raise(py)
    };
    let options = options.ok_or_else(|| missing("options"))?;
    let read = options
        .iter()
        .enumerate()
        .map(|(index, option)| json_from(op, &format!("options[{index}]"), &option));
    let question = Question {
        context_type: context_type.ok_or_else(|| missing("context_type"))?,
        data,
        options: read.collect::<PyResult<Vec<_>>>()?,
        policy,
    };
    Ok((question, options))
}
