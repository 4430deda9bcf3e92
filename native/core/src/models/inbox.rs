//! The inbox: its taker, who sleeps until the bell, gets everything.

use std::sync::Arc;

use loom::thread;

use super::try_orders;
use crate::inbox::Inbox;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{lock, Condvar, Mutex};

/// An eventfd: readable from a ring until it is silenced.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    change: Condvar,
}

impl Bell {
    fn ring(&self) {
        *lock(&self.rung) = true;
        self.change.notify_all();
    }

    fn silence(&self) {
        *lock(&self.rung) = false;
    }

    fn wait(&self) {
        let mut rung = lock(&self.rung);
        while !*rung {
            rung = self.change.wait(rung).unwrap();
        }
    }
}

/// Two threads post one item each; the taker ends when it has both.
fn model(
    post: impl Fn(&World, u32) + Send + Sync + Clone + 'static,
    take: impl Fn(&World) -> Vec<u32> + Send + Sync + Clone + 'static,
) {
    try_orders(3, move || {
        let world = Arc::new(World::default());
        let posters: Vec<_> = [1, 2]
            .map(|item| {
                let (world, post) = (world.clone(), post.clone());
                thread::spawn(move || post(&world, item))
            })
            .into_iter()
            .collect();
        let mut all = Vec::new();
        while all.len() < 2 {
            world.bell.wait();
            all.extend(take(&world));
        }
        posters
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    });
}

#[derive(Default)]
struct World {
    inbox: Inbox<u32>,
    bell: Bell,
    /// What the broken form has instead of the inbox.
    posted: Mutex<Vec<u32>>,
    rung: BrokenFlag,
}

/// loom's has no default.
struct BrokenFlag(AtomicBool);

impl Default for BrokenFlag {
    fn default() -> Self {
        Self(AtomicBool::new(false))
    }
}

#[test]
fn every_item_is_taken() {
    model(
        |world, item| world.inbox.post(item, || world.bell.ring()),
        |world| world.inbox.take(|| world.bell.silence()),
    );
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_who_posts_behind_a_take_does_not_ring() {
    model(
        |world, item| {
            lock(&world.posted).push(item);
            if !world.rung.0.swap(true, Ordering::AcqRel) {
                world.bell.ring();
            }
        },
        |world| {
            world.bell.silence();
            let taken = std::mem::take(&mut *lock(&world.posted));
            world.rung.0.store(false, Ordering::Release);
            taken
        },
    );
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_the_ring_of_who_posts_meanwhile_is_silenced() {
    model(
        |world, item| world.inbox.post(item, || world.bell.ring()),
        |world| {
            let taken = world.inbox.take(|| {});
            world.bell.silence();
            taken
        },
    );
}
