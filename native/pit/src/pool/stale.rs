//! Models that are marked as stale. A mark lives as long as its model: in this process, until it is unregistered.
//! Must not know the rules of a cleanup.

use uuid::Uuid;

use super::model::{Mark, ModelState};
use super::Pool;
use crate::clock::now_us;
use crate::error::Result;

/// A marked model with what is needed to judge it.
pub(crate) struct StaleModel {
    pub id: Uuid,
    pub reason: String,
    pub registered_us: i64,
    /// Bytes that its going frees in memory; 0 when it is not loaded.
    pub bytes: u64,
    /// It is leased, wanted, or on its way.
    pub in_use: bool,
}

impl Pool {
    /// Marks a model; marking again changes the reason and keeps the first time. False when there is no such model.
    pub(crate) fn mark(&self, id: Uuid, reason: &str) -> bool {
        let mut state = self.shared.state.lock();
        let Some(model) = state.by_id.get(&id).cloned() else {
            return false;
        };
        let Some(life) = state.life_of(&model) else {
            return false;
        };
        let marked_us = life.mark.take().map_or_else(now_us, |mark| mark.marked_us);
        life.mark = Some(Mark {
            reason: reason.to_owned(),
            marked_us,
        });
        true
    }

    /// As `unregister`, on a thread that may block.
    pub(crate) fn unregister_now(&self, key: &str) -> Result<()> {
        self.shared.runtime.block_on(self.unregister(key))
    }

    /// The models that were marked at `until_us` (microseconds since 1970) or before, by the time of their marks.
    pub(crate) fn marked(&self, until_us: i64) -> Vec<StaleModel> {
        let state = self.shared.state.lock();
        let mut found = Vec::new();
        for model in state.models.values() {
            let life = &state.lives[model.slot];
            let Some(mark) = life.mark.as_ref().filter(|mark| mark.marked_us <= until_us) else {
                continue;
            };
            let loaded = life.state == ModelState::Hot;
            let moving = matches!(life.state, ModelState::Warming | ModelState::Cooling);
            let stale = StaleModel {
                id: model.id,
                reason: mark.reason.clone(),
                registered_us: life.registered_us,
                bytes: if loaded {
                    model.spec.memory_mb << 20
                } else {
                    0
                },
                in_use: life.leases > 0 || life.wanted > 0 || moving,
            };
            found.push((mark.marked_us, stale));
        }
        found.sort_by_key(|(marked_us, stale)| (*marked_us, stale.id));
        found.into_iter().map(|(_, stale)| stale).collect()
    }
}
