//! `pit.dag`: workflows whose steps are Python callables.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use symphony_pit::dag::{RunStatus, Workflow};

use super::convert::{id_from, id_to_py};
use super::graph::read_graph;
use super::home::{rooms, Core};
use super::operation::{operation, Awaitable, Operation, Work};
use super::run::{self, Run};
use super::start::{Restore, Start};
use super::{records, values};
use crate::site;

static CREATE: Operation = operation!("dag", "create_workflow");
static EXECUTE: Operation = operation!("dag", "execute");
static RESTORE: Operation = operation!("dag", "restore");
static STATUS: Operation = operation!("dag", "status");
static RESULTS: Operation = operation!("dag", "results");

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
                created.wait()
            })
        };
        CREATE.detach(py, read, made_to_py)
    }

    fn create_workflow_async<'py>(
        &self,
        py: Python<'py>,
        graph: &Bound<'_, PyAny>,
    ) -> Awaitable<'py> {
        let core = self.core.clone();
        let make = |_| {
            let (definition, runners) = read_graph(graph)?;
            Ok(async move {
                let rooms = rooms(&core).await?;
                let mut created = rooms.dag.create_workflow(definition, runners)?;
                created.done().await
            })
        };
        CREATE.spawn(py, make, made_to_py)
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
        let site = site::text(py);
        let read = || {
            let start = Start::read(EXECUTE.op, &core, workflow, variables, concurrency)?;
            Ok(move || start.begin(&*core.rooms()?))
        };
        EXECUTE.detach(py, read, |py, started| started.open(py, &site))
    }

    #[pyo3(signature = (workflow, variables = None, *, concurrency = None))]
    fn start_async<'py>(
        &self,
        py: Python<'py>,
        workflow: &Bound<'_, PyAny>,
        variables: Option<&Bound<'_, PyAny>>,
        concurrency: Option<&Bound<'_, PyAny>>,
    ) -> Awaitable<'py> {
        let core = self.core.clone();
        let site = site::text(py).to_string();
        let make = |_| {
            let start = Start::read(EXECUTE.op, &core, workflow, variables, concurrency)?;
            Ok(async move { start.begin_async(&*rooms(&core).await?).await })
        };
        EXECUTE.spawn(py, make, move |py, started| {
            Ok(started.open(py, &site)?.into_any())
        })
    }

    #[pyo3(signature = (run, graph, *, concurrency = None))]
    fn restore(
        &self,
        py: Python<'_>,
        run: &Bound<'_, PyAny>,
        graph: &Bound<'_, PyAny>,
        concurrency: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Run>> {
        let core = self.core.clone();
        let site = site::text(py);
        let read = || {
            let restore = Restore::read(RESTORE.op, run, graph, concurrency)?;
            Ok(move || restore.begin(&*core.rooms()?))
        };
        RESTORE.detach(py, read, |py, started| started.open(py, &site))
    }

    #[pyo3(signature = (run, graph, *, concurrency = None))]
    fn restore_async<'py>(
        &self,
        py: Python<'py>,
        run: &Bound<'_, PyAny>,
        graph: &Bound<'_, PyAny>,
        concurrency: Option<&Bound<'_, PyAny>>,
    ) -> Awaitable<'py> {
        let core = self.core.clone();
        let site = site::text(py).to_string();
        let make = |_| {
            let restore = Restore::read(RESTORE.op, run, graph, concurrency)?;
            Ok(async move { restore.begin_async(&*rooms(&core).await?).await })
        };
        RESTORE.spawn(py, make, move |py, started| {
            Ok(started.open(py, &site)?.into_any())
        })
    }

    fn status(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        STATUS.detach(py, || self.state(id), records::run_status)
    }

    fn status_async<'py>(&self, py: Python<'py>, id: &Bound<'_, PyAny>) -> Awaitable<'py> {
        STATUS.offload(py, || self.state(id), records::run_status)
    }

    fn results(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        RESULTS.detach(py, || self.saved(id), saved_to_py)
    }

    fn results_async<'py>(&self, py: Python<'py>, id: &Bound<'_, PyAny>) -> Awaitable<'py> {
        RESULTS.offload(py, || self.saved(id), saved_to_py)
    }
}

impl Dag {
    fn state(&self, id: &Bound<'_, PyAny>) -> PyResult<impl Work<RunStatus>> {
        let core = self.core.clone();
        let id = id_from(STATUS.op, "id", id)?;
        Ok(move || core.rooms()?.dag.status(id))
    }

    fn saved(&self, id: &Bound<'_, PyAny>) -> PyResult<impl Work<Saved>> {
        let core = self.core.clone();
        let id = id_from(RESULTS.op, "id", id)?;
        Ok(move || core.rooms()?.dag.saved_results(id))
    }
}

fn made_to_py(py: Python<'_>, workflow: Arc<Workflow>) -> PyResult<Py<PyAny>> {
    run::warn(py, &workflow)?;
    id_to_py(py, workflow.id)
}

/// The results of the steps by name, in their kept form where they have one.
type Saved = Vec<(String, Option<Vec<u8>>)>;

fn saved_to_py(py: Python<'_>, saved: Saved) -> PyResult<Py<PyAny>> {
    let results = PyDict::new(py);
    for (name, bytes) in saved {
        if let Some(bytes) = bytes {
            results.set_item(name, values::decode(py, RESULTS.op, &bytes)?)?;
        }
    }
    Ok(results.into_any().unbind())
}
