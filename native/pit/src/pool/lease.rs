//! Leases: one user's right to a loaded model, until released. Dropping an unreleased lease releases it and counts a leak.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use uuid::Uuid;

use super::model::Model;
use super::Shared;
use crate::error::{op, Kind, Op, Result};
use crate::ids;
use crate::value::Opaque;

/// A lease. Cloning gives the same lease: it is released once.
#[derive(Clone)]
pub struct Lease {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    shared: Arc<Shared>,
    model: Arc<Model>,
    loaded: Opaque,
    released: AtomicBool,
    /// Made when somebody asks: an id costs more than an allocation.
    id: OnceLock<Uuid>,
}

/// A call of a leased model under way: times and counts it.
pub struct Invocation {
    model: Arc<Model>,
    begun: Instant,
}

/// A lease known by its id.
pub(super) enum Known {
    /// The model stands beside the weak lease: upgrading under the pool's lock could make the last owner there.
    Seen(Weak<Inner>, Arc<Model>),
    Held(Lease),
}

impl Lease {
    pub(super) fn new(shared: Arc<Shared>, model: Arc<Model>, loaded: Opaque) -> Lease {
        Lease {
            inner: Arc::new(Inner {
                shared,
                model,
                loaded,
                released: AtomicBool::new(false),
                id: OnceLock::new(),
            }),
        }
    }

    pub fn model_name(&self) -> &str {
        &self.inner.model.spec.name
    }

    /// The lease's id; from now on the pool knows the lease by it, until it is released.
    pub fn id(&self) -> Uuid {
        let id = *self.inner.id.get_or_init(ids::fresh);
        let mut state = self.inner.shared.state.lock();
        // A release marks the lease before it takes the lock to forget the id: one of the two sees the other.
        if !self.inner.released.load(Ordering::Acquire) {
            state.leases.entry(id).or_insert_with(|| self.inner.seen());
        }
        id
    }

    pub fn is_released(&self) -> bool {
        self.inner.released.load(Ordering::Relaxed)
    }

    /// The loaded model; refused once the lease is released.
    pub fn model(&self) -> Result<&Opaque> {
        const OP: Op = op("pool", "invoke");
        if self.is_released() {
            return Err(OP
                .error(
                    Kind::Conflict,
                    format!("this lease on '{}' is released", self.model_name()),
                )
                .hint("allocate the model again, or keep the work inside the with block"));
        }
        Ok(&self.inner.loaded)
    }

    /// Begins a call of the model.
    pub fn begin(&self) -> Invocation {
        Invocation {
            model: self.inner.model.clone(),
            begun: Instant::now(),
        }
    }

    /// Gives the model back; false when that was done before.
    pub fn release(&self) -> bool {
        self.inner.release(false)
    }
}

impl Invocation {
    /// Ends the call.
    pub fn end(self, succeeded: bool) {
        let taken = self.begun.elapsed().as_nanos() as u64;
        self.model.invocations.fetch_add(1, Ordering::Relaxed);
        self.model.busy_ns.fetch_add(taken, Ordering::Relaxed);
        if !succeeded {
            self.model.failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Known {
    pub fn model(&self) -> Arc<Model> {
        match self {
            Known::Seen(_, model) => model.clone(),
            Known::Held(lease) => lease.inner.model.clone(),
        }
    }
    /// False when it was released before.
    pub fn release(self) -> bool {
        match self {
            Known::Seen(lease, _) => lease.upgrade().is_some_and(|inner| inner.release(false)),
            Known::Held(lease) => lease.release(),
        }
    }
}

impl Inner {
    fn seen(self: &Arc<Self>) -> Known {
        Known::Seen(Arc::downgrade(self), self.model.clone())
    }

    fn release(&self, leaked: bool) -> bool {
        if self.released.swap(true, Ordering::AcqRel) {
            return false;
        }
        let mut state = self.shared.state.lock();
        let life = &mut state.lives[self.model.slot];
        life.leases -= 1;
        let idle = life.leases == 0;
        state.leaked += u64::from(leaked);
        // Removed entries are dropped after the lock: one of them may be the last owner of a lease.
        let known = self.id.get().and_then(|id| state.leases.remove(id));
        let wake = idle && !state.waiting.is_empty();
        drop(state);
        drop(known);
        if wake {
            self.shared.changed.notify_waiters();
        }
        true
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.release(true);
    }
}
