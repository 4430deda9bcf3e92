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
    taken: u64,
    ended: bool,
}

impl Lane {
    pub const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                waiting: 0,
                watching: false,
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
        if state.waiting == 0 {
            return if state.watching {
                Pushed::Served
            } else {
                Pushed::Starved
            };
        }
        let at_work = state.threads - state.waiting - usize::from(state.watching);
        if at_work == 0 || !state.watching {
            drop(state);
            self.ready.notify_one();
        }
        Pushed::Served
    }

    /// The next job if there is one now.
    pub fn try_next(&self) -> Option<Job> {
        lock(&self.state).take()
    }

    /// Waits for a job. `None` tells the thread to leave: the lane has ended, or the thread is one
    /// more than `resident` and has been idle for `patience`.
    pub fn next(&self, resident: usize, patience: Duration) -> Option<Job> {
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
                if timeout.timed_out() && state.jobs.is_empty() && state.threads > resident {
                    return None;
                }
                continue;
            }
            let at_work = state.threads - state.waiting - usize::from(state.watching) - 1;
            if at_work == 0 || state.watching {
                return state.take();
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
                return state.take();
            }
        }
    }

    /// Counts the calling thread as one that serves, until the guard drops.
    pub fn join(&self) -> Member<'_> {
        lock(&self.state).threads += 1;
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
    fn take(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.taken += 1;
        Some(job)
    }
}

/// A thread that serves a lane.
pub struct Member<'a>(&'a Lane);

impl Drop for Member<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).threads -= 1;
    }
}
