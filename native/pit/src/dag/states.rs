//! The states of runs and steps, their names, and what is told of them.

use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    Pending,
    Queued,
    Running,
    Completed,
    Failed,
    Skipped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    RunStarted,
    /// It completed before the run was restored, and does not run again.
    StepRestored,
    StepStarted,
    StepRetrying,
    StepCompleted,
    StepFailed,
    StepSkipped,
    RunCompleted,
    RunFailed,
    RunCancelled,
}

/// One thing that happened in a run.
#[derive(Debug, Clone)]
pub struct Event {
    /// Position in the stream, from 0.
    pub seq: usize,
    pub kind: EventKind,
    pub step: Option<String>,
    /// Which try of the step, from 1; 0 for events of the run.
    pub attempt: u32,
    pub message: Option<String>,
    /// Steps that have ended, and steps in all.
    pub done: usize,
    pub total: usize,
    /// Microseconds since 1970.
    pub at_us: i64,
}

#[derive(Debug, Clone)]
pub struct StepStatus {
    pub name: String,
    pub state: StepState,
    pub attempts: u32,
    pub error: Option<String>,
    pub started_us: Option<i64>,
    pub ended_us: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct RunStatus {
    pub id: Uuid,
    pub workflow: Uuid,
    pub name: String,
    pub state: RunState,
    pub error: Option<String>,
    pub steps: Vec<StepStatus>,
    pub created_us: i64,
    pub started_us: Option<i64>,
    pub ended_us: Option<i64>,
}

impl RunState {
    pub fn is_final(self) -> bool {
        matches!(
            self,
            RunState::Completed | RunState::Failed | RunState::Cancelled
        )
    }
    pub fn name(self) -> &'static str {
        match self {
            RunState::Pending => "pending",
            RunState::Running => "running",
            RunState::Completed => "completed",
            RunState::Failed => "failed",
            RunState::Cancelled => "cancelled",
        }
    }
    pub(super) fn read(text: &str) -> RunState {
        match text {
            "pending" => RunState::Pending,
            "running" => RunState::Running,
            "completed" => RunState::Completed,
            "cancelled" => RunState::Cancelled,
            _ => RunState::Failed,
        }
    }
}

impl StepState {
    pub fn name(self) -> &'static str {
        match self {
            StepState::Pending => "pending",
            StepState::Queued => "queued",
            StepState::Running => "running",
            StepState::Completed => "completed",
            StepState::Failed => "failed",
            StepState::Skipped => "skipped",
        }
    }
    pub(super) fn read(text: &str) -> StepState {
        match text {
            "queued" => StepState::Queued,
            "running" => StepState::Running,
            "completed" => StepState::Completed,
            "failed" => StepState::Failed,
            "skipped" => StepState::Skipped,
            _ => StepState::Pending,
        }
    }
}

impl EventKind {
    pub fn name(self) -> &'static str {
        match self {
            EventKind::RunStarted => "run-started",
            EventKind::StepRestored => "step-restored",
            EventKind::StepStarted => "step-started",
            EventKind::StepRetrying => "step-retrying",
            EventKind::StepCompleted => "step-completed",
            EventKind::StepFailed => "step-failed",
            EventKind::StepSkipped => "step-skipped",
            EventKind::RunCompleted => "run-completed",
            EventKind::RunFailed => "run-failed",
            EventKind::RunCancelled => "run-cancelled",
        }
    }
}
