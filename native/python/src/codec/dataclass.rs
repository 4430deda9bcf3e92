//! Dataclasses by name: `module:qualname` and fields.

use std::collections::HashMap;
use std::rc::Rc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use super::failure::{Failure, Outcome};

/// What a pack says about a dataclass.
pub struct WriteType<'py> {
    pub name: String,
    /// Names of its fields, in order.
    pub fields: Vec<Bound<'py, PyAny>>,
}

/// Dataclasses of one pack being written: fields are asked once per type.
#[derive(Default)]
pub struct WriteTypes<'py> {
    // The types are kept alive by the values being written, and by the entries here.
    known: HashMap<usize, (Bound<'py, PyType>, Rc<WriteType<'py>>)>,
}

impl<'py> WriteTypes<'py> {
    pub fn of(&mut self, value: &Bound<'py, PyAny>) -> Outcome<Rc<WriteType<'py>>> {
        let class = value.get_type();
        let address = class.as_ptr() as usize;
        if let Some((_, known)) = self.known.get(&address) {
            return Ok(known.clone());
        }
        let mut names = Vec::new();
        for field in fields(&class)?.iter() {
            names.push(field.getattr(intern!(value.py(), "name"))?);
        }
        let module: String = class
            .getattr(intern!(value.py(), "__module__"))?
            .extract()?;
        let made = Rc::new(WriteType {
            name: format!("{module}:{}", class.qualname()?),
            fields: names,
        });
        self.known.insert(address, (class, made.clone()));
        Ok(made)
    }
}

/// True for an instance of a dataclass (not for the class itself).
pub fn is_instance(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value
        .get_type()
        .hasattr(intern!(value.py(), "__dataclass_fields__"))
}

/// Imports the type, checks that it is a dataclass, and builds an instance by its constructor, so that defaults and
/// `__post_init__` hold; fields the constructor does not take are set afterwards.
pub fn rebuild<'py>(name: &str, fields: &Bound<'py, PyDict>) -> Outcome<Bound<'py, PyAny>> {
    let class = find(fields.py(), name)?;
    let arguments = PyDict::new(fields.py());
    let mut rest = Vec::new();
    let declared = declared(&class)?;
    for (key, value) in fields.iter() {
        let name_of_key = key.cast::<PyString>().map_err(PyErr::from)?.to_cow()?;
        match declared.get(&*name_of_key) {
            Some(true) => arguments.set_item(key, value)?,
            Some(false) => rest.push((key, value)),
            None => return Err(refused(name, format!("it has no field '{key}'"))),
        }
    }
    let instance = class.call((), Some(&arguments))?;
    if !rest.is_empty() {
        // Not `setattr`, which a frozen dataclass refuses.
        let object = fields.py().get_type::<PyAny>();
        for (key, value) in rest {
            object.call_method1(intern!(fields.py(), "__setattr__"), (&instance, key, value))?;
        }
    }
    Ok(instance)
}

fn find<'py>(py: Python<'py>, name: &str) -> Outcome<Bound<'py, PyAny>> {
    let Some((module, path)) = name.split_once(':') else {
        return Err(refused(
            name,
            "its name is not 'module:qualname'".to_owned(),
        ));
    };
    let mut found = py
        .import(module)
        .map_err(|error| refused(name, format!("its module cannot be imported: {error}")))?
        .into_any();
    for part in path.split('.') {
        found = found
            .getattr(part)
            .map_err(|error| refused(name, format!("it cannot be found: {error}")))?;
    }
    if !found.is_instance_of::<PyType>() || !found.hasattr(intern!(py, "__dataclass_fields__"))? {
        return Err(refused(name, "it is not a dataclass".to_owned()));
    }
    Ok(found)
}

/// Field names, each with whether the constructor takes it.
fn declared(class: &Bound<'_, PyAny>) -> Outcome<HashMap<String, bool>> {
    let py = class.py();
    let mut declared = HashMap::new();
    for field in fields(class)?.iter() {
        let name: String = field.getattr(intern!(py, "name"))?.extract()?;
        declared.insert(name, field.getattr(intern!(py, "init"))?.is_truthy()?);
    }
    Ok(declared)
}

fn fields<'py>(class: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let py = class.py();
    let fields = py
        .import(intern!(py, "dataclasses"))?
        .getattr(intern!(py, "fields"))?;
    Ok(fields.call1((class,))?.cast_into::<PyTuple>()?)
}

fn refused(name: &str, reason: String) -> Box<Failure> {
    Failure::refused_type(name.to_owned(), reason)
}
