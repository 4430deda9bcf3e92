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
    Lazy(Box<dyn Job>),
    Flush(oneshot::Sender<()>),
}

pub struct Writer {
    queue: Mutex<Option<Sender<Message>>>,
    lazy: Arc<AtomicUsize>,
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
        let lazy = Arc::new(AtomicUsize::new(0));
        let counter = lazy.clone();
        let thread = std::thread::Builder::new()
            .name("pit-writer".into())
            .spawn(move || serve(&connection, &receiver, &counter))?;
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
        self.lazy.fetch_add(1, Ordering::Relaxed);
        self.send(Message::Lazy(Box::new(LazyJob(Some(job)))));
    }

    /// True while lazy jobs are not yet on disk.
    pub fn has_lazy(&self) -> bool {
        self.lazy.load(Ordering::Relaxed) > 0
    }

    /// Everything handed in before is on disk when the answer comes.
    pub fn flush(&self) -> oneshot::Receiver<()> {
        let (sender, answer) = oneshot::channel();
        self.send(Message::Flush(sender));
        answer
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

fn serve(connection: &Mutex<Connection>, queue: &Receiver<Message>, lazy: &AtomicUsize) {
    let mut open = true;
    while open {
        let Ok(first) = queue.recv() else { return };
        let deadline = Instant::now() + LAZY_WAIT;
        let mut urgent = !matches!(first, Message::Lazy(_));
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let next = if urgent {
                queue.try_recv().ok()
            } else {
                match queue.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(message) => Some(message),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => {
                        open = false;
                        None
                    }
                }
            };
            let Some(message) = next else { break };
            urgent |= !matches!(message, Message::Lazy(_));
            batch.push(message);
        }
        commit(&connection.lock(), batch, lazy);
    }
}

fn commit(connection: &Connection, batch: Vec<Message>, lazy: &AtomicUsize) {
    let op = op("home", "write");
    let mut jobs: Vec<Box<dyn Job>> = Vec::with_capacity(batch.len());
    let mut flushes = Vec::new();
    let mut lazies = 0;
    for message in batch {
        match message {
            Message::Flush(answer) => flushes.push(answer),
            Message::Urgent(job) => jobs.push(job),
            Message::Lazy(job) => {
                lazies += 1;
                jobs.push(job);
            }
        }
    }
    let mut outcome = Ok(());
    if !jobs.is_empty() {
        outcome = connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(|error| sql_error(op, error));
        if outcome.is_ok() {
            for job in &mut jobs {
                run_one(connection, job.as_mut());
            }
            outcome = connection.execute_batch("COMMIT").map_err(|error| {
                drop(connection.execute_batch("ROLLBACK"));
                sql_error(op, error)
            });
        }
    }
    for job in jobs {
        job.answer(outcome.clone());
    }
    lazy.fetch_sub(lazies, Ordering::Relaxed);
    for flush in flushes {
        let _ = flush.send(());
    }
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
