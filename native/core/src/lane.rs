//! A queue of jobs and the threads that wait on it.
//!
//! Threads: any thread pushes; serving threads wait here, so they hold nothing that others wait for. Must not know
//! what a job is, nor Python.
//!
//! Many jobs are shorter than waking a thread. So a push wakes nobody while a thread is at work,
//! except one that watches: it takes over as soon as the queue stands still. Threads that have been at
//! work for long are not counted on. And while job follows job, one idle thread spins for a moment
//! before it sleeps: waking it would take longer than most jobs.

use std::collections::VecDeque;
use std::time::Duration;

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{lock, wait_at_most, Condvar, Moment, Mutex, MutexGuard};

/// How long the queue may stand still before another thread takes over.
const STANDSTILL: Duration = Duration::from_millis(1);

/// How long an idle thread looks out for the next job.
pub const LOOK_OUT: Duration = Duration::from_micros(40);
/// A job that comes within this time of the last one's end would have been worth spinning for.
const SOON: Duration = Duration::from_micros(200);
/// Spinning is paid from a purse: in vain it costs what some jobs that come soon bring in.
const PRICE: i8 = 8;
const PURSE: i8 = 16;

/// What a push found.
#[derive(PartialEq, Eq)]
pub enum Pushed {
    /// A thread will take the job.
    Served,
    /// Every thread is at work.
    Starved,
}

/// A queue of jobs with its threads.
pub struct Lane<J> {
    state: Mutex<State<J>>,
    /// Length of the queue, for those who look without the lock: it changes under it only.
    queued: AtomicUsize,
    ready: Condvar,
    watch: Condvar,
}

struct State<J> {
    jobs: VecDeque<J>,
    threads: usize,
    /// Threads with a job, by seat, and since when they have it.
    at_work: Vec<(usize, Moment)>,
    next_seat: usize,
    waiting: usize,
    watching: bool,
    spinning: bool,
    /// Below zero, idle threads sleep at once.
    purse: i8,
    /// A waiting thread was woken and has not looked yet.
    notified: bool,
    /// Somebody was told that the queue starves, and no thread has come yet.
    asked: bool,
    taken: u64,
    ended: bool,
}

/// A job, and whether nobody looks after the jobs behind it.
pub struct Taken<J> {
    /// What is to be done.
    pub job: J,
    /// Whether the jobs behind it need another thread.
    pub starved: bool,
}

