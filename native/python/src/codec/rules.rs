//! How objects of a type cross that is no plain built-in one: asked of `symphony_bridge.convert` once per type.
//!
//! Threads: attached. Types are told apart by address; a weak reference says whether the address is still theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PySystemError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple, PyType, PyWeakrefReference};

/// More types than this are asked for again.
const MAX_KNOWN: usize = 1024;

/// The way of a type.
pub enum Rule {
    /// No value form: by reference.
    Reference,
    /// EXT of this name with what `plain` makes of the value.
    Convert { name: String, plain: Py<PyAny> },
    /// EXT of the name that the value carries (`converter`), with the form that it carries (`plain`).
    Converted,
    /// What `plain` makes of the value, as if it stood there itself.
    Instead { plain: Py<PyAny> },
    /// Type name and these attributes.
    Fields {
        name: String,
        fields: Vec<Py<PyString>>,
    },
    /// Type name and the entries of the dict that `plain` makes of the value.
    Model { name: String, plain: Py<PyAny> },
    /// A plain int that goes as BIGINT whatever its size.
    BigInt,
    /// EXT of this name with a dict that goes as MAP whatever its keys.
    Pairs { name: String },
    /// EXT `buffer`: `plain` gives (kind, format, shape, order, readonly, bytes-like), or None: by reference.
    Buffer { plain: Py<PyAny> },
    /// A number of NumPy's: `plain` gives Python's own, `exact` is as for `Buffer`.
    Scalar { plain: Py<PyAny>, exact: Py<PyAny> },
}

struct Known {
    class: Py<PyAny>,
    rule: Arc<Rule>,
}

static KNOWN: Mutex<Option<HashMap<usize, Known>>> = Mutex::new(None);

/// The rule for objects of exactly this type.
pub fn of(class: &Bound<'_, PyType>) -> PyResult<Arc<Rule>> {
    if let Some(rule) = known(class) {
        return Ok(rule);
    }
    let py = class.py();
    let asked = convert(py)?.call_method1(intern!(py, "_rule"), (class,))?;
    let rule = Arc::new(read(&asked)?);
    let known = Known {
        class: PyWeakrefReference::new(class)?.into_any().unbind(),
        rule: rule.clone(),
    };
    remember(class.as_ptr() as usize, known);
    Ok(rule)
}

/// `symphony_bridge.convert`, imported when a pack first needs it.
pub fn convert(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MODULE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("symphony_bridge.convert")?.into_any().unbind())
    })?;
    Ok(module.bind(py))
}

/// Forgets all rules: converters have changed.
#[pyfunction]
pub fn _forget_rules() {
    let forgotten = lock().take();
    // Dropped without the lock: finalisers may run Python code.
    drop(forgotten);
}

fn known(class: &Bound<'_, PyType>) -> Option<Arc<Rule>> {
    let known = lock();
    let found = known.as_ref()?.get(&(class.as_ptr() as usize))?;
    // SAFETY: `PyWeakrefReference::new` made it.
    let weak = unsafe {
        found
            .class
            .bind(class.py())
            .cast_unchecked::<PyWeakrefReference>()
    };
    weak.upgrade()
        .is_some_and(|alive| alive.is(class))
        .then(|| found.rule.clone())
}

fn remember(address: usize, entry: Known) {
    let mut known = lock();
    let map = known.get_or_insert_default();
    let forgotten = if map.len() >= MAX_KNOWN {
        std::mem::take(map)
    } else {
        HashMap::new()
    };
    let replaced = map.insert(address, entry);
    drop(known);
    drop((forgotten, replaced));
}

fn lock() -> std::sync::MutexGuard<'static, Option<HashMap<usize, Known>>> {
    crate::job::lock(&KNOWN)
}

fn read(asked: &Bound<'_, PyAny>) -> PyResult<Rule> {
    if asked.is_none() {
        return Ok(Rule::Reference);
    }
    let parts = asked.cast::<PyTuple>()?;
    let text = |index| -> PyResult<String> { parts.get_item(index)?.extract() };
    let object = |index| -> PyResult<Py<PyAny>> { Ok(parts.get_item(index)?.unbind()) };
    Ok(match text(0)?.as_str() {
        "convert" => Rule::Convert {
            name: text(1)?,
            plain: object(2)?,
        },
        "converted" => Rule::Converted,
        "instead" => Rule::Instead { plain: object(1)? },
        "fields" => Rule::Fields {
            name: text(1)?,
            fields: parts.get_item(2)?.extract()?,
        },
        "model" => Rule::Model {
            name: text(1)?,
            plain: object(2)?,
        },
        "bigint" => Rule::BigInt,
        "pairs" => Rule::Pairs { name: text(1)? },
        "buffer" => Rule::Buffer { plain: object(1)? },
        "scalar" => Rule::Scalar {
            plain: object(1)?,
            exact: object(2)?,
        },
        other => return Err(PySystemError::new_err(format!("no rule is called {other}"))),
    })
}
