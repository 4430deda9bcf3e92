//! Dataclasses, attrs classes and pydantic models by name: `module:qualname` and fields.
//!
//! How each is built is Python's to say (`symphony_bridge._models`), once per type and pack.

use std::collections::HashMap;
use std::rc::Rc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::failure::{Failure, Outcome};
use super::rules;

/// How instances of a type are made.
pub struct Plan<'py> {
    name: String,
    /// (fields) → instance, as its constructor makes it.
    make: Bound<'py, PyAny>,
    /// () → instance without its fields.
    blank: Bound<'py, PyAny>,
    /// (instance, fields): sets the fields.
    fill: Bound<'py, PyAny>,
}

/// Types met in one pack.
#[derive(Default)]
pub struct Plans<'py>(HashMap<String, Rc<Plan<'py>>>);

impl<'py> Plans<'py> {
    /// The plan of a type; refuses one that cannot be found, or that is not data.
    pub fn of(&mut self, py: Python<'py>, name: &str) -> Outcome<Rc<Plan<'py>>> {
        if let Some(plan) = self.0.get(name) {
            return Ok(plan.clone());
        }
        let asked = rules::convert(py)?
            .call_method1(intern!(py, "_plan"), (name,))
            .map_err(|error| refusal(py, name, error))?;
        let (make, blank, fill) = asked.extract()?;
        let plan = Rc::new(Plan {
            name: name.to_owned(),
            make,
            blank,
            fill,
        });
        self.0.insert(name.to_owned(), plan.clone());
        Ok(plan)
    }
}

impl<'py> Plan<'py> {
    /// An instance by its constructor, so that defaults and checks hold.
    pub fn make(&self, fields: &Bound<'py, PyDict>) -> Outcome<Bound<'py, PyAny>> {
        let made = self.make.call1((fields,));
        made.map_err(|error| refusal(fields.py(), &self.name, error))
    }

    /// An instance that gets its fields later, because they refer to it.
    pub fn blank(&self) -> Outcome<Bound<'py, PyAny>> {
        let made = self.blank.call0();
        made.map_err(|error| refusal(self.blank.py(), &self.name, error))
    }

    pub fn fill(&self, instance: &Bound<'py, PyAny>, fields: &Bound<'py, PyDict>) -> Outcome<()> {
        let filled = self.fill.call1((instance, fields)).map(drop);
        filled.map_err(|error| refusal(fields.py(), &self.name, error))
    }
}

/// A refusal of ours as one by path; what the type's own code raises passes unchanged.
pub fn refusal(py: Python<'_>, type_name: &str, error: PyErr) -> Box<Failure> {
    let ours = rules::convert(py)
        .and_then(|convert| convert.getattr(intern!(py, "Refusal")))
        .is_ok_and(|class| error.matches(py, class).unwrap_or(false));
    if !ours {
        return error.into();
    }
    Failure::refused_type(type_name.to_owned(), error.value(py).to_string())
}