impl<J> Lane<J> {
    /// A lane that no thread serves yet.
    #[cfg(not(loom))]
    #[expect(
        clippy::new_without_default,
        reason = "a lane is a static: it is made in constants, where Default cannot be"
    )]
    pub const fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
            queued: AtomicUsize::new(0),
            ready: Condvar::new(),
            watch: Condvar::new(),
        }
    }

    /// As above: the locks of the models are no constants.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
            queued: AtomicUsize::new(0),
            ready: Condvar::new(),
            watch: Condvar::new(),
        }
    }

    /// Adds jobs that came together.
    pub fn push_all(&self, jobs: impl Iterator<Item = J>) -> Pushed {
        let mut state = lock(&self.state);
        state.jobs.extend(jobs);
        self.tell_length(&state);
        if state.jobs.is_empty() {
            return Pushed::Served;
        }
        let idle = state.waiting + usize::from(state.watching) + usize::from(state.spinning);
        let at_work = state.threads - idle;
        // Who spins sees the job, and wakes another for those behind it.
        if !state.spinning && state.waiting > 0 && (at_work == 0 || !state.watching) {
            self.wake_one(&mut state);
        }
        if state.starves() {
            Pushed::Starved
        } else {
            Pushed::Served
        }
    }

    /// The next job if there is one now.
    pub fn try_next(&self, member: &Member<'_, J>) -> Option<Taken<J>> {
        self.take(&mut lock(&self.state), member)
    }

    /// A starving queue will get no further thread for now: it may ask again.
    pub fn forget_asked(&self) {
        lock(&self.state).asked = false;
    }

    /// Waits for a job. `None` tells the thread to leave: the lane has ended, or the thread is one
    /// more than `resident` and has been idle for `patience`. `look_out` spins for [`LOOK_OUT`], or until its argument
    /// says that a job came.
    pub fn next(
        &self,
        member: &Member<'_, J>,
        resident: usize,
        patience: Duration,
        look_out: &dyn Fn(&dyn Fn() -> bool),
    ) -> Option<Taken<J>> {
        let mut state = lock(&self.state);
        state.end_work(member);
        if state.jobs.is_empty() && state.purse >= 0 && !state.spinning && !state.ended {
            state = self.spin(state, look_out);
        }
        loop {
            if state.ended {
                return None;
            }
            if state.jobs.is_empty() {
                state.waiting += 1;
                let idle_since = Moment::now();
                let (next, is_late) = wait_at_most(&self.ready, &self.state, state, patience);
                state = next;
                state.waiting -= 1;
                state.notified = false;
                if idle_since.is_within(SOON) {
                    state.earn();
                }
                if is_late && state.jobs.is_empty() && state.threads > resident {
                    return None;
                }
                continue;
            }
            if state.watching || !state.is_somebody_soon_back() {
                return self.take(&mut state, member);
            }
            let taken = state.taken;
            state.watching = true;
            (state, _) = wait_at_most(&self.watch, &self.state, state, STANDSTILL);
            state.watching = false;
            if state.taken == taken && !state.jobs.is_empty() {
                return self.take(&mut state, member);
            }
        }
    }

    /// Looks out for a job without sleeping. The lock is free meanwhile.
    fn spin<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<J>>,
        look_out: &dyn Fn(&dyn Fn() -> bool),
    ) -> MutexGuard<'a, State<J>> {
        state.spinning = true;
        drop(state);
        look_out(&|| self.has_waiting());
        let mut state = lock(&self.state);
        state.spinning = false;
        if state.jobs.is_empty() {
            state.purse -= PRICE;
        } else {
            state.earn();
        }
        state
    }

    /// Whether jobs wait for a thread. Takes no lock.
    pub fn has_waiting(&self) -> bool {
        self.queued.load(Ordering::Acquire) != 0
    }

    fn tell_length(&self, state: &State<J>) {
        self.queued.store(state.jobs.len(), Ordering::Release);
    }

    /// A job that is taken may be long: whoever takes it leaves a watcher behind for the others.
    fn take(&self, state: &mut State<J>, member: &Member<'_, J>) -> Option<Taken<J>> {
        let job = state.jobs.pop_front()?;
        self.tell_length(state);
        state.taken += 1;
        state.end_work(member);
        state.at_work.push((member.seat, Moment::now()));
        if !state.jobs.is_empty() && state.waiting > 0 && !state.watching {
            self.wake_one(state);
        }
        let starved = state.starves();
        Some(Taken { job, starved })
    }

    fn wake_one(&self, state: &mut State<J>) {
        if !state.notified {
            state.notified = true;
            self.ready.notify_one();
        }
    }

    /// Counts the calling thread as one that serves, until the guard drops.
    pub fn join(&self) -> Member<'_, J> {
        let mut state = lock(&self.state);
        state.threads += 1;
        state.asked = false;
        state.next_seat += 1;
        Member {
            lane: self,
            seat: state.next_seat,
        }
    }

    /// How many threads serve.
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

impl<J> State<J> {
    const fn new() -> Self {
        Self {
            jobs: VecDeque::new(),
            threads: 0,
            at_work: Vec::new(),
            next_seat: 0,
            waiting: 0,
            watching: false,
            spinning: false,
            purse: -1,
            notified: false,
            asked: false,
            taken: 0,
            ended: false,
        }
    }

    fn earn(&mut self) {
        self.purse = (self.purse + 1).min(PURSE);
    }

    fn end_work(&mut self, member: &Member<'_, J>) {
        self.at_work.retain(|(seat, _)| *seat != member.seat);
    }

    /// Whether a thread at work has only just begun: most jobs are short.
    fn is_somebody_soon_back(&self) -> bool {
        self.at_work
            .iter()
            .any(|(_, since)| since.is_within(STANDSTILL))
    }

    /// Whether nobody will see that the jobs stand still; tells it once.
    fn starves(&mut self) -> bool {
        let nobody = self.waiting == 0 && !self.watching && !self.spinning;
        let starves = !self.jobs.is_empty() && nobody && !self.asked;
        self.asked |= starves;
        starves
    }
}

/// A thread that serves a lane.
pub struct Member<'a, J> {
    lane: &'a Lane<J>,
    seat: usize,
}

impl<J> Drop for Member<'_, J> {
    fn drop(&mut self) {
        let mut state = lock(&self.lane.state);
        state.end_work(self);
        state.threads -= 1;
    }
}
