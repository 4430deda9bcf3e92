//! An inbox with a bell: what other threads have to be done on one thread that sleeps elsewhere meanwhile, in a `select`.
//!
//! Threads: posts from any, takes from the one. The bell costs a system call, so it is rung once for all that is posted
//! until the next take. Must not know what is posted, or what the bell is.

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{lock, Mutex};

/// What waits for one thread.
pub struct Inbox<T> {
    posted: Mutex<Vec<T>>,
    /// The bell was rung and nobody has taken since.
    rung: AtomicBool,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self {
            posted: Mutex::new(Vec::new()),
            rung: AtomicBool::new(false),
        }
    }
}

impl<T> Inbox<T> {
    /// Adds an item; `ring` must wake the taker, and does not block. Any thread.
    pub fn post(&self, item: T, ring: impl FnOnce()) {
        lock(&self.posted).push(item);
        if !self.rung.swap(true, Ordering::AcqRel) {
            ring();
        }
    }

    /// All that was posted, in order; `silence` takes back the ring. The taker only.
    pub fn take(&self, silence: impl FnOnce()) -> Vec<T> {
        silence();
        // Before the items are taken: who posts after that has to ring.
        self.rung.store(false, Ordering::Release);
        std::mem::take(&mut *lock(&self.posted))
    }
}
