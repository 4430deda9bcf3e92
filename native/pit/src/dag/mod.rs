//! DAG tracker: defines workflows, runs them, remembers what was done. Definitions and finished steps are durable;
//! callables live in the process that defined them. Must not know what a step does: it calls a `StepRunner`.

mod execute;
mod graph;
mod run;
mod saved;
mod states;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rusqlite::params;
use serde_json::{Map, Value as Json};
use tokio::runtime::Handle;
use uuid::Uuid;

pub use graph::{
    Definition, Dependency, DependencyKind, OnFailure, Plan, Problem, StepSpec, CALLABLE,
};
pub use run::Run;
pub use states::{Event, EventKind, RunState, RunStatus, StepState, StepStatus};

use crate::clock::now_us;
use crate::error::{op, Failure, Kind, Op, PitError, Result};
use crate::home::{sql_error, Home, Pending};
use crate::ids;
use crate::process;
use crate::value::Opaque;

/// Steps of one run that run at the same time when nothing else is said.
pub const DEFAULT_CONCURRENCY: usize = 32;

pub type Running = Pin<Box<dyn Future<Output = std::result::Result<Opaque, Failure>> + Send>>;

/// Does the work of a step. Dropping the future cancels it.
pub trait StepRunner: Send + Sync {
    fn run(&self, context: StepContext) -> Running;
}

/// What a step is told.
#[derive(Clone)]
pub struct StepContext {
    pub run: Uuid,
    pub step: String,
    pub configuration: Map<String, Json>,
    /// From 1.
    pub attempt: u32,
    /// Results of the upstream steps that completed, by name.
    pub inputs: Vec<(String, Opaque)>,
    pub variables: Option<Opaque>,
    pub parent_span: u64,
}

/// A valid definition with its callables.
pub struct Workflow {
    pub id: Uuid,
    pub definition: Definition,
    pub plan: Plan,
    runners: Vec<Arc<dyn StepRunner>>,
}

/// How a run is started.
#[derive(Clone)]
pub struct RunOptions {
    pub variables: Option<Opaque>,
    pub concurrency: usize,
    pub parent_span: u64,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            variables: None,
            concurrency: DEFAULT_CONCURRENCY,
            parent_span: 0,
        }
    }
}

pub struct Dag {
    home: Arc<Home>,
    runtime: Handle,
    workflows: Mutex<HashMap<Uuid, Arc<Workflow>>>,
    runs: Mutex<HashMap<Uuid, Weak<Run>>>,
}

/// A run whose row is being written; it starts when that is done.
pub struct Starting {
    run: Arc<Run>,
    saved: Option<Pending<()>>,
    launched: bool,
    home: Arc<Home>,
    runtime: Handle,
}

impl Dag {
    pub fn new(home: Arc<Home>, runtime: Handle) -> Dag {
        Dag {
            home,
            runtime,
            workflows: Mutex::default(),
            runs: Mutex::default(),
        }
    }

    /// Checks a definition; all its errors come together. `runners` are the steps' callables, in their order.
    pub fn create_workflow(
        &self,
        definition: Definition,
        runners: Vec<Arc<dyn StepRunner>>,
    ) -> Result<Pending<Arc<Workflow>>> {
        const OP: Op = op("dag", "create_workflow");
        let plan = graph::validate(OP, &definition)?;
        if runners.len() != definition.steps.len() {
            return Err(OP.error(Kind::Internal, "every step needs its callable"));
        }
        let workflow = Arc::new(Workflow {
            id: ids::fresh(),
            definition,
            plan,
            runners,
        });
        self.workflows.lock().insert(workflow.id, workflow.clone());
        Ok(self.home.write(OP, move |connection| {
            let definition = &workflow.definition;
            connection
                .prepare_cached("INSERT INTO workflow (id, name, version, definition, created_us) VALUES (?1, ?2, ?3, ?4, ?5)")
                .and_then(|mut statement| statement.execute(params![workflow.id, definition.name, definition.version, definition.to_json().to_string(), now_us()]))
                .map_err(|error| sql_error(OP, error))?;
            Ok(workflow)
        }))
    }

