//! Pool manager: the life cycle of models. A model is a loader with a spec; an allocation gives a lease on the one loaded
//! model. State is per process. Any thread; `try_allocate` never waits, `allocate` waits for loading and for memory.
//! Must not know what a model is: it is opaque, and only the loader and the leaseholder look into it.

mod allocate;
mod lease;
mod loading;
mod model;
mod stale;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use uuid::Uuid;

pub use lease::{Invocation, Lease};
pub use model::{ModelSpec, ModelState, ModelStatus, ModelType, Reason, Transition};

use crate::error::{op, Failure, Kind, Op, PitError, Result};
use crate::ids;
use crate::value::Opaque;
use model::{Life, Model};

pub type Loading<T> = Pin<Box<dyn Future<Output = std::result::Result<T, Failure>> + Send>>;

/// Brings a model into memory and out of it. Dropping a returned future cancels the work.
pub trait ModelLoader: Send + Sync {
    /// `parent` is the span that caused the load, 0 for none.
    fn load(&self, spec: &ModelSpec, parent: u64) -> Loading<Opaque>;
    fn unload(&self, model: Opaque) -> Loading<()>;
}

/// Memory that the models of a pool may take together when nothing else is said (MB).
pub const DEFAULT_MEMORY_MB: u64 = 8192;

/// The pool of one process. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    /// Rung at every change that may let a waiting allocation go on.
    changed: Notify,
    runtime: Handle,
}

struct State {
    models: HashMap<String, Arc<Model>>,
    by_id: HashMap<Uuid, Arc<Model>>,
    /// By `Model::slot`.
    lives: Vec<Life>,
    /// Slots of unregistered models that nobody waits for any more.
    free_slots: Vec<usize>,
    /// Leases that were asked for their id, weakly; the port's leases, held.
    leases: HashMap<Uuid, lease::Known>,
    memory_limit_mb: u64,
    memory_used_mb: u64,
    /// Counts allocations: the "time" of least-recently-used.
    clock: u64,
    waiting: Vec<allocate::Waiting>,
    next_ticket: u64,
    leaked: u64,
}

/// What a pool holds.
#[derive(Debug, Clone)]
pub struct PoolStatus {
    pub memory_limit_mb: u64,
    pub memory_used_mb: u64,
    pub models: Vec<ModelStatus>,
    /// Allocations that are not granted yet: they wait for a load, an unload or memory.
    pub waiting: usize,
    /// Leases that were dropped without release.
    pub leaked: u64,
}

