//! The one writing thread of a home. Every change is a job; jobs that wait together share one transaction, so that
//! one fsync serves many callers. `Urgent` callers wait for their commit; `Lazy` jobs are committed within 50 ms, in a
//! transaction after the urgent ones; in memory, where there is no disk to be on, when somebody looks or many wait. Must
//! not know what the jobs write.

mod batch;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::{Kind, Op, PitError, Result};
use batch::{run_all, Job};

/// A lazy job is on disk at the latest 50 ms after it was handed in; the rest is left for the commit itself.
const LAZY_WAIT: Duration = Duration::from_millis(35);
const BATCH: usize = 4096;

type Work = Box<dyn FnOnce(&Connection) -> Result<()> + Send>;

struct UrgentJob<T, F> {
    work: Option<F>,
    value: Option<T>,
    answer: oneshot::Sender<Result<T>>,
    after: Option<Work>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T> + Send> Job for UrgentJob<T, F> {
    fn run(&mut self, connection: &Connection) -> Result<()> {
        if let Some(work) = self.work.take() {
            self.value = Some(work(connection)?);
        }
        Ok(())
    }
    fn answer(self: Box<Self>, outcome: Result<()>) -> Option<Work> {
        let UrgentJob {
            value,
            answer,
            after,
            ..
        } = *self;
        match (outcome, value) {
            (Ok(()), Some(value)) => {
                drop(answer.send(Ok(value)));
                after
            }
            (Err(error), _) => {
                drop(answer.send(Err(error)));
                None
            }
            // Its sender goes, which the waiter sees as `lost`.
            (Ok(()), None) => None,
        }
    }
}

/// A job that nobody waits for.
struct LazyJob {
    work: Option<Work>,
    shared: Arc<Lazy>,
}

impl Job for LazyJob {
    fn run(&mut self, connection: &Connection) -> Result<()> {
        self.work.take().map_or(Ok(()), |work| work(connection))
    }
    fn answer(self: Box<Self>, outcome: Result<()>) -> Option<Work> {
        if let Err(error) = outcome {
            self.shared.failures.lock().add(error);
        }
        None
    }
}

enum Message {
    Urgent(Box<dyn Job>),
    /// There are enough lazy jobs now; sent with one of them only, since waking a thread costs more than they do.
    Lazy,
    Settle(Box<dyn FnOnce(&Lazy) + Send>),
}

#[derive(Default)]
struct Lazy {
    jobs: Mutex<Vec<Work>>,
    /// Jobs that are not on disk yet, those under way included.
    pending: AtomicUsize,
    /// What failed since the last flush: nobody waits for a lazy job, so that is who is told.
    failures: Mutex<Failures>,
}

/// Failed lazy jobs: the first error and how many there are, so that a process that never flushes keeps little.
#[derive(Default)]
struct Failures {
    first: Option<PitError>,
    count: usize,
}

impl Failures {
    fn add(&mut self, error: PitError) {
        self.count += 1;
        self.first.get_or_insert(error);
    }

    fn take(&mut self) -> Result<()> {
        let Failures { first, count } = std::mem::take(self);
        match first {
            Some(error) if count > 1 => Err(error.detail("lost_changes", count)),
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

pub struct Writer {
    queue: Mutex<Option<Sender<Message>>>,
    lazy: Arc<Lazy>,
    /// So many lazy jobs wake the writer.
    enough: usize,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// A change under way. Await it, or `wait` on a thread that may block.
pub struct Pending<T> {
    op: Op,
    answer: oneshot::Receiver<Result<T>>,
}

impl<T> Pending<T> {
    /// A change that is done already.
    pub fn ready(op: Op, value: T) -> Pending<T> {
        let (sender, answer) = oneshot::channel();
        drop(sender.send(Ok(value)));
        Pending { op, answer }
    }
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
    /// `durable`: lazy jobs are for the disk, so the first of them is one too many to leave alone.
    pub fn start(connection: Arc<Mutex<Connection>>, durable: bool) -> std::io::Result<Writer> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let lazy = Arc::new(Lazy::default());
        let shared = lazy.clone();
        let thread = std::thread::Builder::new()
            .name("pit-writer".into())
            .spawn(move || serve(&connection, &receiver, &shared))?;
        Ok(Writer {
            queue: Mutex::new(Some(sender)),
            lazy,
            enough: if durable { 1 } else { BATCH },
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Runs `job` in a transaction; the answer comes after the commit. An `Err` of the job undoes only that job.
    /// Once it is on disk, `after` runs as a lazy job: it never shares a transaction with what it follows.
    pub fn urgent<T, F>(&self, op: Op, job: F, after: Option<Work>) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        self.send(Message::Urgent(Box::new(UrgentJob {
            work: Some(job),
            value: None,
            answer: sender,
            after,
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
        jobs.push(Box::new(job));
        let are_enough = jobs.len() == self.enough;
        drop(jobs);
        if are_enough {
            self.send(Message::Lazy);
        }
    }

    /// True while lazy jobs are not yet on disk.
    pub fn has_lazy(&self) -> bool {
        self.lazy.pending.load(Ordering::Relaxed) > 0
    }

    /// Calls `answer` when everything handed in before is on disk, with the error of a lazy job that is not.
    pub fn flush(&self, answer: impl FnOnce(Result<()>) + Send + 'static) {
        self.send(Message::Settle(Box::new(move |lazy| {
            let failed = lazy.failures.lock().take();
            answer(failed);
        })));
    }

    /// Calls `answer` when everything handed in before is on disk or has failed; whose failure that is stays to be told.
    pub fn settle(&self, answer: impl FnOnce() + Send + 'static) {
        self.send(Message::Settle(Box::new(move |_| answer())));
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

fn serve(connection: &Mutex<Connection>, queue: &Receiver<Message>, lazy: &Arc<Lazy>) {
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

fn commit(connection: &Connection, batch: Vec<Message>, lazy: &Arc<Lazy>) {
    let mut jobs: Vec<Box<dyn Job>> = Vec::with_capacity(batch.len());
    let mut settles = Vec::new();
    for message in batch {
        match message {
            Message::Settle(answer) => settles.push(answer),
            Message::Urgent(job) => jobs.push(job),
            Message::Lazy => {}
        }
    }
    let followers = run_all(connection, jobs);
    // A transaction of their own: what removes files must not share one with the change that allows it, since files
    // do not come back when a commit fails.
    let handed_in = std::mem::take(&mut *lazy.jobs.lock());
    let count = handed_in.len();
    let later = handed_in.into_iter().chain(followers).map(|work| {
        Box::new(LazyJob {
            work: Some(work),
            shared: lazy.clone(),
        }) as Box<dyn Job>
    });
    run_all(connection, later.collect());
    lazy.pending.fetch_sub(count, Ordering::Relaxed);
    for settle in settles {
        settle(lazy);
    }
}