    /// Begins a run of the workflow; each call is a run of its own.
    pub fn execute(&self, workflow: Uuid, options: RunOptions) -> Result<Starting> {
        const OP: Op = execute::OP;
        if options.concurrency == 0 {
            return Err(OP.invalid("concurrency", 0, "1 or more"));
        }
        let found = self.workflows.lock().get(&workflow).cloned();
        let workflow = match found {
            Some(workflow) => workflow,
            None => return Err(self.not_here(OP, workflow)),
        };
        let bytes = options
            .variables
            .as_ref()
            .and_then(|variables| variables.bytes().cloned());
        let run = Arc::new(Run::new(
            ids::fresh(),
            workflow,
            options.variables,
            options.concurrency,
            options.parent_span,
        ));
        let mut runs = self.runs.lock();
        runs.retain(|_, known| known.strong_count() > 0);
        runs.insert(run.id, Arc::downgrade(&run));
        drop(runs);
        let (id, workflow_id, created) = (run.id, run.workflow.id, run.created_us);
        let saved = self.home.write(OP, move |connection| {
            let (owner, owner_started) = process::this();
            connection
                .prepare_cached(
                    "INSERT INTO run (id, workflow, state, variables, owner_pid, owner_started, created_us, started_us)
                     VALUES (?1, ?2, 'running', ?3, ?4, ?5, ?6, ?6)",
                )
                .and_then(|mut statement| statement.execute(params![id, workflow_id, bytes.as_deref(), owner, owner_started, created]))
                .map(drop)
                .map_err(|error| sql_error(OP, error))
        });
        Ok(Starting {
            run,
            saved: Some(saved),
            launched: false,
            home: self.home.clone(),
            runtime: self.runtime.clone(),
        })
    }

    /// The state of a run, of this or another process; a workflow's id gives its latest run.
    pub fn status(&self, id: Uuid) -> Result<RunStatus> {
        const OP: Op = op("dag", "status");
        if let Some(run) = self.run(id) {
            return Ok(run.status());
        }
        saved::status(OP, &self.home, id)
    }

    /// The run, while this process still has it.
    pub fn run(&self, id: Uuid) -> Option<Arc<Run>> {
        self.runs.lock().get(&id).and_then(Weak::upgrade)
    }

    /// The kept results of a run's completed steps, from disk: what could not be encoded is None.
    pub fn saved_results(&self, id: Uuid) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        saved::results(op("dag", "results"), &self.home, id)
    }

    #[track_caller]
    fn not_here(&self, op: Op, workflow: Uuid) -> PitError {
        let known = self.home.read(op, |connection| {
            connection
                .query_row(
                    "SELECT EXISTS (SELECT 1 FROM workflow WHERE id = ?1)",
                    [workflow],
                    |row| row.get(0),
                )
                .map_err(|error| sql_error(op, error))
        });
        match known {
            Ok(true) => op
                .error(Kind::Conflict, format!("workflow {workflow} was defined by another process, which has its callables"))
                .hint("define it in this process, then execute that"),
            Ok(false) => op.not_found("workflow", workflow).hint("define it first with create_workflow"),
            Err(error) => error,
        }
    }
}

impl Starting {
    /// Blocks until the run is on disk, then lets it go. Not on a Tokio worker.
    pub fn wait(mut self) -> Result<Arc<Run>> {
        match self.saved.take() {
            Some(saved) => saved.wait()?,
            None => return Err(execute::OP.error(Kind::Internal, "a run that was started before")),
        }
        Ok(self.launch())
    }

    /// As `wait`, awaitable. Dropped before its end, the run counts as cancelled.
    pub async fn done(mut self) -> Result<Arc<Run>> {
        match &mut self.saved {
            Some(saved) => saved.done().await?,
            None => return Err(execute::OP.error(Kind::Internal, "a run that was started before")),
        }
        Ok(self.launch())
    }

    fn launch(&mut self) -> Arc<Run> {
        self.launched = true;
        self.run.started();
        self.runtime
            .spawn(execute::drive(self.home.clone(), self.run.clone()));
        self.run.clone()
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if self.launched {
            return;
        }
        // Its row may be on disk already; nobody will ever drive it to its end.
        let id = self.run.id;
        self.home.write_lazily(move |connection| {
            connection
                .execute(
                    "UPDATE run SET state = 'cancelled', ended_us = ?2 WHERE id = ?1",
                    params![id, now_us()],
                )
                .map(drop)
                .map_err(|error| sql_error(execute::OP, error))
        });
    }
}

impl std::fmt::Debug for Starting {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Starting").field(&self.run.id).finish()
    }
}
