//! Finding what a call means: `module:attr.attr`, an attribute path on a handle, or the handle itself.
//!
//! Threads: needs the GIL; importing runs code of the module. Attributes are looked up at each call, so one that is
//! bound anew is seen at once. Must not know frames.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple};
use symphony_core::sync::lock;

use crate::objects;

/// A callable found.
pub struct Resolved<'py> {
    pub callable: Bound<'py, PyAny>,
    /// What the trace and handles call it; empty unless asked for.
    pub name: String,
    /// Arguments that replace the request's.
    pub args: Option<Bound<'py, PyTuple>>,
}

/// Finds the callable. A name without attributes imports the module. `named` asks for its name too.
pub fn resolve<'py>(
    py: Python<'py>,
    target: u32,
    name: Option<&str>,
    named: bool,
) -> PyResult<Resolved<'py>> {
    if target != 0 {
        return on_handle(py, target, name, named);
    }
    let name = name.ok_or_else(|| PyTypeError::new_err("a call needs a name or a handle"))?;
    let Some((module, path)) = name.split_once(':') else {
        let import = py.import("importlib")?.getattr("import_module")?;
        return Ok(Resolved {
            callable: import,
            name: name.to_owned(),
            args: Some(PyTuple::new(py, [name])?),
        });
    };
    Ok(Resolved {
        callable: attribute(import(py, module)?, path)?,
        name: told(named, || format!("{module}.{path}")),
        args: None,
    })
}

fn on_handle<'py>(
    py: Python<'py>,
    target: u32,
    path: Option<&str>,
    named: bool,
) -> PyResult<Resolved<'py>> {
    let (object, label) = if named {
        objects::named(py, target)?
    } else {
        (objects::object(py, target)?, String::new())
    };
    let object = object.into_bound(py);
    let Some(path) = path else {
        return Ok(Resolved {
            callable: object,
            name: label,
            args: None,
        });
    };
    Ok(Resolved {
        callable: attribute(object, path)?,
        name: told(named, || format!("{label}.{path}")),
        args: None,
    })
}

fn told(named: bool, name: impl FnOnce() -> String) -> String {
    if named {
        name()
    } else {
        String::new()
    }
}

/// The module `name`, from `sys.modules` where it is loaded already. One that another thread is
/// still importing is waited for: the import takes the module's lock.
fn import<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODULES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match MODULES.import(py, "sys", "modules")?.get_item(name) {
        Ok(module) if !module.is_none() && !is_initializing(&module) => Ok(module),
        _ => Ok(py.import(name)?.into_any()),
    }
}

fn is_initializing(module: &Bound<'_, PyAny>) -> bool {
    let py = module.py();
    module
        .getattr(intern!(py, "__spec__"))
        .and_then(|spec| spec.getattr(intern!(py, "_initializing")))
        .and_then(|initializing| initializing.is_truthy())
        .unwrap_or(false)
}

fn attribute<'py>(object: Bound<'py, PyAny>, path: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    names(py, path)
        .iter()
        .try_fold(object, |object, name| object.getattr(name.bind(py)))
}

type Names = Arc<[Py<PyString>]>;

/// The parts of an attribute path as Python's own interned strings, which Python finds fastest.
fn names(py: Python<'_>, path: &str) -> Names {
    /// Scripts name a few functions; whoever makes names up must not fill the memory.
    const LIMIT: usize = 1024;
    static KNOWN: LazyLock<Mutex<HashMap<Box<str>, Names>>> = LazyLock::new(Mutex::default);
    if let Some(names) = lock(&KNOWN).get(path) {
        return names.clone();
    }
    let names: Names = path
        .split('.')
        .map(|name| PyString::intern(py, name).unbind())
        .collect();
    let forgotten = {
        let mut known = lock(&KNOWN);
        let full = (known.len() >= LIMIT).then(|| std::mem::take(&mut *known));
        known.insert(path.into(), names.clone());
        full
    };
    // Dropped after the lock is free, like everything of Python's.
    drop(forgotten);
    names
}
