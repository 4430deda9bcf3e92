//! The lane: every job is done once, and none waits behind one that takes long while a thread is idle.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::{try_orders, world};
use crate::lane::{Lane, LOOK_OUT};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{lock, spin_for, Condvar, Mutex};

const FOREVER: Duration = Duration::from_secs(60);

/// Jobs are told apart by their number.
type Job = usize;

struct World {
    lane: Lane<Job>,
    done: Mutex<Vec<Job>>,
    change: Condvar,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lane: Lane::new(),
            done: Mutex::new(Vec::new()),
            change: Condvar::new(),
        })
    }

    /// A thread that serves the lane until it ends. A job does nothing but wait for those that `needs` names.
    fn serve(self: &Arc<Self>, needs: fn(Job) -> Option<Job>) -> thread::JoinHandle<()> {
        let world = self.clone();
        thread::spawn(move || {
            // A model that fails unwinds, and may not wait for a lock then.
            let member = ManuallyDrop::new(world.lane.join());
            let spin = |came: &dyn Fn() -> bool| spin_for(LOOK_OUT, came);
            while let Some(taken) = world.lane.next(&member, usize::MAX, FOREVER, &spin) {
                if let Some(other) = needs(taken.job) {
                    world.wait_until(|done| done.contains(&other));
                }
                lock(&world.done).push(taken.job);
                world.change.notify_all();
            }
        })
    }

    fn wait_until(&self, ready: impl Fn(&[Job]) -> bool) {
        let mut done = lock(&self.done);
        while !ready(&done) {
            done = self.change.wait(done).unwrap();
        }
    }
}

/// Two threads serve; jobs come from here, one push per list.
fn model(pushes: &'static [&'static [Job]], needs: fn(Job) -> Option<Job>) {
    try_orders(2, move || {
        let world = World::new();
        let threads = [world.serve(needs), world.serve(needs)];
        let mut all = Vec::new();
        for jobs in pushes {
            world.lane.push_all(jobs.iter().copied());
            all.extend_from_slice(jobs);
        }
        world.wait_until(|done| done.len() == all.len());
        world.lane.end();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let mut done = std::mem::take(&mut *lock(&world.done));
        done.sort_unstable();
        assert_eq!(done, all);
    });
}

const FIRST_NEEDS_SECOND: fn(Job) -> Option<Job> = |job| (job == 1).then_some(2);

#[test]
fn every_job_is_done_once() {
    model(&[&[1], &[2]], |_| None);
}

#[test]
fn every_job_is_done_once_when_nobody_is_soon_back() {
    world::let_time_pass(true);
    model(&[&[1], &[2]], |_| None);
}

#[test]
fn an_idle_thread_takes_over_from_one_that_takes_long() {
    model(&[&[1], &[2]], FIRST_NEEDS_SECOND);
}

#[test]
fn an_idle_thread_takes_over_within_a_batch() {
    model(&[&[1, 2]], FIRST_NEEDS_SECOND);
}

#[test]
fn an_idle_thread_takes_over_when_nobody_is_soon_back() {
    world::let_time_pass(true);
    model(&[&[1], &[2]], FIRST_NEEDS_SECOND);
}

#[test]
fn whoever_finds_every_thread_at_work_is_told_once() {
    try_orders(3, || {
        let lane = Arc::new(Lane::<Job>::new());
        let told = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|job| {
                let (lane, told) = (lane.clone(), told.clone());
                thread::spawn(move || {
                    if lane.push_all([job].into_iter()) == crate::lane::Pushed::Starved {
                        told.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(told.load(Ordering::Relaxed), 1);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_one_thread_cannot_do_a_job_that_waits_for_the_next() {
    try_orders(2, || {
        let world = World::new();
        let thread = world.serve(FIRST_NEEDS_SECOND);
        world.lane.push_all([1, 2].into_iter());
        world.wait_until(|done| done.len() == 2);
        world.lane.end();
        thread.join().unwrap();
    });
}