impl Pool {
    /// Loading and unloading run on `runtime`.
    pub fn new(runtime: Handle) -> Pool {
        let state = State {
            models: HashMap::new(),
            by_id: HashMap::new(),
            lives: Vec::new(),
            free_slots: Vec::new(),
            leases: HashMap::new(),
            memory_limit_mb: DEFAULT_MEMORY_MB,
            memory_used_mb: 0,
            clock: 0,
            waiting: Vec::new(),
            next_ticket: 0,
            leaked: 0,
        };
        Pool {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Notify::new(),
                runtime,
            }),
        }
    }

    /// Adds a model, cold; its name must be free.
    pub fn register(&self, spec: ModelSpec, loader: Arc<dyn ModelLoader>) -> Result<Uuid> {
        const OP: Op = op("pool", "register");
        spec.check(OP)?;
        let mut state = self.shared.state.lock();
        if spec.memory_mb > state.memory_limit_mb {
            return Err(never_fits(OP, &spec, state.memory_limit_mb));
        }
        if state.models.contains_key(&spec.name) {
            return Err(OP
                .error(
                    Kind::Conflict,
                    format!("there is a model '{}' already", spec.name),
                )
                .detail("field", "name")
                .detail("value", spec.name)
                .hint("choose another name, or unregister the old model"));
        }
        let id = ids::fresh();
        let slot = match state.free_slots.pop() {
            Some(slot) => {
                state.lives[slot] = Life::new(id);
                slot
            }
            None => {
                state.lives.push(Life::new(id));
                state.lives.len() - 1
            }
        };
        let model = Arc::new(Model::new(id, slot, spec, loader));
        state.by_id.insert(model.id, model.clone());
        state.models.insert(model.spec.name.clone(), model.clone());
        Ok(model.id)
    }

    /// Removes a model that nobody leases; unloads it first. Allocations that wait for it fail with `NotFound`.
    pub async fn unregister(&self, key: &str) -> Result<()> {
        const OP: Op = op("pool", "unregister");
        let model = self.find(OP, key)?;
        self.shared.unload(OP, &model, Reason::User).await?;
        let mut guard = self.shared.state.lock();
        let state = &mut *guard;
        let Some(life) = state.life_of(&model) else {
            return Err(OP.not_found("model", key));
        };
        if !matches!(life.state, ModelState::Cold | ModelState::Failed) {
            return Err(busy(OP, &model));
        }
        life.retired = true;
        if life.wanted == 0 {
            state.free_slots.push(model.slot);
        }
        state.models.remove(&model.spec.name);
        state.by_id.remove(&model.id);
        drop(guard);
        self.shared.changed.notify_waiters();
        Ok(())
    }

    /// Unloads an idle model; a cold one stays as it is, one in use is refused.
    pub async fn unload(&self, key: &str) -> Result<()> {
        const OP: Op = op("pool", "unload");
        let model = self.find(OP, key)?;
        self.shared.unload(OP, &model, Reason::User).await
    }

    /// Sets how much memory the models may take together (MB). What is loaded stays until its memory is asked for.
    pub fn set_memory_limit(&self, limit_mb: u64) -> Result<()> {
        if limit_mb == 0 {
            return Err(op("pool", "set_memory_limit").invalid("memory_mb", limit_mb, "1 or more"));
        }
        self.shared.state.lock().memory_limit_mb = limit_mb;
        self.shared.changed.notify_waiters();
        Ok(())
    }

    /// A model's status, by its name, its id, or the id of a lease on it.
    pub fn model_status(&self, key: &str) -> Result<ModelStatus> {
        let state = self.shared.state.lock();
        let model = state.find(op("pool", "status"), key)?;
        Ok(model.status(&state))
    }

    pub fn status(&self) -> PoolStatus {
        let state = self.shared.state.lock();
        let mut all: Vec<_> = state.models.values().cloned().collect();
        all.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
        PoolStatus {
            memory_limit_mb: state.memory_limit_mb,
            memory_used_mb: state.memory_used_mb,
            models: all.iter().map(|model| model.status(&state)).collect(),
            waiting: state.waiting.len(),
            leaked: state.leaked,
        }
    }

    /// Keeps `lease` under its id until `release_id`: for callers that hold ids, not leases.
    pub fn hold(&self, lease: Lease) -> Uuid {
        let id = lease.id();
        self.shared
            .state
            .lock()
            .leases
            .insert(id, lease::Known::Held(lease));
        id
    }

    /// Releases the lease of that id, however it is held.
    pub fn release_id(&self, id: Uuid) -> Result<()> {
        const OP: Op = op("pool", "deallocate");
        // The guard must not live until the release, which takes the lock again.
        let known = self.shared.state.lock().leases.remove(&id);
        if known.is_some_and(lease::Known::release) {
            return Ok(());
        }
        Err(OP
            .not_found("lease", id)
            .hint("it was released already, or it is of another process"))
    }

    fn find(&self, op: Op, key: &str) -> Result<Arc<Model>> {
        self.shared.state.lock().find(op, key)
    }
}

impl State {
    fn find(&self, op: Op, key: &str) -> Result<Arc<Model>> {
        if let Some(model) = self.models.get(key) {
            return Ok(model.clone());
        }
        let id = Uuid::try_parse(key).ok();
        let found = id.and_then(|id| {
            self.by_id
                .get(&id)
                .cloned()
                .or_else(|| self.leases.get(&id).map(lease::Known::model))
        });
        found.ok_or_else(|| {
            let mut known: Vec<&str> = self.models.keys().map(String::as_str).collect();
            known.sort_unstable();
            op.not_found("model", key)
                .detail("known", known.join(", "))
                .hint("register it first with pool.register")
        })
    }

    /// The life of a model while it is registered.
    fn life_of(&mut self, model: &Model) -> Option<&mut Life> {
        let life = &mut self.lives[model.slot];
        (life.owner == model.id && !life.retired).then_some(life)
    }
}

#[track_caller]
fn never_fits(op: Op, spec: &ModelSpec, limit_mb: u64) -> PitError {
    op.error(
        Kind::Capacity,
        format!(
            "model '{}' needs {} MB, the pool has {limit_mb} MB in all",
            spec.name, spec.memory_mb
        ),
    )
    .detail("field", "memory_mb")
    .detail("value", spec.memory_mb)
    .detail("allowed", format!("at most {limit_mb}"))
    .hint("raise the limit with pool.set_memory_limit, or use a smaller model")
}

#[track_caller]
fn busy(op: Op, model: &Model) -> PitError {
    op.error(
        Kind::Conflict,
        format!("model '{}' is in use", model.spec.name),
    )
    .detail("model", model.spec.name.as_str())
    .hint("release its leases first")
}
