//! `pit.dag`: workflows whose steps are Python callables.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};
use symphony_pit::dag::{Definition, RunOptions, StepRunner, DEFAULT_CONCURRENCY};
use symphony_pit::{Op, PitError};
use uuid::Uuid;

use super::convert::{id_from, id_to_py, integer_from, shown};
use super::errors::Raise;
use super::graph::read_graph;
use super::home::{rooms, Core};
use super::operation::{operation, Operation};
use super::run::{self, Run, RunSpan};
use super::{records, values};
use crate::site;

static CREATE: Operation = operation!("dag", "create_workflow");
static EXECUTE: Operation = operation!("dag", "execute");
static STATUS: Operation = operation!("dag", "status");
static RESULTS: Operation = operation!("dag", "results");

const CONCURRENCY: &str = "a whole number from 1 to 100000";

#[pyclass(frozen, module = "symphony_bridge.pit")]
pub struct Dag {
    core: Arc<Core>,
}

impl Dag {
    pub fn new(core: Arc<Core>) -> Dag {
        Dag { core }
    }
}

#[pymethods]
impl Dag {
    fn create_workflow(&self, py: Python<'_>, graph: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let core = self.core.clone();
        let read = || {
            let (definition, runners) = read_graph(graph)?;
            Ok(move || {
                let created = core.rooms()?.dag.create_workflow(definition, runners)?;
                created.wait().map(|workflow| workflow.id)
            })
        };
        CREATE.detach(py, read, id_to_py)
    }

    fn create_workflow_async<'py>(
        &self,
        py: Python<'py>,
        graph: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let make = |_| {
            let (definition, runners) = read_graph(graph)?;
            Ok(async move {
                let mut created = rooms(&core)
                    .await?
                    .dag
                    .create_workflow(definition, runners)?;
                Ok::<_, PitError>(created.done().await?.id)
            })
        };
        CREATE.spawn(py, make, id_to_py)
    }

    #[pyo3(signature = (workflow, variables = None, *, concurrency = None))]
    fn start(
        &self,
        py: Python<'_>,
        workflow: &Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
        concurrency: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Run>> {
        let core = self.core.clone();
        let remember = self.remembered(workflow);
        let read = || {
            let Start {
                target,
                options,
                span,
            } = self.read_start(py, workflow, variables, concurrency)?;
            Ok(move || {
                let rooms = core.rooms()?;
                let id = match target {
                    Target::Known(id) => id,
                    Target::New(definition, runners) => {
                        rooms.dag.create_workflow(definition, runners)?.wait()?.id
                    }
                };
                let run = rooms.dag.execute(id, options)?.wait()?;
                Ok::<_, PitError>((run, span))
            })
        };
        let site = site::text(py);
        EXECUTE.detach(py, read, |py, (started, span)| {
            remember.keep(py, started.status().workflow)?;
            run::open(py, started, &site, span)
        })
    }

    #[pyo3(signature = (workflow, variables = None, *, concurrency = None))]
    fn start_async<'py>(
        &self,
        py: Python<'py>,
        workflow: &Bound<'py, PyAny>,
        variables: Option<&Bound<'py, PyAny>>,
        concurrency: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let remember = self.remembered(workflow);
        let site = site::text(py).to_string();
        let make = |_| {
            let Start {
                target,
                options,
                span,
            } = self.read_start(py, workflow, variables, concurrency)?;
            Ok(async move {
                let rooms = rooms(&core).await?;
                let id = match target {
                    Target::Known(id) => id,
                    Target::New(definition, runners) => {
                        rooms
                            .dag
                            .create_workflow(definition, runners)?
                            .done()
                            .await?
                            .id
                    }
                };
                let run = rooms.dag.execute(id, options)?.done().await?;
                Ok::<_, PitError>((run, span))
            })
        };
        EXECUTE.spawn(py, make, move |py, (started, span)| {
            remember.keep(py, started.status().workflow)?;
            Ok(run::open(py, started, &site, span)?.into_any())
        })
    }

    fn status(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(STATUS.op, "id", id)?;
            Ok(move || core.rooms()?.dag.status(id))
        };
        STATUS.detach(py, read, records::run_status)
    }

    fn status_async<'py>(
        &self,
        py: Python<'py>,
        id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(STATUS.op, "id", id)?;
            Ok(move || core.rooms()?.dag.status(id))
        };
        STATUS.offload(py, read, records::run_status)
    }

    fn results(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(RESULTS.op, "id", id)?;
            Ok(move || core.rooms()?.dag.saved_results(id))
        };
        RESULTS.detach(py, read, saved_to_py)
    }

    fn results_async<'py>(
        &self,
        py: Python<'py>,
        id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(RESULTS.op, "id", id)?;
            Ok(move || core.rooms()?.dag.saved_results(id))
        };
        RESULTS.offload(py, read, saved_to_py)
    }
}

