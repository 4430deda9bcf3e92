//! The executor: one Tokio task per run starts steps whose upstream steps have ended, in the order of the definition,
//! at most `concurrency` at a time. A finished step is on disk before what depends on it begins.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{params, Connection};
use symphony_abi::panics::{self, Panic};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::graph::{DependencyKind, OnFailure};
use super::run::{cancelled, Run};
use super::states::{RunState, StepState, StepStatus};
use super::StepContext;
use crate::clock::now_us;
use crate::error::{op, Failure, Op, PitError, Result};
use crate::home::{sql_error, Home};
use crate::value::Opaque;

pub(super) const OP: Op = op("dag", "execute");

/// Runs `run`, which counts as started, to its end. Errors are the run's outcome, never this function's.
pub(super) async fn drive(home: Arc<Home>, run: Arc<Run>) {
    let executor = Executor {
        home: home.clone(),
        run: run.clone(),
        stop: CancellationToken::new(),
    };
    // Whoever waits for the run learns of a panic, too.
    let outcome = panics::catching(executor.steps()).await;
    let (state, error) = match outcome.unwrap_or_else(|panic| Err(OP.panicked(&panic))) {
        Ok(()) => (RunState::Completed, None),
        Err(error) if run.cancel.is_cancelled() => (RunState::Cancelled, Some(error)),
        Err(error) => (RunState::Failed, Some(error)),
    };
    // The end is told when it is on disk. When it cannot be written, that is the outcome.
    match save_end(&home, &run, state, error.as_ref()).await {
        Ok(()) => run.ended_as(state, error),
        Err(storage) => run.ended_as(RunState::Failed, Some(error.unwrap_or(storage))),
    }
}

struct Executor {
    home: Arc<Home>,
    run: Arc<Run>,
    /// Cancelled when the steps that run have to end, for whatever reason.
    stop: CancellationToken,
}

type Outcome = std::result::Result<(), Failure>;
/// The steps that run, each a task of its own.
type Tasks = JoinSet<std::result::Result<Outcome, Panic>>;

impl Executor {
    async fn steps(&self) -> Result<()> {
        let run = &self.run;
        let plan = &run.workflow.plan;
        let mut missing: Vec<usize> = plan.upstream.iter().map(Vec::len).collect();
        let mut ready: BTreeSet<usize> = (0..missing.len())
            .filter(|&step| missing[step] == 0)
            .collect();
        // What a restored run has done before.
        for step in 0..missing.len() {
            if run.step_state(step) == StepState::Completed {
                release(&plan.downstream[step], &mut missing, &mut ready);
            }
        }
        let mut running = Tasks::new();
        let mut tasks: HashMap<Id, usize> = HashMap::new();
        loop {
            while running.len() < run.concurrency {
                if run.cancel.is_cancelled() {
                    break;
                }
                let Some(step) = ready.pop_first() else { break };
                if run.step_state(step) == StepState::Completed {
                    continue;
                }
                if self.is_unreachable(step) {
                    run.step_ended(step, StepState::Skipped, None, None);
                    release(&plan.downstream[step], &mut missing, &mut ready);
                    continue;
                }
                run.step_queued(step);
                let work = one_step(self.home.clone(), run.clone(), step, self.stop.clone());
                tasks.insert(running.spawn(panics::catching(work)).id(), step);
            }
            let ended = tokio::select! {
                biased;
                () = run.cancel.cancelled() => {
                    self.stop(running, &tasks).await;
                    return Err(cancelled(run.id));
                }
                ended = running.join_next_with_id() => ended,
            };
            let (id, outcome) = match ended {
                None => return Ok(()),
                Some(Ok((id, outcome))) => (
                    id,
                    outcome.unwrap_or_else(|panic| Err(OP.panicked(&panic).into())),
                ),
                Some(Err(broken)) => (
                    broken.id(),
                    Err(Failure::new(format!("the step ended early: {broken}"))),
                ),
            };
            let Some(step) = tasks.remove(&id) else {
                continue;
            };
            if let Err(failure) = outcome {
                let spec = &run.workflow.definition.steps[step];
                if !matches!(run.step_state(step), StepState::Failed | StepState::Skipped) {
                    run.step_ended(step, StepState::Failed, None, Some(failure.clone()));
                }
                if spec.on_failure == OnFailure::Fail {
                    self.stop(running, &tasks).await;
                    let message = format!("step '{}' failed: {}", spec.name, failure.message);
                    return Err(OP
                        .failed(message, failure)
                        .detail("run", run.id.to_string())
                        .detail("step", spec.name.as_str())
                        .hint("the cause is the step's own error"));
                }
            }
            release(&plan.downstream[step], &mut missing, &mut ready);
        }
    }

    /// A step cannot run when a step it depends hard on has not completed.
    fn is_unreachable(&self, step: usize) -> bool {
        let upstream = &self.run.workflow.plan.upstream[step];
        upstream.iter().any(|&(upper, kind)| {
            kind == DependencyKind::Hard && self.run.step_state(upper) != StepState::Completed
        })
    }

