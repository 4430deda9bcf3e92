//! The protocol between a ring's one writer and its readers, who look whenever they like, from other processes too.
//!
//! The writer waits for nobody. A reader loads the head, copies the events, and loads the head again: what lies a
//! whole ring behind that second head has been overwritten, or is just being overwritten, and is discarded.
//! Threads: one writer per ring. Must not know: where the memory lies (see `ring`), what an event means (see `span`).

use crate::sync::atomic::fence;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number in a ring's memory.
pub(crate) trait Word {
    /// As [`AtomicU64::store`].
    fn store(&self, value: u64, order: Ordering);
}

/// A ring's memory: a head, and slots of four words each.
pub(crate) trait Memory {
    /// What its numbers are.
    type Word: Word;

    /// The number of events ever written.
    fn head(&self) -> &Self::Word;

    /// A word of the slot that has this number.
    fn word(&self, slot: u64, index: usize) -> &Self::Word;
}

/// Writes event number `head` of the ring; `mask` is its number of slots less one.
#[inline(always)]
pub(crate) fn put(memory: &impl Memory, head: u64, mask: u64, event: [u64; 4]) {
    // Whoever sees a word of this event sees the head that says which one it overwrites, too. (The head was
    // stored with the event before; nothing else keeps a processor from showing it later.)
    fence(Ordering::Release);
    for (index, value) in event.into_iter().enumerate() {
        memory
            .word(head & mask, index)
            .store(value, Ordering::Relaxed);
    }
    memory.head().store(head + 1, Ordering::Release);
}

impl Word for AtomicU64 {
    #[inline(always)]
    fn store(&self, value: u64, order: Ordering) {
        AtomicU64::store(self, value, order);
    }
}
