//! Jobs in one transaction. SQLite ends a transaction by itself when the disk is full or broken: then what ran before is
//! undone too and is told so, and what comes after runs in a transaction of its own. Writer thread only.

use rusqlite::Connection;
use symphony_abi::panics;

use super::super::sql_error;
use super::Work;
use crate::error::{op, Kind, Op, PitError, Result};

const OP: Op = op("home", "write");

/// One change: run inside the transaction, answered after its commit.
pub(super) trait Job: Send {
    /// An error undoes what it wrote.
    fn run(&mut self, connection: &Connection) -> Result<()>;
    /// Tells what became of it; gives the work that is to follow it.
    fn answer(self: Box<Self>, outcome: Result<()>) -> Option<Work>;
}

/// Runs and answers all jobs; gives the work that follows those that are on disk.
pub(super) fn run_all(connection: &Connection, jobs: Vec<Box<dyn Job>>) -> Vec<Work> {
    let mut followers = Vec::new();
    let mut rest = jobs.into_iter().peekable();
    while rest.peek().is_some() {
        if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
            let error = sql_error(OP, error);
            for job in rest {
                job.answer(Err(error.clone()));
            }
            return followers;
        }
        let mut done: Vec<(Box<dyn Job>, Result<()>)> = Vec::new();
        let mut broken: Option<PitError> = None;
        for mut job in rest.by_ref() {
            let outcome = run_one(connection, job.as_mut());
            // Back in autocommit mode: SQLite has rolled the whole transaction back.
            if connection.is_autocommit() {
                broken = Some(undone(outcome.as_ref().err()));
            }
            done.push((job, outcome));
            if broken.is_some() {
                break;
            }
        }
        let end = match broken {
            Some(error) => Err(error),
            None => connection.execute_batch("COMMIT").map_err(|error| {
                drop(connection.execute_batch("ROLLBACK"));
                sql_error(OP, error)
            }),
        };
        for (job, outcome) in done {
            // Its own error says more than that of the transaction.
            let outcome = outcome.and_then(|()| end.clone());
            followers.extend(job.answer(outcome));
        }
    }
    followers
}

/// One job in its savepoint. A panic in it undoes it, and ends as its error.
fn run_one(connection: &Connection, job: &mut dyn Job) -> Result<()> {
    let fault = |error| sql_error(OP, error);
    connection.execute_batch("SAVEPOINT job").map_err(fault)?;
    let outcome =
        panics::caught(|| job.run(connection)).unwrap_or_else(|panic| Err(OP.panicked(&panic)));
    if connection.is_autocommit() {
        return outcome.and_then(|()| Err(undone(None)));
    }
    let end = match outcome {
        Ok(()) => connection.execute_batch("RELEASE job"),
        Err(_) => connection.execute_batch("ROLLBACK TO job; RELEASE job"),
    };
    if end.is_err() {
        // A savepoint that cannot end leaves nothing to trust: the whole transaction goes.
        drop(connection.execute_batch("ROLLBACK"));
    }
    outcome.and_then(|()| end.map_err(fault))
}

#[track_caller]
fn undone(cause: Option<&PitError>) -> PitError {
    let why = cause.map_or_else(
        || "the database ended the transaction".to_owned(),
        |error| error.message().to_owned(),
    );
    let error = OP
        .error(
            Kind::Storage,
            format!("undone together with another change: {why}"),
        )
        .hint("look at the disk of the Pit home, then try again");
    match cause {
        Some(cause) => error.because(cause.clone()),
        None => error,
    }
}
