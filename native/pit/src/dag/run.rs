//! One execution of a workflow: its states, its results, its stream of events. Any thread; the executor writes, everybody
//! else reads.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::restore::KeptStep;
use super::states::{Event, EventKind, RunState, RunStatus, StepState, StepStatus};
use super::{RunOptions, Workflow};
use crate::clock::now_us;
use crate::error::{op, Failure, Kind, Op, PitError, Result};
use crate::value::Opaque;

/// A run of this process.
pub struct Run {
    pub id: Uuid,
    pub(super) workflow: Arc<Workflow>,
    pub(super) variables: Option<Opaque>,
    pub(super) concurrency: usize,
    /// The span that the steps' spans hang under; 0 for none.
    pub(super) parent_span: u64,
    pub(super) caller: Option<Opaque>,
    pub(super) cancel: CancellationToken,
    pub(super) created_us: i64,
    progress: Mutex<Progress>,
    changed: Notify,
}

struct Progress {
    state: RunState,
    started_us: Option<i64>,
    ended_us: Option<i64>,
    error: Option<PitError>,
    steps: Vec<StepProgress>,
    events: Vec<Event>,
    done: usize,
}

#[derive(Clone)]
struct StepProgress {
    state: StepState,
    attempts: u32,
    error: Option<Failure>,
    result: Option<Opaque>,
    started_us: Option<i64>,
    ended_us: Option<i64>,
}

impl Run {
    pub(super) fn new(id: Uuid, workflow: Arc<Workflow>, options: RunOptions) -> Run {
        let step = StepProgress {
            state: StepState::Pending,
            attempts: 0,
            error: None,
            result: None,
            started_us: None,
            ended_us: None,
        };
        let steps = vec![step; workflow.definition.steps.len()];
        let progress = Progress {
            state: RunState::Pending,
            started_us: None,
            ended_us: None,
            error: None,
            steps,
            events: Vec::new(),
            done: 0,
        };
        Run {
            id,
            workflow,
            variables: options.variables,
            concurrency: options.concurrency,
            parent_span: options.parent_span,
            caller: options.caller,
            cancel: CancellationToken::new(),
            created_us: now_us(),
            progress: Mutex::new(progress),
            changed: Notify::new(),
        }
    }

    pub fn state(&self) -> RunState {
        self.progress.lock().state
    }

    pub fn workflow_name(&self) -> &str {
        &self.workflow.definition.name
    }

