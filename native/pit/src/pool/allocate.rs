//! How an allocation finds its model loaded: the fast way when it is hot, else loading once for all who wait, waiting for
//! memory by priority, and evicting the least recently used idle model.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{timeout_at, Instant};

use super::model::{Model, ModelState, Reason};
use super::{never_fits, Lease, Pool, Shared, State};
use crate::error::{op, Failure, Kind, Op, PitError, Result};

const OP: Op = op("pool", "allocate");
/// Priorities are bounded so that starvation rules can reason about them.
const PRIORITY: std::ops::RangeInclusive<i32> = -1000..=1000;

/// An allocation that is not granted yet.
pub(super) struct Waiting {
    ticket: u64,
    priority: i32,
    /// It is memory that it waits for; who waits for a load or an unload stands in nobody's way.
    for_memory: bool,
}

/// What an allocation does next.
enum Next {
    Granted(Lease),
    Load,
    Evict(Arc<Model>),
    Wait,
}

impl Pool {
    /// The fast way: a lease on a hot model, None when the model must be loaded first. Never waits.
    pub fn try_allocate(&self, key: &str, priority: i32) -> Result<Option<Lease>> {
        check_priority(priority)?;
        let mut state = self.shared.state.lock();
        let model = state.find(OP, key)?;
        Ok(grant(&self.shared, &mut state, &model))
    }

    /// A lease on the model; loads it and waits for memory as needed, at most `deadline`. Dropping the future gives up
    /// the place in the queue; a load that has begun goes on for the others.
    /// `parent` is the span under which a load is recorded, 0 for none.
    pub async fn allocate(
        &self,
        key: &str,
        priority: i32,
        deadline: Option<Duration>,
        parent: u64,
    ) -> Result<Lease> {
        check_priority(priority)?;
        let until = deadline.map(|deadline| Instant::now() + deadline);
        let (place, model) = Place::take(&self.shared, key, priority)?;
        // One failed load is the answer to this request; it is not tried again behind the caller's back.
        let mut loaded = false;
        loop {
            // Registered before the look, so that no change in between is missed.
            let mut changed = Box::pin(self.shared.changed.notified());
            changed.as_mut().enable();
            let next = place.next(&model, &mut loaded)?;
            match next {
                Next::Granted(lease) => return Ok(lease),
                Next::Load => {
                    self.shared.spawn_load(model.clone(), parent);
                    // The next in the queue for memory may go on.
                    self.shared.changed.notify_waiters();
                }
                Next::Evict(victim) => self.shared.spawn_cooling(victim, Reason::Pressure)?,
                Next::Wait => match until {
                    None => changed.await,
                    Some(until) => timeout_at(until, changed)
                        .await
                        .map_err(|_| late(&model, deadline, &self.shared))?,
                },
            }
        }
    }
}

/// A place in the queue for memory, given up when dropped. Keeps its model's slot.
struct Place<'a> {
    shared: &'a Arc<Shared>,
    ticket: u64,
    slot: usize,
}

impl<'a> Place<'a> {
    fn take(shared: &'a Arc<Shared>, key: &str, priority: i32) -> Result<(Place<'a>, Arc<Model>)> {
        let mut state = shared.state.lock();
        let model = state.find(OP, key)?;
        let for_memory = needs_memory(&state, &model);
        state.lives[model.slot].wanted += 1;
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push(Waiting {
            ticket,
            priority,
            for_memory,
        });
        let place = Place {
            shared,
            ticket,
            slot: model.slot,
        };
        Ok((place, model))
    }

    fn next(&self, model: &Arc<Model>, loaded: &mut bool) -> Result<Next> {
        let mut guard = self.shared.state.lock();
        let state = &mut *guard;
        if state.lives[model.slot].retired {
            return Err(unregistered(model));
        }
        let for_memory = needs_memory(state, model);
        let own = state
            .waiting
            .iter_mut()
            .find(|waiting| waiting.ticket == self.ticket);
        if let Some(own) = own {
            if own.for_memory && !for_memory {
                // Those who stood behind this one may go on.
                self.shared.changed.notify_waiters();
            }
            own.for_memory = for_memory;
        }
        match state.lives[model.slot].state {
            ModelState::Hot => {
                Ok(grant(self.shared, state, model).map_or(Next::Wait, Next::Granted))
            }
            ModelState::Warming => {
                *loaded = true;
                Ok(Next::Wait)
            }
            ModelState::Cooling => Ok(Next::Wait),
            ModelState::Failed if *loaded => Err(load_failed(model, state)),
            ModelState::Failed => {
                state.lives[model.slot].step(ModelState::Cold, Reason::Recovery)?;
                Self::warm(self.ticket, model, state, loaded)
            }
            ModelState::Cold => Self::warm(self.ticket, model, state, loaded),
        }
    }