    /// Cancels what is running and waits until it is gone, and has cleaned up.
    async fn stop(&self, mut running: Tasks, tasks: &HashMap<Id, usize>) {
        self.stop.cancel();
        while running.join_next().await.is_some() {}
        for &step in tasks.values() {
            if matches!(
                self.run.step_state(step),
                StepState::Queued | StepState::Running
            ) {
                self.run.step_ended(
                    step,
                    StepState::Failed,
                    None,
                    Some(Failure::new("cancelled")),
                );
            }
        }
    }
}

fn release(downstream: &[usize], missing: &mut [usize], ready: &mut BTreeSet<usize>) {
    for &next in downstream {
        missing[next] -= 1;
        if missing[next] == 0 {
            ready.insert(next);
        }
    }
}

/// One step with its tries; ends when the outcome is on disk.
async fn one_step(home: Arc<Home>, run: Arc<Run>, step: usize, stop: CancellationToken) -> Outcome {
    let spec = &run.workflow.definition.steps[step];
    let mut attempt = 1;
    let mut before: Option<Failure> = None;
    let outcome = loop {
        run.step_started(step, attempt, before.as_ref());
        let context = StepContext {
            run: run.id,
            step: spec.name.clone(),
            configuration: spec.configuration.clone(),
            attempt,
            inputs: inputs(&run, step),
            variables: run.variables.clone(),
            parent_span: run.parent_span,
            caller: run.caller.clone(),
            stop: stop.clone(),
        };
        let runner = &run.workflow.runners[step];
        let running = runner.run(context);
        let outcome = if runner.ends_when_stopped() {
            running.await
        } else {
            tokio::select! {
                biased;
                outcome = running => outcome,
                () = stop.cancelled() => Err(Failure::new("cancelled")),
            }
        };
        match outcome {
            Ok(value) => break Ok(value),
            // What the step itself says of its cancellation is not why it failed.
            Err(_) if stop.is_cancelled() => return Err(Failure::new("cancelled")),
            Err(failure) if attempt > spec.retries => break Err(failure),
            Err(failure) => before = Some(failure),
        }
        attempt += 1;
    };
    let (state, result, error) = match outcome {
        Ok(value) => (StepState::Completed, Some(value), None),
        Err(failure) if spec.on_failure == OnFailure::Skip => {
            (StepState::Skipped, None, Some(failure))
        }
        Err(failure) => (StepState::Failed, None, Some(failure)),
    };
    let row = StepStatus {
        name: spec.name.clone(),
        state,
        attempts: attempt,
        error: error.as_ref().map(|failure| failure.message.clone()),
        started_us: run.started_us(step),
        ended_us: None,
    };
    save_step(&home, run.id, row, result.as_ref()).await?;
    run.step_ended(step, state, result, error.clone());
    error.map_or(Ok(()), Err)
}

fn inputs(run: &Run, step: usize) -> Vec<(String, Opaque)> {
    let upstream = run.workflow.plan.upstream[step].iter();
    upstream
        .filter_map(|&(upper, _)| {
            Some((
                run.workflow.definition.steps[upper].name.clone(),
                run.result_of(upper)?,
            ))
        })
        .collect()
}

/// The step ends when its row is written.
async fn save_step(
    home: &Home,
    run: Uuid,
    mut row: StepStatus,
    result: Option<&Opaque>,
) -> Result<()> {
    let bytes = result.and_then(|value| value.bytes().cloned());
    home.write(OP, move |connection| {
        row.ended_us = Some(now_us());
        put_step(connection, run, &row, bytes.as_deref())
    })
    .done()
    .await
}

/// The run's end, and the steps that never had a row of their own.
async fn save_end(home: &Home, run: &Run, state: RunState, error: Option<&PitError>) -> Result<()> {
    let id = run.id;
    let message = error.map(|error| error.message().to_owned());
    let rest: Vec<_> = run
        .status()
        .steps
        .into_iter()
        .filter(|step| step.state != StepState::Completed)
        .collect();
    home.write(OP, move |connection| {
        for step in &rest {
            put_step(connection, id, step, None)?;
        }
        connection
            .prepare_cached("UPDATE run SET state = ?2, error = ?3, ended_us = ?4 WHERE id = ?1")
            .and_then(|mut statement| {
                statement.execute(params![id, state.name(), message, now_us()])
            })
            .map(drop)
            .map_err(|error| sql_error(OP, error))
    })
    .done()
    .await
}

fn put_step(
    connection: &Connection,
    run: Uuid,
    row: &StepStatus,
    result: Option<&[u8]>,
) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO step (run, name, state, attempts, error, result, started_us, ended_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
        .and_then(|mut statement| statement.execute(params![run, row.name, row.state.name(), row.attempts, row.error, result, row.started_us, row.ended_us]))
        .map(drop)
        .map_err(|error| sql_error(OP, error))
}
