//! A queue of jobs and the threads that wait on it.
//!
//! Threads: any thread pushes; serving threads wait here without the GIL. Must not know Python.
//!
//! Many jobs are shorter than waking a thread. So a push wakes nobody while a thread is at work,
//! except one that watches: it takes over as soon as the queue stands still.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::job::{lock, Job};

/// How long the queue may stand still before another thread takes over.
const STANDSTILL: Duration = Duration::from_millis(1);

/// What a push found.
#[derive(PartialEq, Eq)]
pub enum Pushed {
    /// A thread will take the job.
    Served,
    /// Every thread is at work.
    Starved,
}

/// A queue of jobs with its threads.
pub struct Lane {
    state: Mutex<State>,
    ready: Condvar,
    watch: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    waiting: usize,
    watching: bool,
    /// A waiting thread was woken and has not looked yet.
    notified: bool,
    /// Somebody was told that the queue starves, and no thread has come yet.
    asked: bool,
    taken: u64,
    ended: bool,
}

/// A job, and whether nobody looks after the jobs behind it.
pub struct Taken {
    pub job: Job,
    pub starved: bool,
}

impl Lane {
    pub const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                waiting: 0,
                watching: false,
                notified: false,
                asked: false,
                taken: 0,
                ended: false,
            }),
            ready: Condvar::new(),
            watch: Condvar::new(),
        }
    }

    pub fn push(&self, job: Job) -> Pushed {
        let mut state = lock(&self.state);
        state.jobs.push_back(job);
        let at_work = state.threads - state.waiting - usize::from(state.watching);
        if state.waiting > 0 && (at_work == 0 || !state.watching) {
            self.wake_one(&mut state);
        }
        if state.starves() {
            Pushed::Starved
        } else {
            Pushed::Served
        }
    }

    /// The next job if there is one now.
    pub fn try_next(&self) -> Option<Taken> {
        self.take(&mut lock(&self.state))
    }

    /// A starving queue will get no further thread for now: it may ask again.
    pub fn forget_asked(&self) {
        lock(&self.state).asked = false;
    }

    /// Waits for a job. `None` tells the thread to leave: the lane has ended, or the thread is one
    /// more than `resident` and has been idle for `patience`.
    pub fn next(&self, resident: usize, patience: Duration) -> Option<Taken> {
        let mut state = lock(&self.state);
        loop {
            if state.ended {
                return None;
            }
            if state.jobs.is_empty() {
                state.waiting += 1;
                let (next, timeout) = self
                    .ready
                    .wait_timeout(state, patience)
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                state = next;
                state.waiting -= 1;
                state.notified = false;
                if timeout.timed_out() && state.jobs.is_empty() && state.threads > resident {
                    return None;
                }
                continue;
            }
            let at_work = state.threads - state.waiting - usize::from(state.watching) - 1;
            if at_work == 0 || state.watching {
                return self.take(&mut state);
            }
            let taken = state.taken;
            state.watching = true;
            let (next, _) = self
                .watch
                .wait_timeout(state, STANDSTILL)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            state = next;
            state.watching = false;
            if state.taken == taken && !state.jobs.is_empty() {
                return self.take(&mut state);
            }
        }
    }

    /// A job that is taken may be long: whoever takes it leaves a watcher behind for the others.
    fn take(&self, state: &mut State) -> Option<Taken> {
        let job = state.jobs.pop_front()?;
        state.taken += 1;
        if !state.jobs.is_empty() && state.waiting > 0 && !state.watching {
            self.wake_one(state);
        }
        let starved = state.starves();
        Some(Taken { job, starved })
    }

    fn wake_one(&self, state: &mut State) {
        if !state.notified {
            state.notified = true;
            self.ready.notify_one();
        }
    }

    /// Counts the calling thread as one that serves, until the guard drops.
    pub fn join(&self) -> Member<'_> {
        let mut state = lock(&self.state);
        state.threads += 1;
        state.asked = false;
        Member(self)
    }

    pub fn threads(&self) -> usize {
        lock(&self.state).threads
    }

    /// Whether jobs wait, and how many were taken so far: both unchanged over a while is a stall.
    pub fn progress(&self) -> (bool, u64) {
        let state = lock(&self.state);
        (!state.jobs.is_empty(), state.taken)
    }

    /// Lets every thread leave.
    pub fn end(&self) {
        lock(&self.state).ended = true;
        self.ready.notify_all();
        self.watch.notify_all();
    }
}

impl State {
    /// Whether nobody will see that the jobs stand still; tells it once.
    fn starves(&mut self) -> bool {
        let starves = !self.jobs.is_empty() && self.waiting == 0 && !self.watching && !self.asked;
        self.asked |= starves;
        starves
    }
}

/// A thread that serves a lane.
pub struct Member<'a>(&'a Lane);

impl Drop for Member<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).threads -= 1;
    }
}
