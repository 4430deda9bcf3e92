//! The recorder's rings: whatever a reader keeps, it is whole, and the event that has that number.

use std::sync::Arc;

use loom::sync::atomic::{fence, AtomicU64, Ordering};
use loom::thread;

use super::try_orders;
use crate::recorder::slots::{self, Memory, Word};

const SLOTS: u64 = 2;
const EVENTS: u64 = 4;

struct Ring {
    head: AtomicU64,
    words: [[AtomicU64; 4]; SLOTS as usize],
}

impl Ring {
    fn new() -> Arc<Self> {
        let word = |_| AtomicU64::new(u64::MAX);
        Arc::new(Self {
            head: AtomicU64::new(0),
            words: std::array::from_fn(|_| std::array::from_fn(word)),
        })
    }

    fn load(&self, number: u64) -> [u64; 4] {
        let slot = &self.words[(number % SLOTS) as usize];
        std::array::from_fn(|index| slot[index].load(Ordering::Relaxed))
    }
}

impl Word for AtomicU64 {
    fn store(&self, value: u64, order: Ordering) {
        AtomicU64::store(self, value, order);
    }
}

impl Memory for Ring {
    type Word = AtomicU64;

    fn head(&self) -> &AtomicU64 {
        &self.head
    }

    fn word(&self, slot: u64, index: usize) -> &AtomicU64 {
        &self.words[slot as usize][index]
    }
}

/// Reads as `readRing` of `extension/protocol/trace/file.ts` does; `margin` is how many slots behind the head are
/// taken to be at work.
fn read(ring: &Ring, margin: u64) -> Vec<(u64, [u64; 4])> {
    let head = ring.head.load(Ordering::Acquire);
    let first = head.saturating_sub(SLOTS);
    let events: Vec<_> = (first..head)
        .map(|number| (number, ring.load(number)))
        .collect();
    fence(Ordering::Acquire);
    let now = ring.head.load(Ordering::Relaxed);
    let oldest = (now + margin).saturating_sub(SLOTS);
    events
        .into_iter()
        .filter(|(number, _)| *number >= oldest)
        .collect()
}

fn model(margin: u64, put: fn(&Ring, u64)) {
    try_orders(3, move || {
        let ring = Ring::new();
        let writer = ring.clone();
        let writes = thread::spawn(move || (0..EVENTS).for_each(|number| put(&writer, number)));
        for (number, event) in read(&ring, margin) {
            assert_eq!(event, [number; 4], "event {number}");
        }
        writes.join().unwrap();
        assert_eq!(read(&ring, 0).len(), SLOTS as usize);
    });
}

fn put(ring: &Ring, number: u64) {
    slots::put(ring, number, SLOTS - 1, [number; 4]);
}

/// Stores in the order that `steps` gives: the words, then the head.
fn put_broken(ring: &Ring, number: u64, head_first: bool) {
    if head_first {
        ring.head.store(number + 1, Ordering::Release);
    }
    for index in 0..4 {
        ring.word(number % SLOTS, index)
            .store(number, Ordering::Relaxed);
    }
    ring.head.store(number + 1, Ordering::Release);
}

#[test]
fn a_reader_keeps_whole_events_only() {
    model(1, put);
}

#[test]
#[should_panic(expected = "event")]
fn broken_a_reader_that_keeps_the_event_which_is_being_overwritten() {
    model(0, put);
}

#[test]
#[should_panic(expected = "event")]
fn broken_a_writer_whose_head_may_show_after_the_next_event() {
    model(1, |ring, number| put_broken(ring, number, false));
}

#[test]
#[should_panic(expected = "event")]
fn broken_a_writer_that_moves_its_head_before_the_event_is_whole() {
    model(1, |ring, number| put_broken(ring, number, true));
}
