//! The start of a run, and its restoring: reads what Python gives, makes the workflow where there is none yet, begins.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};
use symphony_pit::dag::{self, RunOptions, Workflow, DEFAULT_CONCURRENCY};
use symphony_pit::{Op, Opaque, PitError, Rooms};
use uuid::Uuid;

use super::convert::{id_from, integer_in, shown};
use super::errors::Raise;
use super::graph::{read_graph, Graph};
use super::home::Core;
use super::run::{self, Run, RunSpan};
use super::values;
use crate::context::Surroundings;

/// The arguments of `start`, read.
pub struct Start {
    target: Target,
    options: RunOptions,
    span: RunSpan,
    remembered: Remembered,
}

enum Target {
    Named(Uuid),
    Known(Arc<Workflow>),
    New(Graph),
}

impl Start {
    pub fn read(
        op: Op,
        core: &Core,
        workflow: &Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
        concurrency: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Start> {
        let py = workflow.py();
        let concurrency = read_concurrency(op, concurrency)?;
        let variables = read_variables(op, py, variables)?;
        let remembered = Remembered::of(workflow, core);
        let (target, name) = match remembered.workflow(py)? {
            Some(known) => {
                let name = known.definition.name.clone();
                (Target::Known(known), name)
            }
            None if workflow.hasattr("_definition")? => {
                let graph = read_graph(workflow)?;
                let name = graph.0.name.clone();
                (Target::New(graph), name)
            }
            None => (
                Target::Named(id_from(op, "workflow", workflow)?),
                String::new(),
            ),
        };
        let span = RunSpan::begin(py, &name);
        let options = RunOptions {
            variables: Some(values::to_opaque(variables.as_any())),
            concurrency,
            parent_span: span.id(),
            caller: Some(Opaque::new(Surroundings::here(py)?, None)),
        };
        Ok(Start {
            target,
            options,
            span,
            remembered,
        })
    }

    pub fn begin(self, rooms: &Rooms) -> Result<Started, PitError> {
        let (starting, made) = match self.target {
            Target::Named(id) => (rooms.dag.execute(id, self.options)?, None),
            Target::Known(workflow) => (rooms.dag.start(workflow, self.options)?, None),
            Target::New((definition, runners)) => {
                let made = rooms.dag.define(definition, runners)?.wait()?;
                (rooms.dag.start(made.clone(), self.options)?, Some(made))
            }
        };
        Ok(Started {
            run: starting.wait()?,
            span: self.span,
            made: made.map(|made| (self.remembered, made)),
        })
    }

    pub async fn begin_async(self, rooms: &Rooms) -> Result<Started, PitError> {
        let (starting, made) = match self.target {
            Target::Named(id) => (rooms.dag.execute(id, self.options)?, None),
            Target::Known(workflow) => (rooms.dag.start(workflow, self.options)?, None),
            Target::New((definition, runners)) => {
                let made = rooms.dag.define(definition, runners)?.done().await?;
                (rooms.dag.start(made.clone(), self.options)?, Some(made))
            }
        };
        Ok(Started {
            run: starting.done().await?,
            span: self.span,
            made: made.map(|made| (self.remembered, made)),
        })
    }
}

/// The arguments of `restore`, read.
pub struct Restore {
    run: Uuid,
    graph: Graph,
    options: RunOptions,
    span: RunSpan,
}

impl Restore {
    pub fn read(
        op: Op,
        run: &Bound<'_, PyAny>,
        graph: &Bound<'_, PyAny>,
        concurrency: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Restore> {
        let concurrency = read_concurrency(op, concurrency)?;
        let id = id_from(op, "run", run)?;
        let graph = read_graph(graph)?;
        let span = RunSpan::begin(run.py(), &graph.0.name);
        let options = RunOptions {
            variables: None,
            concurrency,
            parent_span: span.id(),
            caller: Some(Opaque::new(Surroundings::here(run.py())?, None)),
        };
        Ok(Restore {
            run: id,
            graph,
            options,
            span,
        })
    }

    pub fn begin(self, rooms: &Rooms) -> Result<Started, PitError> {
        let (definition, runners) = self.graph;
        let restoring = rooms
            .dag
            .restore(self.run, definition, runners, self.options)?;
        Ok(Started {
            run: rooms.dag.restored(restoring)?.wait()?,
            span: self.span,
            made: None,
        })
    }

    pub async fn begin_async(self, rooms: &Rooms) -> Result<Started, PitError> {
        let (definition, runners) = self.graph;
        let restoring = rooms
            .dag
            .restore(self.run, definition, runners, self.options)?;
        Ok(Started {
            run: rooms.dag.restored_async(restoring).await?.done().await?,
            span: self.span,
            made: None,
        })
    }
}

/// A run that has begun, for Python.
pub struct Started {
    run: Arc<dag::Run>,
    span: RunSpan,
    /// The workflow that was made for it, and where to remember that.
    made: Option<(Remembered, Arc<Workflow>)>,
}

impl Started {
    pub fn open(self, py: Python<'_>, site: &str) -> PyResult<Py<Run>> {
        if let Some((remembered, workflow)) = self.made {
            let told = run::warn(py, &workflow);
            remembered.keep(py, workflow)?;
            if let Err(error) = told {
                // Whoever wants an error instead of a warning wants no run either.
                self.run.cancel();
                return Err(error);
            }
        }
        run::open(py, self.run, site, self.span)
    }
}

/// Where a graph remembers the workflow that was made of it: starting it again needs no new one. With the graph goes the
/// workflow, once its runs have ended.
struct Remembered {
    workflows: Option<Py<PyDict>>,
    /// Of the Pit. An address would not do: it is used again.
    key: u64,
}

/// A workflow in the memory of its graph.
#[pyclass(frozen)]
struct Made(Arc<Workflow>);

impl Remembered {
    fn of(workflow: &Bound<'_, PyAny>, core: &Core) -> Remembered {
        let dict = workflow.getattr("_workflows").ok();
        Remembered {
            workflows: dict.and_then(|dict| dict.cast_into::<PyDict>().ok().map(Bound::unbind)),
            key: core.serial,
        }
    }

    fn keep(&self, py: Python<'_>, workflow: Arc<Workflow>) -> PyResult<()> {
        match &self.workflows {
            Some(workflows) => workflows
                .bind(py)
                .set_item(self.key, Py::new(py, Made(workflow))?),
            None => Ok(()),
        }
    }

    fn workflow(&self, py: Python<'_>) -> PyResult<Option<Arc<Workflow>>> {
        let known = match &self.workflows {
            Some(workflows) => workflows.bind(py).get_item(self.key)?,
            None => None,
        };
        Ok(known.and_then(|known| known.cast::<Made>().ok().map(|made| made.get().0.clone())))
    }
}

fn read_concurrency(op: Op, concurrency: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
    match concurrency {
        None => Ok(DEFAULT_CONCURRENCY),
        Some(value) => Ok(integer_in(op, "concurrency", value, 1..=100_000)? as usize),
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
