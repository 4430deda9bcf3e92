//! Reads a graph that Python built into a definition and the runners of its steps.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use symphony_pit::dag::{Definition, Dependency, DependencyKind, OnFailure, StepRunner, StepSpec};
use symphony_pit::Op;

use super::convert::{integer_in, object_from, shown, text_from};
use super::errors::{OrRaise, Raise};
use super::step::Step;

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
    let text = |field: &str, value: &Bound<'_, PyAny>| text_from(OP, field, value, "a text");
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
        let retries = integer_in(OP, &format!("steps.{step}.retries"), &retries, 0..=1000)?;
        runners.push(Arc::new(Step::new(callable.unbind())));
        steps.push(StepSpec {
            kind: text("kind", &kind)?,
            configuration: object_from(
                OP,
                &format!("steps.{step}.configuration"),
                configuration.as_ref(),
            )?,
            on_failure: OnFailure::read(OP, &text("on_failure", &on_failure)?).or_raise(py)?,
            retries: retries as u32,
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
