//! Restoring a run that did not complete, also one of a process that is gone: what its steps have kept is not done again.
//! Must not know how values are read: they come back as bytes.

use std::sync::Arc;

use rusqlite::{params, Connection, OptionalExtension};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{check_concurrency, Dag, Definition, Run, RunOptions, Starting, StepRunner, Workflow};
use crate::error::{op, Kind, Op, PitError, Result};
use crate::home::{sql_error, Pending};
use crate::process;
use crate::value::Opaque;

const OP: Op = op("dag", "restore");

/// A run that is being claimed by this process.
pub struct Restoring {
    definition: Definition,
    runners: Vec<Arc<dyn StepRunner>>,
    options: RunOptions,
    claimed: Pending<Claimed>,
}

/// What is on disk of a run.
struct Claimed {
    run: Uuid,
    workflow: Uuid,
    variables: Option<Vec<u8>>,
    created_us: i64,
    steps: Vec<KeptStep>,
}

/// A step that has completed, with its result.
pub(super) struct KeptStep {
    pub name: String,
    pub attempts: u32,
    pub result: Vec<u8>,
    pub started_us: Option<i64>,
    pub ended_us: Option<i64>,
}

impl Dag {
    /// Goes on with a run that failed, was cancelled or was interrupted, under its own id. Steps that completed and whose
    /// results are kept do not run again; the run's variables are its own, those of `options` are not looked at.
    /// `definition` must be the one that the run was started with.
    pub fn restore(
        &self,
        run: Uuid,
        definition: Definition,
        runners: Vec<Arc<dyn StepRunner>>,
        options: RunOptions,
    ) -> Result<Restoring> {
        check_concurrency(OP, options.concurrency)?;
        let here = self.run(run).is_some_and(|run| !run.state().is_final());
        let form = definition.to_json();
        let claimed = self
            .home
            .write(OP, move |connection| claim(connection, run, &form, here));
        Ok(Restoring {
            definition,
            runners,
            options,
            claimed,
        })
    }

    /// Second half of a restore, on a thread that may block; the run goes when the result is told to.
    pub fn restored(&self, restoring: Restoring) -> Result<Starting> {
        let Restoring {
            definition,
            runners,
            options,
            claimed,
        } = restoring;
        self.resume(definition, runners, options, claimed.wait()?)
    }

    /// As `restored`, awaitable.
    pub async fn restored_async(&self, restoring: Restoring) -> Result<Starting> {
        let Restoring {
            definition,
            runners,
            options,
            mut claimed,
        } = restoring;
        let claimed = claimed.done().await?;
        self.resume(definition, runners, options, claimed)
    }

    fn resume(
        &self,
        definition: Definition,
        runners: Vec<Arc<dyn StepRunner>>,
        options: RunOptions,
        claimed: Claimed,
    ) -> Result<Starting> {
        let workflow = Arc::new(Workflow::new(OP, claimed.workflow, definition, runners)?);
        self.workflows.lock().know(&workflow);
        let options = RunOptions {
            variables: claimed.variables.map(Opaque::kept),
            ..options
        };
        let mut run = Run::new(claimed.run, workflow, options);
        run.created_us = claimed.created_us;
        run.restore(claimed.steps);
        let run = Arc::new(run);
        if !self.know_run(&run) {
            // Another restore of it was faster; the claim of this one has changed nothing.
            return Err(refusal(run.id, "still runs"));
        }
        Ok(Starting {
            run,
            // Claiming it has written its row.
            saved: None,
            launched: false,
            home: self.home.clone(),
            runtime: self.runtime.clone(),
        })
    }
}

#[track_caller]
fn refusal(run: Uuid, why: &str) -> PitError {
    OP.error(Kind::Conflict, format!("run {run} {why}"))
        .detail("run", run.to_string())
        .hint("only a run that failed, was cancelled or was interrupted can be restored")
}

/// Makes this process the owner of the run, unless it runs or has completed.
fn claim(connection: &Connection, run: Uuid, form: &Json, here: bool) -> Result<Claimed> {
    let fault = |error| sql_error(OP, error);
    let found = connection
        .prepare_cached(
            "SELECT r.workflow, r.state, r.variables, r.created_us, r.owner_pid, r.owner_started, w.definition
             FROM run r JOIN workflow w ON w.id = r.workflow WHERE r.id = ?1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([run], |row| {
                    let claimed = Claimed {
                        run,
                        workflow: row.get(0)?,
                        variables: row.get(2)?,
                        created_us: row.get(3)?,
                        steps: Vec::new(),
                    };
                    let (state, owner): (String, (i32, i64)) = (row.get(1)?, (row.get(4)?, row.get(5)?));
                    Ok((claimed, state, owner, row.get::<_, String>(6)?))
                })
                .optional()
        })
        .map_err(fault)?;
    let Some((mut claimed, state, owner, definition)) = found else {
        return Err(OP
            .not_found("run", run)
            .hint("execute a workflow, and restore with the id of that run"));
    };
    let elsewhere = owner != process::this() && process::is_same(owner.0, owner.1);
    let why = match state.as_str() {
        "completed" => Some("has completed"),
        _ if here => Some("still runs"),
        "running" if elsewhere => Some("still runs, in another process"),
        _ => None,
    };
    if let Some(why) = why {
        return Err(refusal(run, why));
    }
    if serde_json::from_str::<Json>(&definition).ok().as_ref() != Some(form) {
        return Err(OP
            .error(
                Kind::Conflict,
                format!("run {run} was started with another definition"),
            )
            .detail("run", run.to_string())
            .hint("restore with the same graph: name, version, steps and dependencies"));
    }
    let (owner, owner_started) = process::this();
    connection
        .execute(
            "UPDATE run SET state = 'running', error = NULL, ended_us = NULL, owner_pid = ?2, owner_started = ?3 WHERE id = ?1",
            params![run, owner, owner_started],
        )
        .map_err(fault)?;
    claimed.steps = connection
        .prepare_cached(
            "SELECT name, attempts, result, started_us, ended_us FROM step
             WHERE run = ?1 AND state = 'completed' AND result IS NOT NULL",
        )
        .and_then(|mut statement| {
            statement
                .query_map([run], |row| {
                    Ok(KeptStep {
                        name: row.get(0)?,
                        attempts: row.get(1)?,
                        result: row.get(2)?,
                        started_us: row.get(3)?,
                        ended_us: row.get(4)?,
                    })
                })?
                .collect()
        })
        .map_err(fault)?;
    Ok(claimed)
}
