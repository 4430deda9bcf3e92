//! The one writing thread of a home. Every change is a job; jobs that wait together share one transaction, so that
//! one fsync serves many callers. `Urgent` callers wait for their commit; `Lazy` jobs are committed within 50 ms.
//! Must not know what the jobs write.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::sql_error;
use crate::error::{op, Kind, Op, PitError, Result};

/// A lazy job is on disk at the latest 50 ms after it was handed in; the rest is left for the commit itself.
const LAZY_WAIT: Duration = Duration::from_millis(35);
const BATCH: usize = 4096;

/// One change: run inside the transaction, answered after its commit.
trait Job: Send {
    /// True when what it wrote is to be kept.
    fn run(&mut self, connection: &Connection) -> bool;
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct UrgentJob<T, F> {
    work: Option<F>,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T> + Send> Job for UrgentJob<T, F> {
    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = self.work.take().map(|work| work(connection));
        matches!(self.outcome, Some(Ok(_)))
    }
    fn answer(self: Box<Self>, committed: Result<()>) {
        // No outcome means that the job panicked: dropping the sender tells the waiter.
        let UrgentJob {
            outcome, answer, ..
        } = *self;
        if let Some(outcome) = committed.map_or_else(|error| Some(Err(error)), |()| outcome) {
            drop(answer.send(outcome));
        }
    }
}

struct LazyJob<F>(Option<F>);

impl<F: FnOnce(&Connection) -> Result<()> + Send> Job for LazyJob<F> {
    fn run(&mut self, connection: &Connection) -> bool {
        self.0.take().is_some_and(|work| work(connection).is_ok())
    }
    fn answer(self: Box<Self>, _committed: Result<()>) {}
}

enum Message {
    Urgent(Box<dyn Job>),
    /// There are lazy jobs now; sent with the first of them only, since waking a thread costs more than they do.
    Lazy,
    Flush(Box<dyn FnOnce(Result<()>) + Send>),
}

#[derive(Default)]
struct Lazy {
    jobs: Mutex<Vec<Box<dyn Job>>>,
    /// Jobs that are not on disk yet, those under way included.
    pending: AtomicUsize,
    /// Why the last group that failed did; told by the next flush, as nobody waits for a lazy job.
    failed: Mutex<Option<PitError>>,
}

pub struct Writer {
    queue: Mutex<Option<Sender<Message>>>,
    lazy: Arc<Lazy>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// A change under way. Await it, or `wait` on a thread that may block.
pub struct Pending<T> {
    op: Op,
    answer: oneshot::Receiver<Result<T>>,
}

impl<T> Pending<T> {
    /// Blocks until the change is on disk. Not on a Tokio worker.
    pub fn wait(self) -> Result<T> {
        self.answer
            .blocking_recv()
            .unwrap_or_else(|_| Err(lost(self.op)))
            .map_err(|error| error.of(self.op))
    }
    /// Resolves when the change is on disk.
    pub async fn done(&mut self) -> Result<T> {
        (&mut self.answer)
            .await
            .unwrap_or_else(|_| Err(lost(self.op)))
            .map_err(|error| error.of(self.op))
    }
}

impl Writer {
    pub fn start(connection: Arc<Mutex<Connection>>) -> std::io::Result<Writer> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let lazy = Arc::new(Lazy::default());
        let shared = lazy.clone();
        let thread = std::thread::Builder::new()
            .name("pit-writer".into())
            .spawn(move || serve(&connection, &receiver, &shared))?;
        Ok(Writer {
            queue: Mutex::new(Some(sender)),
            lazy,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Runs `job` in a transaction; the answer comes after the commit. An `Err` of the job undoes only that job.
    pub fn urgent<T, F>(&self, op: Op, job: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        self.send(Message::Urgent(Box::new(UrgentJob {
            work: Some(job),
            outcome: None,
            answer: sender,
        })));
        Pending { op, answer }
    }

    /// Runs `job` within the group commit; nobody waits, `flush` does.
    pub fn lazy<F>(&self, job: F)
    where
        F: FnOnce(&Connection) -> Result<()> + Send + 'static,
    {
        self.lazy.pending.fetch_add(1, Ordering::Relaxed);
        let mut jobs = self.lazy.jobs.lock();
        jobs.push(Box::new(LazyJob(Some(job))));
        let first = jobs.len() == 1;
        drop(jobs);
        if first {
            self.send(Message::Lazy);
        }
    }

    /// True while lazy jobs are not yet on disk.
    pub fn has_lazy(&self) -> bool {
        self.lazy.pending.load(Ordering::Relaxed) > 0
    }

    /// Calls `answer` when everything handed in before is on disk, with the error of a lazy job that is not.
    pub fn flush(&self, answer: impl FnOnce(Result<()>) + Send + 'static) {
        self.send(Message::Flush(Box::new(answer)));
    }

    fn send(&self, message: Message) {
        // A message that cannot be sent drops its answer channel, which the waiter sees as `lost`.
        if let Some(queue) = self.queue.lock().as_ref() {
            drop(queue.send(message));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.lock().take();
        if let Some(thread) = self.thread.lock().take() {
            if thread.thread().id() != std::thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

#[track_caller]
fn lost(op: Op) -> PitError {
    op.error(
        Kind::Internal,
        "the writer of the Pit home ended before it answered",
    )
}

fn serve(connection: &Mutex<Connection>, queue: &Receiver<Message>, lazy: &Lazy) {
    while let Ok(first) = queue.recv() {
        let deadline = Instant::now() + LAZY_WAIT;
        let mut batch = vec![first];
        // Only lazy jobs so far: more may come until the oldest has waited long enough.
        while batch.iter().all(|message| matches!(message, Message::Lazy)) {
            match queue.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => batch.push(message),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        while batch.len() < BATCH {
            let Ok(message) = queue.try_recv() else { break };
            batch.push(message);
        }
        commit(&connection.lock(), batch, lazy);
    }
}

fn commit(connection: &Connection, batch: Vec<Message>, lazy: &Lazy) {
    let mut jobs: Vec<Box<dyn Job>> = Vec::with_capacity(batch.len());
    let mut flushes = Vec::new();
    for message in batch {
        match message {
            Message::Flush(answer) => flushes.push(answer),
            Message::Urgent(job) => jobs.push(job),
            Message::Lazy => {}
        }
    }
    // After the urgent ones, which may have been handed in before them.
    let mut later = std::mem::take(&mut *lazy.jobs.lock());
    let outcome = run_all(connection, &mut jobs, &mut later);
    if let (Err(error), false) = (&outcome, later.is_empty()) {
        *lazy.failed.lock() = Some(error.clone());
    }
    lazy.pending.fetch_sub(later.len(), Ordering::Relaxed);
    for job in jobs {
        job.answer(outcome.clone());
    }
    for flush in flushes {
        flush(lazy.failed.lock().take().map_or(Ok(()), Err));
    }
}

/// All jobs in one transaction.
fn run_all(
    connection: &Connection,
    jobs: &mut [Box<dyn Job>],
    later: &mut [Box<dyn Job>],
) -> Result<()> {
    let op = op("home", "write");
    if jobs.is_empty() && later.is_empty() {
        return Ok(());
    }
    connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(|error| sql_error(op, error))?;
    for job in jobs.iter_mut().chain(later) {
        run_one(connection, job.as_mut());
    }
    connection.execute_batch("COMMIT").map_err(|error| {
        drop(connection.execute_batch("ROLLBACK"));
        sql_error(op, error)
    })
}

/// One job in its savepoint. A panic in it undoes it and loses its answer, never the thread.
fn run_one(connection: &Connection, job: &mut dyn Job) {
    if connection.execute_batch("SAVEPOINT job").is_err() {
        return;
    }
    let keep = catch_unwind(AssertUnwindSafe(|| job.run(connection))).unwrap_or(false);
    let end = if keep {
        "RELEASE job"
    } else {
        "ROLLBACK TO job; RELEASE job"
    };
    // A failing release leaves the transaction broken: the commit reports it to every waiter.
    drop(connection.execute_batch(end));
}