/// What `start` was given, read.
struct Start {
    target: Target,
    options: RunOptions,
    span: RunSpan,
}

enum Target {
    Known(Uuid),
    New(Definition, Vec<Arc<dyn StepRunner>>),
}

/// Where a graph remembers the workflow that was made of it: starting it again needs no new one.
struct Remembered {
    workflows: Option<Py<PyDict>>,
    key: usize,
}

impl Remembered {
    fn keep(&self, py: Python<'_>, workflow: Uuid) -> PyResult<()> {
        match &self.workflows {
            Some(workflows) => workflows
                .bind(py)
                .set_item(self.key, id_to_py(py, workflow)?),
            None => Ok(()),
        }
    }

    fn known<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &self.workflows {
            Some(workflows) => workflows.bind(py).get_item(self.key),
            None => Ok(None),
        }
    }
}

impl Dag {
    fn remembered(&self, workflow: &Bound<'_, PyAny>) -> Remembered {
        let dict = workflow.getattr("_workflows").ok();
        Remembered {
            workflows: dict.and_then(|dict| dict.cast_into::<PyDict>().ok().map(Bound::unbind)),
            key: Arc::as_ptr(&self.core) as usize,
        }
    }

    fn read_start(
        &self,
        py: Python<'_>,
        workflow: &Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
        concurrency: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Start> {
        const OP: Op = symphony_pit::op("dag", "execute");
        let concurrency = concurrency.map_or(Ok(DEFAULT_CONCURRENCY), |value| {
            let number = integer_from(OP, "concurrency", value, CONCURRENCY)?;
            let fitting = usize::try_from(number)
                .ok()
                .filter(|number| (1..=100_000).contains(number));
            fitting.ok_or_else(|| OP.invalid("concurrency", number, CONCURRENCY).raise(py))
        })?;
        let variables = match variables.filter(|value| !value.is_none()) {
            None => PyDict::new(py),
            Some(value) => {
                let mapping = value
                    .cast::<PyMapping>()
                    .map_err(|_| OP.invalid("variables", shown(value), "a mapping").raise(py))?;
                let copy = PyDict::new(py);
                copy.update(mapping)?;
                copy
            }
        };
        let is_graph = workflow.hasattr("_definition")?;
        let known = self.remembered(workflow).known(py)?;
        let (target, name) = match known {
            Some(id) => (
                Target::Known(id_from(OP, "workflow", &id)?),
                graph_name(workflow),
            ),
            None if is_graph => {
                let (definition, runners) = read_graph(workflow)?;
                let name = definition.name.clone();
                (Target::New(definition, runners), name)
            }
            None => (
                Target::Known(id_from(OP, "workflow", workflow)?),
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
        })
    }
}

fn graph_name(graph: &Bound<'_, PyAny>) -> String {
    graph
        .getattr("name")
        .and_then(|name| name.extract())
        .unwrap_or_default()
}

fn saved_to_py(py: Python<'_>, saved: Vec<(String, Option<Vec<u8>>)>) -> PyResult<Py<PyAny>> {
    let results = PyDict::new(py);
    for (name, bytes) in saved {
        if let Some(bytes) = bytes {
            results.set_item(name, values::decode(py, RESULTS.op, &bytes)?)?;
        }
    }
    Ok(results.into_any().unbind())
}