    /// Asks the run to stop: no new step begins, running ones are cancelled. The run has ended when `ended` resolves.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    pub fn status(&self) -> RunStatus {
        let progress = self.progress.lock();
        let steps = self
            .workflow
            .definition
            .steps
            .iter()
            .zip(&progress.steps)
            .map(|(spec, step)| StepStatus {
                name: spec.name.clone(),
                state: step.state,
                attempts: step.attempts,
                error: step.error.as_ref().map(|failure| failure.message.clone()),
                started_us: step.started_us,
                ended_us: step.ended_us,
            });
        RunStatus {
            id: self.id,
            workflow: self.workflow.id,
            name: self.workflow.definition.name.clone(),
            state: progress.state,
            error: progress
                .error
                .as_ref()
                .map(|error| error.message().to_owned()),
            steps: steps.collect(),
            created_us: self.created_us,
            started_us: progress.started_us,
            ended_us: progress.ended_us,
        }
    }

    /// Resolves when the run has ended, in whatever way, and that is on disk.
    pub async fn ended(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.state().is_final() {
                return;
            }
            changed.await;
        }
    }

    /// The results of the completed steps by name, once the run has completed; else why it has not.
    pub async fn result(&self) -> Result<Vec<(String, Opaque)>> {
        self.ended().await;
        let progress = self.progress.lock();
        if let Some(error) = &progress.error {
            return Err(error.clone());
        }
        let named = self.workflow.definition.steps.iter().zip(&progress.steps);
        Ok(named
            .filter_map(|(spec, step)| Some((spec.name.clone(), step.result.clone()?)))
            .collect())
    }

    /// The event at `seq`; waits for it, None when the run ended before it. Every reader sees every event.
    pub async fn event(&self, seq: usize) -> Option<Event> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let progress = self.progress.lock();
                if let Some(event) = progress.events.get(seq) {
                    return Some(event.clone());
                }
                if progress.state.is_final() {
                    return None;
                }
            }
            changed.await;
        }
    }

    pub(super) fn result_of(&self, step: usize) -> Option<Opaque> {
        self.progress.lock().steps[step].result.clone()
    }

    pub(super) fn started_us(&self, step: usize) -> Option<i64> {
        self.progress.lock().steps[step].started_us
    }

    pub(super) fn step_state(&self, step: usize) -> StepState {
        self.progress.lock().steps[step].state
    }

    /// Takes over what steps have done before, in a run that has not started yet.
    pub(super) fn restore(&mut self, kept: Vec<KeptStep>) {
        let progress = self.progress.get_mut();
        let steps = self.workflow.definition.steps.iter().enumerate();
        let places: HashMap<&str, usize> = steps
            .map(|(place, step)| (step.name.as_str(), place))
            .collect();
        for row in kept {
            let Some(&step) = places.get(row.name.as_str()) else {
                continue;
            };
            progress.steps[step] = StepProgress {
                state: StepState::Completed,
                attempts: row.attempts,
                error: None,
                result: Some(Opaque::kept(row.result)),
                started_us: row.started_us,
                ended_us: row.ended_us,
            };
            progress.done += 1;
        }
    }

    pub(super) fn started(&self) {
        let mut progress = self.progress.lock();
        progress.state = RunState::Running;
        progress.started_us = Some(now_us());
        self.tell(&mut progress, EventKind::RunStarted, None, 0, None);
        for step in 0..progress.steps.len() {
            if progress.steps[step].state == StepState::Completed {
                let attempts = progress.steps[step].attempts;
                let kind = EventKind::StepRestored;
                self.tell(&mut progress, kind, Some(step), attempts, None);
            }
        }
    }

    pub(super) fn step_queued(&self, step: usize) {
        self.progress.lock().steps[step].state = StepState::Queued;
    }

    pub(super) fn step_started(&self, step: usize, attempt: u32, before: Option<&Failure>) {
        let mut progress = self.progress.lock();
        let entry = &mut progress.steps[step];
        entry.state = StepState::Running;
        entry.attempts = attempt;
        entry.started_us.get_or_insert_with(now_us);
        let kind = if attempt == 1 {
            EventKind::StepStarted
        } else {
            EventKind::StepRetrying
        };
        self.tell(
            &mut progress,
            kind,
            Some(step),
            attempt,
            before.map(|failure| failure.message.clone()),
        );
    }

    pub(super) fn step_ended(
        &self,
        step: usize,
        state: StepState,
        result: Option<Opaque>,
        error: Option<Failure>,
    ) {
        let mut progress = self.progress.lock();
        let message = error.as_ref().map(|failure| failure.message.clone());
        let entry = &mut progress.steps[step];
        entry.state = state;
        entry.result = result;
        entry.error = error;
        entry.ended_us = Some(now_us());
        let attempt = entry.attempts;
        progress.done += 1;
        let kind = match state {
            StepState::Completed => EventKind::StepCompleted,
            StepState::Failed => EventKind::StepFailed,
            _ => EventKind::StepSkipped,
        };
        self.tell(&mut progress, kind, Some(step), attempt, message);
    }

    /// The last event; `error` for every end but completion.
    pub(super) fn ended_as(&self, state: RunState, error: Option<PitError>) {
        let mut progress = self.progress.lock();
        progress.state = state;
        progress.ended_us = Some(now_us());
        let message = error.as_ref().map(|error| error.message().to_owned());
        progress.error = error;
        let kind = match state {
            RunState::Completed => EventKind::RunCompleted,
            RunState::Cancelled => EventKind::RunCancelled,
            _ => EventKind::RunFailed,
        };
        self.tell(&mut progress, kind, None, 0, message);
    }

    fn tell(
        &self,
        progress: &mut Progress,
        kind: EventKind,
        step: Option<usize>,
        attempt: u32,
        message: Option<String>,
    ) {
        let event = Event {
            seq: progress.events.len(),
            kind,
            step: step.map(|step| self.workflow.definition.steps[step].name.clone()),
            attempt,
            message,
            done: progress.done,
            total: progress.steps.len(),
            at_us: now_us(),
        };
        progress.events.push(event);
        self.changed.notify_waiters();
    }
}

#[track_caller]
pub(super) fn cancelled(run: Uuid) -> PitError {
    const OP: Op = op("dag", "execute");
    OP.error(Kind::Cancelled, format!("run {run} was cancelled"))
        .detail("run", run.to_string())
}
