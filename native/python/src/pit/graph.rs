//! Reads a graph that Python built into a definition and the runners of its steps.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use symphony_pit::dag::{Definition, Dependency, DependencyKind, OnFailure, StepRunner, StepSpec};
use symphony_pit::Op;

use super::convert::{integer_from, object_from, shown};
use super::errors::{OrRaise, Raise};
use super::step::Step;

const RETRIES: &str = "a whole number from 0 to 1000";

/// A definition with the callables of its steps, in their order.
pub type Graph = (Definition, Vec<Arc<dyn StepRunner>>);
type StepRow<'py> = (
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Option<Bound<'py, PyAny>>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
);

/// Reads what `Graph._definition()` gives: name, version, steps and dependencies.
pub fn read_graph(graph: &Bound<'_, PyAny>) -> PyResult<Graph> {
    const OP: Op = symphony_pit::op("dag", "create_workflow");
    let py = graph.py();
    let definition = graph.getattr("_definition").map_err(|_| {
        PyTypeError::new_err(format!(
            "workflow is {}: a pit.Graph or the id of a workflow",
            shown(graph)
        ))
    })?;
    type Rows<'py> = Vec<StepRow<'py>>;
    type Edges<'py> = Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)>;
    type Read<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Rows<'py>, Edges<'py>);
    let (name, version, rows, edges): Read<'_> = definition.call0()?.extract()?;
    let text = |field: &str, value: &Bound<'_, PyAny>| -> PyResult<String> {
        let text = value
            .cast::<PyString>()
            .map_err(|_| OP.invalid(field, shown(value), "a text").raise(py))?;
        Ok(text.to_string_lossy().into_owned())
    };
    let (name, version) = (text("name", &name)?, text("version", &version)?);
    let mut steps = Vec::with_capacity(rows.len());
    let mut runners: Vec<Arc<dyn StepRunner>> = Vec::with_capacity(rows.len());
    for (step, kind, callable, configuration, on_failure, retries) in rows {
        let step = text("step", &step)?;
        if !callable.is_callable() {
            let field = format!("steps.{step}.callable");
            return Err(OP
                .invalid(&field, shown(&callable), "a function or coroutine function")
                .raise(py));
        }
        let tries = integer_from(OP, &format!("steps.{step}.retries"), &retries, RETRIES)?;
        if !(0..=1000).contains(&tries) {
            return Err(OP
                .invalid(&format!("steps.{step}.retries"), tries, RETRIES)
                .raise(py));
        }
        runners.push(Arc::new(Step::new(callable.unbind())));
        steps.push(StepSpec {
            kind: text("kind", &kind)?,
            configuration: object_from(
                OP,
                &format!("steps.{step}.configuration"),
                configuration.as_ref(),
            )?,
            on_failure: OnFailure::read(OP, &text("on_failure", &on_failure)?).or_raise(py)?,
            retries: tries as u32,
            name: step,
        });
    }
    let dependencies = edges.into_iter().map(|(from, to, kind)| {
        Ok(Dependency {
            from: text("dependencies.from", &from)?,
            to: text("dependencies.to", &to)?,
            kind: DependencyKind::read(OP, &text("dependencies.kind", &kind)?).or_raise(py)?,
        })
    });
    let dependencies = dependencies.collect::<PyResult<Vec<_>>>()?;
    Ok((
        Definition {
            name,
            version,
            steps,
            dependencies,
        },
        runners,
    ))
}
