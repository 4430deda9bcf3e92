//! DAG tracker: defines workflows, runs them, remembers what was done. Definitions and finished steps are durable;
//! callables live in the process that defined them. Must not know what a step does: it calls a `StepRunner`.

mod execute;
mod graph;
mod restore;
mod run;
mod saved;
mod states;
mod workflows;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rusqlite::params;
use serde_json::{Map, Value as Json};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use graph::{
    Definition, Dependency, DependencyKind, OnFailure, Plan, Problem, StepSpec, CALLABLE,
};
pub use restore::Restoring;
pub use run::Run;
pub use states::{Event, EventKind, RunState, RunStatus, StepState, StepStatus};
pub use workflows::KEPT;

use crate::clock::now_us;
use crate::error::{op, Failure, Kind, Op, PitError, Result};
use crate::home::{sql_error, Home, Pending};
use crate::ids;
use crate::process;
use crate::value::Opaque;
use workflows::Workflows;

/// Steps of one run that run at the same time when nothing else is said.
pub const DEFAULT_CONCURRENCY: usize = 32;

pub type Running = Pin<Box<dyn Future<Output = std::result::Result<Opaque, Failure>> + Send>>;

/// Does the work of a step. Dropping the future cancels it.
pub trait StepRunner: Send + Sync {
    fn run(&self, context: StepContext) -> Running;

    /// Whether the future ends by itself once `StepContext::stop` is cancelled, when it has cleaned up. Others
    /// are dropped then.
    fn ends_when_stopped(&self) -> bool {
        false
    }
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
    /// What the starter of the run has given along for those who run its steps.
    pub caller: Option<Opaque>,
    /// Cancelled when the step has to end before its time.
    pub stop: CancellationToken,
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
    /// See [`StepContext::caller`].
    pub caller: Option<Opaque>,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            variables: None,
            concurrency: DEFAULT_CONCURRENCY,
            parent_span: 0,
            caller: None,
        }
    }
}

pub struct Dag {
    home: Arc<Home>,
    runtime: Handle,
    workflows: Mutex<Workflows>,
    runs: Mutex<HashMap<Uuid, Weak<Run>>>,
}

/// A run whose row is being written; it starts when that is done.
pub struct Starting {
    run: Arc<Run>,
    /// None when it is on disk already.
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

    /// Checks a definition; all its errors come together. `runners` are the steps' callables, in their order. The
    /// workflow can be executed by its id while it is among the [`KEPT`] that were executed or made last.
    pub fn create_workflow(
        &self,
        definition: Definition,
        runners: Vec<Arc<dyn StepRunner>>,
    ) -> Result<Pending<Arc<Workflow>>> {
        let (workflow, saved) = self.make(definition, runners)?;
        let let_go = self.workflows.lock().keep(workflow);
        // After the lock: with a workflow go callables, whose finalisers may come back to us.
        drop(let_go);
        Ok(saved)
    }

    /// As `create_workflow`, for a caller that holds the workflow itself: it can be executed as long as that.
    pub fn define(
        &self,
        definition: Definition,
        runners: Vec<Arc<dyn StepRunner>>,
    ) -> Result<Pending<Arc<Workflow>>> {
        let (workflow, saved) = self.make(definition, runners)?;
        self.workflows.lock().know(&workflow);
        Ok(saved)
    }

    /// Begins a run of the workflow with that id; each call is a run of its own.
    pub fn execute(&self, workflow: Uuid, options: RunOptions) -> Result<Starting> {
        let found = self.workflows.lock().find(workflow);
        match found {
            Some(workflow) => self.start(workflow, options),
            None => Err(self.not_here(execute::OP, workflow)),
        }
    }

    /// Begins a run of the workflow; each call is a run of its own.
    pub fn start(&self, workflow: Arc<Workflow>, options: RunOptions) -> Result<Starting> {
        const OP: Op = execute::OP;
        check_concurrency(OP, options.concurrency)?;
        let bytes = options
            .variables
            .as_ref()
            .and_then(|variables| variables.bytes().cloned());
        let run = Arc::new(Run::new(ids::fresh(), workflow, options));
        self.know_run(&run);
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

    fn make(
        &self,
        definition: Definition,
        runners: Vec<Arc<dyn StepRunner>>,
    ) -> Result<(Arc<Workflow>, Pending<Arc<Workflow>>)> {
        const OP: Op = op("dag", "create_workflow");
        let workflow = Arc::new(Workflow::new(OP, ids::fresh(), definition, runners)?);
        let written = workflow.clone();
        let saved = self.home.write(OP, move |connection| {
            let definition = &written.definition;
            connection
                .prepare_cached("INSERT INTO workflow (id, name, version, definition, created_us) VALUES (?1, ?2, ?3, ?4, ?5)")
                .and_then(|mut statement| statement.execute(params![written.id, definition.name, definition.version, definition.to_json().to_string(), now_us()]))
                .map_err(|error| sql_error(OP, error))?;
            Ok(written)
        });
        Ok((workflow, saved))
    }

    /// Makes the run known by its id; false when one of that id is under way here.
    fn know_run(&self, run: &Arc<Run>) -> bool {
        let mut runs = self.runs.lock();
        runs.retain(|_, known| known.strong_count() > 0);
        let before = runs.get(&run.id).and_then(Weak::upgrade);
        let free = before.as_ref().is_none_or(|run| run.state().is_final());
        if free {
            runs.insert(run.id, Arc::downgrade(run));
        }
        drop(runs);
        // After the lock: with its last owner go values of another language.
        drop(before);
        free
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
                .error(
                    Kind::Conflict,
                    format!("the callables of workflow {workflow} are not here: another process defined it, or this one has let go of them"),
                )
                .hint("define it in this process, then execute that"),
            Ok(false) => op.not_found("workflow", workflow).hint("define it first with create_workflow"),
            Err(error) => error,
        }
    }
}

impl Workflow {
    fn new(
        op: Op,
        id: Uuid,
        definition: Definition,
        runners: Vec<Arc<dyn StepRunner>>,
    ) -> Result<Workflow> {
        let plan = graph::validate(op, &definition)?;
        if runners.len() != definition.steps.len() {
            return Err(op.error(Kind::Internal, "every step needs its callable"));
        }
        Ok(Workflow {
            id,
            definition,
            plan,
            runners,
        })
    }
}

fn check_concurrency(op: Op, concurrency: usize) -> Result<()> {
    if concurrency == 0 {
        return Err(op.invalid("concurrency", 0, "1 or more"));
    }
    Ok(())
}

impl Starting {
    /// Blocks until the run is on disk, then lets it go. Not on a Tokio worker.
    pub fn wait(mut self) -> Result<Arc<Run>> {
        if let Some(saved) = self.saved.take() {
            saved.wait()?;
        }
        Ok(self.launch())
    }

    /// As `wait`, awaitable. Dropped before its end, the run counts as cancelled.
    pub async fn done(mut self) -> Result<Arc<Run>> {
        if let Some(saved) = &mut self.saved {
            saved.done().await?;
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
