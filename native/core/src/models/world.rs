//! The world of the models, as `sync` shows it: locks whose orders are tried, and a time that does not pass by itself.

use std::cell::Cell;
use std::time::Duration;

pub use loom::sync::{Condvar, Mutex, MutexGuard};

/// Waits that are shorter are over as soon as others have had their turn; longer ones never end by themselves, so that
/// a wake-up that is lost is a deadlock.
const SHORT: Duration = Duration::from_millis(100);

thread_local! {
    static EVERYTHING_IS_RECENT: Cell<bool> = const { Cell::new(true) };
}

/// Whether what happened counts as recent from here on, in models that this thread runs.
#[cfg(test)]
pub fn let_time_pass(passes: bool) {
    EVERYTHING_IS_RECENT.set(!passes);
}

/// A point in time.
#[derive(Clone, Copy)]
pub struct Moment(());

impl Moment {
    /// The present.
    pub fn now() -> Self {
        Self(())
    }

    /// What the model has chosen.
    pub fn is_within(self, _time: Duration) -> bool {
        EVERYTHING_IS_RECENT.get()
    }
}

/// Waits as `SHORT` says.
pub fn wait_at_most<'a, T>(
    condvar: &Condvar,
    mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    time: Duration,
) -> (MutexGuard<'a, T>, bool) {
    if time < SHORT {
        drop(guard);
        loom::thread::yield_now();
        return (super::super::sync::lock(mutex), true);
    }
    let guard = condvar
        .wait(guard)
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    (guard, false)
}

/// Looks, lets others have their turn, and looks once more.
pub fn spin_for(_time: Duration, came: impl Fn() -> bool) {
    if !came() {
        loom::thread::yield_now();
        came();
    }
}