    /// The model is cold: load it when there is room and nobody of higher standing waits for room.
    fn warm(ticket: u64, model: &Arc<Model>, state: &mut State, loaded: &mut bool) -> Result<Next> {
        let need = model.spec.memory_mb;
        if need > state.memory_limit_mb {
            return Err(never_fits(OP, &model.spec, state.memory_limit_mb));
        }
        let first = state
            .waiting
            .iter()
            .filter(|waiting| waiting.for_memory)
            .min_by_key(|waiting| (-waiting.priority, waiting.ticket));
        if first.is_some_and(|first| first.ticket != ticket) {
            return Ok(Next::Wait);
        }
        if state.memory_used_mb + need <= state.memory_limit_mb {
            state.memory_used_mb += need;
            state.lives[model.slot].step(ModelState::Warming, Reason::User)?;
            *loaded = true;
            return Ok(Next::Load);
        }
        let cooling = |other: &Arc<Model>| state.lives[other.slot].state == ModelState::Cooling;
        let coming: u64 = state
            .models
            .values()
            .filter(|other| cooling(other))
            .map(|other| other.spec.memory_mb)
            .sum();
        if state.memory_used_mb - coming + need <= state.memory_limit_mb {
            return Ok(Next::Wait);
        }
        let idle = state.models.values().filter(|other| {
            let life = &state.lives[other.slot];
            life.state == ModelState::Hot && life.leases == 0 && life.wanted == 0
        });
        let oldest = idle
            .min_by_key(|other| state.lives[other.slot].used_at)
            .cloned();
        Ok(oldest.map_or(Next::Wait, Next::Evict))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state
            .waiting
            .retain(|waiting| waiting.ticket != self.ticket);
        let life = &mut state.lives[self.slot];
        life.wanted -= 1;
        if life.retired && life.wanted == 0 {
            state.free_slots.push(self.slot);
        }
        let others = !state.waiting.is_empty();
        drop(state);
        if others {
            self.shared.changed.notify_waiters();
        }
    }
}

/// A lease when the model is hot.
fn grant(shared: &Arc<Shared>, state: &mut State, model: &Arc<Model>) -> Option<Lease> {
    state.clock += 1;
    let life = &mut state.lives[model.slot];
    if life.state != ModelState::Hot {
        return None;
    }
    let loaded = life.loaded.clone()?;
    life.leases += 1;
    life.used_at = state.clock;
    Some(Lease::new(shared.clone(), model.clone(), loaded))
}

fn needs_memory(state: &State, model: &Model) -> bool {
    matches!(
        state.lives[model.slot].state,
        ModelState::Cold | ModelState::Failed
    )
}

fn check_priority(priority: i32) -> Result<()> {
    if PRIORITY.contains(&priority) {
        return Ok(());
    }
    Err(OP.invalid("priority", priority, "-1000 to 1000"))
}

#[track_caller]
fn unregistered(model: &Model) -> PitError {
    OP.error(
        Kind::NotFound,
        format!(
            "model '{}' was unregistered while this allocation waited for it",
            model.spec.name
        ),
    )
    .detail("model", model.spec.name.as_str())
    .hint("register it again with pool.register")
}

fn load_failed(model: &Model, state: &State) -> PitError {
    let failure = state.lives[model.slot]
        .error
        .clone()
        .unwrap_or_else(|| Failure::new("unknown"));
    let message = format!(
        "model '{}' could not be loaded: {}",
        model.spec.name, failure.message
    );
    OP.failed(message, failure)
        .detail("model", model.spec.name.as_str())
        .hint("look at the loader's error, which is the cause")
}

fn late(model: &Model, deadline: Option<Duration>, shared: &Shared) -> PitError {
    let state = shared.state.lock();
    let seconds = deadline.unwrap_or_default().as_secs_f64();
    OP.error(
        Kind::Timeout,
        format!(
            "model '{}' was not ready within {seconds} s",
            model.spec.name
        ),
    )
    .detail("model", model.spec.name.as_str())
    .detail("deadline", seconds)
    .detail("memory_used_mb", state.memory_used_mb)
    .detail("memory_limit_mb", state.memory_limit_mb)
    .hint("release leases that are no longer needed, or give a longer deadline")
}
