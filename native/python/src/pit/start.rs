//! The start of a run: reads what Python gives, makes the workflow where there is none yet, begins.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};
use symphony_pit::dag::{self, RunOptions, DEFAULT_CONCURRENCY};
use symphony_pit::{Op, PitError, Rooms};
use uuid::Uuid;

use super::convert::{id_from, id_to_py, integer_in, shown};
use super::errors::Raise;
use super::graph::{read_graph, Graph};
use super::home::Core;
use super::run::{self, Run, RunSpan};
use super::values;

/// The arguments of `start`, read.
pub struct Start {
    target: Target,
    options: RunOptions,
    span: RunSpan,
    remembered: Remembered,
}

enum Target {
    Known(Uuid),
    New(Graph),
}

impl Start {
    pub fn read(
        op: Op,
        core: &Arc<Core>,
        workflow: &Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
        concurrency: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Start> {
        let py = workflow.py();
        let concurrency = match concurrency {
            None => DEFAULT_CONCURRENCY,
            Some(value) => integer_in(op, "concurrency", value, 1..=100_000)? as usize,
        };
        let variables = read_variables(op, py, variables)?;
        let is_graph = workflow.hasattr("_definition")?;
        let remembered = Remembered::of(workflow, core);
        let (target, name) = match remembered.workflow(py)? {
            Some(id) => (
                Target::Known(id_from(op, "workflow", &id)?),
                graph_name(workflow),
            ),
            None if is_graph => {
                let graph = read_graph(workflow)?;
                let name = graph.0.name.clone();
                (Target::New(graph), name)
            }
            None => (
                Target::Known(id_from(op, "workflow", workflow)?),
                String::new(),
            ),
        };
        let span = RunSpan::begin(py, &name);
        let options = RunOptions {
            variables: Some(values::to_opaque(variables.as_any())),
            concurrency,
            parent_span: span.id(),
        };
        Ok(Start {
            target,
            options,
            span,
            remembered,
        })
    }

    pub fn begin(self, rooms: &Rooms) -> Result<Started, PitError> {
        let id = match self.target {
            Target::Known(id) => id,
            Target::New((definition, runners)) => {
                let created = rooms.dag.create_workflow(definition, runners)?;
                created.wait()?.id
            }
        };
        Ok(Started {
            run: rooms.dag.execute(id, self.options)?.wait()?,
            span: self.span,
            remembered: self.remembered,
        })
    }

    pub async fn begin_async(self, rooms: &Rooms) -> Result<Started, PitError> {
        let id = match self.target {
            Target::Known(id) => id,
            Target::New((definition, runners)) => {
                let mut created = rooms.dag.create_workflow(definition, runners)?;
                created.done().await?.id
            }
        };
        Ok(Started {
            run: rooms.dag.execute(id, self.options)?.done().await?,
            span: self.span,
            remembered: self.remembered,
        })
    }
}

/// A run that has begun, for Python.
pub struct Started {
    run: Arc<dag::Run>,
    span: RunSpan,
    remembered: Remembered,
}

impl Started {
    pub fn open(self, py: Python<'_>, site: &str) -> PyResult<Py<Run>> {
        self.remembered.keep(py, self.run.status().workflow)?;
        run::open(py, self.run, site, self.span)
    }
}

/// Where a graph remembers the workflow that was made of it: starting it again needs no new one.
struct Remembered {
    workflows: Option<Py<PyDict>>,
    key: usize,
}

impl Remembered {
    fn of(workflow: &Bound<'_, PyAny>, core: &Arc<Core>) -> Remembered {
        let dict = workflow.getattr("_workflows").ok();
        Remembered {
            workflows: dict.and_then(|dict| dict.cast_into::<PyDict>().ok().map(Bound::unbind)),
            key: Arc::as_ptr(core) as usize,
        }
    }

    fn keep(&self, py: Python<'_>, workflow: Uuid) -> PyResult<()> {
        match &self.workflows {
            Some(workflows) => workflows
                .bind(py)
                .set_item(self.key, id_to_py(py, workflow)?),
            None => Ok(()),
        }
    }

    fn workflow<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &self.workflows {
            Some(workflows) => workflows.bind(py).get_item(self.key),
            None => Ok(None),
        }
    }
}

/// A copy: the run's variables stay as they are now.
fn read_variables<'py>(
    op: Op,
    py: Python<'py>,
    variables: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let copy = PyDict::new(py);
    if let Some(value) = variables.filter(|value| !value.is_none()) {
        let mapping = value
            .cast::<PyMapping>()
            .map_err(|_| op.invalid("variables", shown(value), "a mapping").raise(py))?;
        copy.update(mapping)?;
    }
    Ok(copy)
}

fn graph_name(graph: &Bound<'_, PyAny>) -> String {
    graph
        .getattr("name")
        .and_then(|name| name.extract())
        .unwrap_or_default()
}
