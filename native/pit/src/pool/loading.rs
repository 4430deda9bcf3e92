//! Models come into memory and leave it, each on a task of its own; the outcome is a state that all who wait will see.

use std::sync::Arc;

use symphony_abi::panics;

use super::model::{Model, ModelState, Reason};
use super::{busy, Shared};
use crate::error::{op, Op, Result};

const LOAD: Op = op("pool", "load");
const UNLOAD: Op = op("pool", "unload");

impl Shared {
    /// Loads a model that is Warming already; the outcome is a state, which all who wait will see.
    pub(super) fn spawn_load(self: &Arc<Self>, model: Arc<Model>, parent: u64) {
        let shared = self.clone();
        self.runtime.spawn(async move {
            // A panic in the loader ends as a failure, and not as a model that warms for ever.
            let loading = async { model.loader.load(&model.spec, parent).await };
            let outcome = panics::catching(loading)
                .await
                .unwrap_or_else(|panic| Err(LOAD.panicked(&panic).into()));
            let mut state = shared.state.lock();
            let life = &mut state.lives[model.slot];
            let to = match outcome {
                Ok(value) => {
                    life.loaded = Some(value);
                    life.loads += 1;
                    life.error = None;
                    ModelState::Hot
                }
                Err(failure) => {
                    life.error = Some(failure);
                    ModelState::Failed
                }
            };
            let reason = if to == ModelState::Hot {
                Reason::User
            } else {
                Reason::Health
            };
            let stepped = life.step(to, reason);
            debug_assert!(stepped.is_ok());
            if to == ModelState::Failed {
                state.memory_used_mb -= model.spec.memory_mb;
            }
            drop(state);
            shared.changed.notify_waiters();
        });
    }

    /// Takes an idle model out of memory, on a task of its own.
    pub(super) fn spawn_cooling(self: &Arc<Self>, model: Arc<Model>, reason: Reason) -> Result<()> {
        let mut state = self.state.lock();
        let Some(life) = state.life_of(&model) else {
            return Ok(());
        };
        let wanted = reason == Reason::Pressure && life.wanted > 0;
        if life.state != ModelState::Hot || life.leases > 0 || wanted {
            return Ok(());
        }
        life.step(ModelState::Cooling, reason)?;
        let loaded = life.loaded.take();
        drop(state);
        let shared = self.clone();
        self.runtime.spawn(async move {
            let outcome = match loaded {
                Some(value) => panics::catching(async { model.loader.unload(value).await })
                    .await
                    .unwrap_or_else(|panic| Err(UNLOAD.panicked(&panic).into())),
                None => Ok(()),
            };
            let mut state = shared.state.lock();
            let life = &mut state.lives[model.slot];
            let (to, reason) = if outcome.is_ok() {
                (ModelState::Cold, reason)
            } else {
                (ModelState::Failed, Reason::Health)
            };
            life.error = outcome.err();
            let stepped = life.step(to, reason);
            debug_assert!(stepped.is_ok());
            state.memory_used_mb -= model.spec.memory_mb;
            drop(state);
            shared.changed.notify_waiters();
        });
        Ok(())
    }

    /// Unloads an idle model and waits for the end of that.
    pub(super) async fn unload(
        self: &Arc<Self>,
        op: Op,
        model: &Arc<Model>,
        reason: Reason,
    ) -> Result<()> {
        loop {
            let mut changed = Box::pin(self.changed.notified());
            changed.as_mut().enable();
            let (state, leases) = match self.state.lock().life_of(model) {
                Some(life) => (life.state, life.leases),
                // Unregistered meanwhile, and unloaded before that.
                None => return Ok(()),
            };
            match state {
                ModelState::Cold | ModelState::Failed => return Ok(()),
                ModelState::Hot if leases > 0 => return Err(busy(op, model)),
                ModelState::Hot => self.spawn_cooling(model.clone(), reason)?,
                ModelState::Warming | ModelState::Cooling => changed.await,
            }
        }
    }
}
