//! The workflows whose callables are in this process. Who holds a workflow keeps it; of those that are known by id only,
//! the ones used last are kept here. Must not know what runs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use uuid::Uuid;

use super::Workflow;

/// So many workflows are kept for those who have no more than their id.
pub const KEPT: usize = 1000;

#[derive(Default)]
pub(super) struct Workflows {
    by_id: HashMap<Uuid, Weak<Workflow>>,
    /// Used longest ago first.
    kept: VecDeque<Arc<Workflow>>,
    /// How many entries `by_id` may have before those of workflows that are gone are looked for.
    tidy_at: usize,
}

impl Workflows {
    /// Makes it known by its id while somebody holds it.
    pub fn know(&mut self, workflow: &Arc<Workflow>) {
        if self.by_id.len() >= self.tidy_at {
            self.by_id.retain(|_, known| known.strong_count() > 0);
            self.tidy_at = 2 * self.by_id.len().max(64);
        }
        self.by_id.insert(workflow.id, Arc::downgrade(workflow));
    }

    /// Holds it, too; gives the one that has to go for it.
    pub fn keep(&mut self, workflow: Arc<Workflow>) -> Option<Arc<Workflow>> {
        self.know(&workflow);
        self.kept.push_back(workflow);
        if self.kept.len() > KEPT {
            return self.kept.pop_front();
        }
        None
    }

    /// The workflow, which counts as used now.
    pub fn find(&mut self, id: Uuid) -> Option<Arc<Workflow>> {
        let workflow = self.by_id.get(&id)?.upgrade()?;
        let place = self.kept.iter().position(|kept| kept.id == id);
        if let Some(kept) = place.and_then(|place| self.kept.remove(place)) {
            self.kept.push_back(kept);
        }
        Some(workflow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dag::{Definition, Plan};

    fn workflow() -> Arc<Workflow> {
        Arc::new(Workflow {
            id: crate::ids::fresh(),
            definition: Definition {
                name: "w".into(),
                version: "1".into(),
                steps: Vec::new(),
                dependencies: Vec::new(),
            },
            plan: Plan {
                upstream: Vec::new(),
                downstream: Vec::new(),
                warnings: Vec::new(),
            },
            runners: Vec::new(),
        })
    }

    #[test]
    fn those_used_last_are_kept_and_those_that_are_held() {
        let mut known = Workflows::default();
        let (first, held) = (workflow(), workflow());
        let (first_id, held_id) = (first.id, held.id);
        assert!(known.keep(first).is_none());
        known.know(&held);
        for _ in 0..3 * KEPT {
            assert!(known.find(first_id).is_some(), "used all the time");
            drop(known.keep(workflow()));
        }
        assert!(known.find(held_id).is_some());
        assert_eq!(known.kept.len(), KEPT);
        assert!(known.by_id.len() <= 2 * KEPT + 64);
        drop(held);
        assert!(known.find(held_id).is_none());
    }
}
