//! Objects of types with a rule → packs: converters, dataclasses and their like, buffers.

use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMemoryView, PyString, PyTuple};
use symphony_core::pack::{tag, Segment};

use super::buffer::HeldBuffer;
use super::dict_entries::named;
use super::encode::{Encoder, Exactness, SEGMENT_FROM};
use super::failure::{Failure, Outcome};
use super::rules::{self, Rule};
use super::seen::is_shared;
use super::write_shapes::KeyOrder;

/// Names of converters that this pack has introduced.
#[derive(Default)]
pub struct Introduced(Vec<String>);

impl<'py> Encoder<'_, 'py> {
    /// Adds an object of a type that the codec does not know by itself.
    pub fn by_rule(&mut self, value: &Bound<'py, PyAny>, shared: bool) -> Outcome<()> {
        let rule =
            rules::of(&value.get_type()).map_err(|error| Failure::raised_by(value, error))?;
        match &*rule {
            Rule::Reference => self.reference(value),
            Rule::Convert { name, plain } => self.container(value, shared, |this, value| {
                this.ext(name);
                let plain = call(plain, value)?;
                this.value(&plain, is_shared(plain.as_ptr(), 0))
            }),
            Rule::Converted => self.container(value, shared, |this, value| {
                let py = value.py();
                let name: String = value.getattr(intern!(py, "converter"))?.extract()?;
                let plain = value.getattr(intern!(py, "plain"))?;
                this.ext(&name);
                this.value(&plain, is_shared(plain.as_ptr(), 1))
            }),
            Rule::Instead { plain } => {
                let plain = call(plain, value)?;
                if plain.get_type().is(value.get_type()) {
                    return self.reference(value);
                }
                self.value(&plain, false)
            }
            Rule::Fields { name, fields } => self.container(value, shared, |this, value| {
                this.fields(value, name, fields)
            }),
            Rule::Model { name, plain } => {
                self.container(value, shared, |this, value| this.model(value, name, plain))
            }
            Rule::BigInt => self.bigint(value),
            Rule::Pairs { name } => self.container(value, shared, |this, value| {
                this.ext(name);
                this.pairs(value)
            }),
            Rule::Buffer { plain } => self.buffer(value, shared, plain),
            Rule::Scalar { exact, .. } if self.exactness == Exactness::Strict => {
                self.buffer(value, shared, exact)
            }
            Rule::Scalar { plain, exact } => {
                let plain = call(plain, value)?;
                if plain.get_type().is(value.get_type()) {
                    // A number that Python's own cannot hold, e.g. a long double.
                    return self.buffer(value, shared, exact);
                }
                if self.exactness == Exactness::Either {
                    self.ext("scalar");
                    self.out.tuple(2);
                    self.value(&plain, false)?;
                    return self.buffer(value, false, exact);
                }
                self.value(&plain, false)
            }
        }
    }

    /// Begins the form of a converter.
    pub fn ext(&mut self, name: &str) {
        let Introduced(names) = &mut self.introduced;
        match names.iter().position(|known| known == name) {
            Some(index) => self.out.op(tag::EXT, index + 1),
            None => {
                names.push(name.to_owned());
                self.out.op(tag::EXT, 0);
                self.out.str(name);
            }
        }
    }

    fn fields(
        &mut self,
        value: &Bound<'py, PyAny>,
        name: &str,
        fields: &[Py<PyString>],
    ) -> Outcome<()> {
        let py = value.py();
        let bound: Vec<_> = fields
            .iter()
            .map(|field| field.bind(py).as_any().clone())
            .collect();
        self.begin_dataclass(name, &bound)?;
        for field in fields {
            let field = field.bind(py);
            let item = value
                .getattr(field)
                .map_err(|error| Failure::raised_by(value, error))?;
            self.value(&item, is_shared(item.as_ptr(), 1))
                .map_err(|failure| failure.inside(value.as_ptr(), named(field, 0)))?;
        }
        Ok(())
    }

    fn model(&mut self, value: &Bound<'py, PyAny>, name: &str, plain: &Py<PyAny>) -> Outcome<()> {
        let fields = call(plain, value)?;
        let fields = fields.cast::<PyDict>().map_err(PyErr::from)?;
        let mut order = KeyOrder::default();
        let keys: Vec<Bound<'py, PyAny>> = fields.keys().iter().collect();
        for key in &keys {
            let key: String = key.extract()?;
            if !order.takes(&key) {
                return Err(Failure::refused(
                    value,
                    format!("a field is called {key:?}"),
                ));
            }
        }
        self.begin_dataclass(name, &keys)?;
        for (key, item) in fields.iter() {
            self.value(&item, is_shared(item.as_ptr(), 2))
                .map_err(|failure| failure.inside(value.as_ptr(), named(&key, 0)))?;
        }
        Ok(())
    }

    fn begin_dataclass(&mut self, name: &str, fields: &[Bound<'py, PyAny>]) -> Outcome<()> {
        self.out.op(tag::DATACLASS, 0);
        self.out.str(name);
        self.shapes.get_or_insert_default().write(fields, self.out)
    }

    fn buffer(
        &mut self,
        value: &Bound<'py, PyAny>,
        shared: bool,
        plain: &Py<PyAny>,
    ) -> Outcome<()> {
        let plain = call(plain, value)?;
        if plain.is_none() {
            return self.reference(value);
        }
        let parts = plain.cast::<PyTuple>().map_err(PyErr::from)?.clone();
        self.container(value, shared, |this, value| {
            this.ext("buffer");
            let last = parts.len().saturating_sub(1);
            this.out.tuple(parts.len());
            for (i, part) in parts.iter().enumerate() {
                if i != last {
                    this.value(&part, false)?;
                } else if part.is_exact_instance_of::<PyBytes>() {
                    this.bytes(&part);
                } else {
                    let held = HeldBuffer::of(&part);
                    let held = held.map_err(|error| Failure::raised_by(value, error))?;
                    this.held(held, is_resizable(value));
                }
            }
            Ok(())
        })
    }

    fn held(&mut self, held: HeldBuffer, resizable: bool) {
        if held.bytes().len() < SEGMENT_FROM {
            self.out.bytes(held.bytes());
        } else if resizable || !self.lends {
            self.out.segment(held.bytes().to_vec());
        } else {
            self.out.segment(Segment::Lent(Arc::new(held)));
        }
    }
}

/// True where holding the memory could make a later `append` of the owner's fail.
fn is_resizable(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyMemoryView>()
        || value.get_type().name().is_ok_and(|name| name == "array")
}

/// Calls a function of the value's rule.
fn call<'py>(plain: &Py<PyAny>, value: &Bound<'py, PyAny>) -> Outcome<Bound<'py, PyAny>> {
    let py = value.py();
    plain
        .bind(py)
        .call1((value,))
        .map_err(|error| Failure::raised_by(value, error))
}
