//! The models of a cleanup: what is marked and not in use is unloaded and unregistered. Blocks on that.

use std::time::Duration;

use super::cleanup::{before, too_young, OP};
use super::{Item, StaleKind};
use crate::error::{Kind, Result};
use crate::pool::Pool;

const IN_USE: &str = "in use";

/// Adds to what goes and to what is kept. `older_than` is asked of the marks, `minimum` of the models.
pub(super) fn clean(
    pool: &Pool,
    older_than: Duration,
    minimum: Duration,
    dry_run: bool,
    (items, kept): (&mut Vec<Item>, &mut Vec<Item>),
) -> Result<()> {
    for stale in pool.marked(before(older_than)) {
        let stays = if stale.registered_us > before(minimum) {
            Some(too_young(minimum))
        } else if stale.in_use {
            Some(IN_USE.to_owned())
        } else if dry_run {
            None
        } else {
            match pool.unregister_now(&stale.id.to_string()) {
                Ok(()) => None,
                Err(error) if error.kind() == Kind::Conflict => Some(IN_USE.to_owned()),
                // Unregistered by somebody else meanwhile.
                Err(error) if error.kind() == Kind::NotFound => continue,
                Err(error) => return Err(error.of(OP)),
            }
        };
        let item = |reason, bytes| Item {
            id: stale.id,
            kind: StaleKind::Model,
            reason,
            bytes,
        };
        match stays {
            Some(why) => kept.push(item(why, 0)),
            None => items.push(item(stale.reason.clone(), stale.bytes)),
        }
    }
    Ok(())
}
