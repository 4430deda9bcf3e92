//! One model: its spec, its state, and the rules of the state machine.
//! Cold → Warming → Hot → Cooling → Cold; Warming, Hot and Cooling → Failed → Cold; nothing else.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{ModelLoader, State};
use crate::clock::now_us;
use crate::error::{op, Kind, Op, Result};
use crate::value::Opaque;

/// How many transitions a model remembers.
const HISTORY: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelType {
    Language,
    Vision,
    Audio,
    Multimodal,
    Custom,
}

/// What a model needs. Sizes in MB.
#[derive(Debug, Clone)]
pub struct ModelSpec {
    pub name: String,
    pub version: String,
    pub model_type: ModelType,
    pub memory_mb: u64,
    pub cpu_cores: f64,
    pub configuration: Map<String, Json>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelState {
    Cold,
    Warming,
    Hot,
    Cooling,
    Failed,
}

/// Why a model changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Somebody asked for it.
    User,
    /// Its memory was needed.
    Pressure,
    /// A failed model is tried again.
    Recovery,
    /// Its loader failed.
    Health,
}

#[derive(Debug, Clone, Copy)]
pub struct Transition {
    pub from: ModelState,
    pub to: ModelState,
    pub reason: Reason,
    /// Microseconds since 1970.
    pub at_us: i64,
}

#[derive(Debug, Clone)]
pub struct ModelStatus {
    pub id: Uuid,
    pub name: String,
    pub version: String,
    pub state: ModelState,
    /// The port's word for the state.
    pub status: &'static str,
    pub leases: u32,
    pub memory_mb: u64,
    pub loads: u64,
    pub invocations: u64,
    pub failures: u64,
    /// Mean time of an invocation, seconds.
    pub mean_seconds: f64,
    /// Why the model failed last.
    pub error: Option<String>,
    pub history: Vec<Transition>,
}

/// A registered model. What changes lives in `Life`, in the pool's locked state, at `slot`.
pub(super) struct Model {
    pub id: Uuid,
    pub slot: usize,
    pub spec: ModelSpec,
    pub loader: Arc<dyn ModelLoader>,
    pub invocations: AtomicU64,
    pub failures: AtomicU64,
    pub busy_ns: AtomicU64,
}

pub(super) struct Life {
    /// The model it belongs to. A slot goes to another model when its own is gone, so whoever comes back to a model
    /// after letting go of the lock, with neither a lease nor a place in the queue, looks at this first.
    pub owner: Uuid,
    /// The model is unregistered; who still waits for it is told so.
    pub retired: bool,
    pub state: ModelState,
    pub leases: u32,
    /// Allocations that wait for this model: what was just loaded for one of them is not evicted for another.
    pub wanted: u32,
    pub used_at: u64,
    pub loaded: Option<Opaque>,
    pub loads: u64,
    pub error: Option<crate::error::Failure>,
    pub history: VecDeque<Transition>,
    /// Microseconds since 1970.
    pub registered_us: i64,
    pub mark: Option<Mark>,
}

/// The model is stale: a candidate of the next cleanup.
#[derive(Clone)]
pub(super) struct Mark {
    pub reason: String,
    pub marked_us: i64,
}

impl Life {
    pub fn new(owner: Uuid) -> Life {
        Life {
            owner,
            retired: false,
            state: ModelState::Cold,
            leases: 0,
            wanted: 0,
            used_at: 0,
            loaded: None,
            loads: 0,
            error: None,
            history: VecDeque::new(),
            registered_us: now_us(),
            mark: None,
        }
    }

    /// Makes one step of the state machine; any step that is not in it is a fault of this crate.
    pub fn step(&mut self, to: ModelState, reason: Reason) -> Result<()> {
        use ModelState::{Cold, Cooling, Failed, Hot, Warming};
        let from = self.state;
        if !matches!(
            (from, to),
            (Cold, Warming)
                | (Warming, Hot)
                | (Hot, Cooling)
                | (Cooling, Cold)
                | (Warming | Hot | Cooling, Failed)
                | (Failed, Cold)
        ) {
            return Err(op("pool", "transition").error(
                Kind::Internal,
                format!("a model may not go from {from:?} to {to:?}"),
            ));
        }
        self.state = to;
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Transition {
            from,
            to,
            reason,
            at_us: now_us(),
        });
        Ok(())
    }
}

impl Model {
    pub fn new(id: Uuid, slot: usize, spec: ModelSpec, loader: Arc<dyn ModelLoader>) -> Model {
        Model {
            id,
            slot,
            spec,
            loader,
            invocations: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
        }
    }

    pub fn status(&self, state: &State) -> ModelStatus {
        let life = &state.lives[self.slot];
        let invocations = self.invocations.load(Ordering::Relaxed);
        let busy = self.busy_ns.load(Ordering::Relaxed) as f64 / 1e9;
        ModelStatus {
            id: self.id,
            name: self.spec.name.clone(),
            version: self.spec.version.clone(),
            state: life.state,
            status: match life.state {
                ModelState::Cold => "Unloaded",
                ModelState::Warming => "Loading",
                ModelState::Hot if life.leases == 0 => "Ready",
                ModelState::Hot => "Busy",
                ModelState::Cooling => "Deallocating",
                ModelState::Failed => "Failed",
            },
            leases: life.leases,
            memory_mb: self.spec.memory_mb,
            loads: life.loads,
            invocations,
            failures: self.failures.load(Ordering::Relaxed),
            mean_seconds: if invocations > 0 {
                busy / invocations as f64
            } else {
                0.0
            },
            error: life.error.as_ref().map(|failure| failure.message.clone()),
            history: life.history.iter().copied().collect(),
        }
    }
}

impl ModelSpec {
    pub fn check(&self, op: Op) -> Result<()> {
        if self.name.trim().is_empty()
            || self.name.len() > 200
            || Uuid::try_parse(&self.name).is_ok()
        {
            return Err(op.invalid(
                "name",
                self.name.as_str(),
                "1 to 200 bytes of text that do not read as a UUID",
            ));
        }
        if self.memory_mb == 0 {
            return Err(op.invalid("memory_mb", self.memory_mb, "1 or more"));
        }
        if !(self.cpu_cores.is_finite() && self.cpu_cores > 0.0) {
            let value = serde_json::Number::from_f64(self.cpu_cores)
                .map_or_else(|| Json::from(self.cpu_cores.to_string()), Json::Number);
            return Err(op.invalid("cpu_cores", value, "a number above 0"));
        }
        Ok(())
    }
}

impl ModelType {
    pub fn read(op: Op, text: &str) -> Result<ModelType> {
        Ok(match text {
            "language" => ModelType::Language,
            "vision" => ModelType::Vision,
            "audio" => ModelType::Audio,
            "multimodal" => ModelType::Multimodal,
            "custom" => ModelType::Custom,
            _ => {
                return Err(op.invalid(
                    "model_type",
                    text,
                    "one of language, vision, audio, multimodal, custom",
                ))
            }
        })
    }
}

impl ModelState {
    pub fn name(self) -> &'static str {
        match self {
            ModelState::Cold => "cold",
            ModelState::Warming => "warming",
            ModelState::Hot => "hot",
            ModelState::Cooling => "cooling",
            ModelState::Failed => "failed",
        }
    }
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Reason::User => "user",
            Reason::Pressure => "pressure",
            Reason::Recovery => "recovery",
            Reason::Health => "health",
        }
    }
}
