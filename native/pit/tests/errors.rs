//! What errors of the Pit carry besides their words: the errors of Rust's that led to them, and the lines that panicked.

mod common;

use std::error::Error;
use std::fs;
use std::io;
use std::sync::mpsc;
use std::sync::Arc;

use common::*;
use rusqlite::Connection;
use symphony_pit::dag::RunOptions;
use symphony_pit::home::{sql_error, Home};
use symphony_pit::pool::{ModelSpec, Pool};
use symphony_pit::{op, Kind, Op, PitError, Result};

const OP: Op = op("test", "write");

/// The next error below `error` that is of that type.
fn cause<E: Error + 'static>(error: &PitError) -> &E {
    let mut below = error.source();
    while let Some(source) = below {
        if let Some(found) = source.downcast_ref() {
            return found;
        }
        below = source.source();
    }
    panic!("nothing of that type led to {error:?}")
}

fn sql(connection: &Connection, statement: &str) -> Result<()> {
    connection
        .execute_batch(statement)
        .map_err(|error| sql_error(OP, error))
}

fn boom<T>() -> T {
    panic!("boom at {}", line!())
}

/// It is a fault of the Pit with the words and the line of `boom`.
fn assert_boom(error: &PitError) {
    let (file, line) = error.place();
    assert_eq!((error.kind(), file), (Kind::Internal, file!()));
    assert_eq!(error.message(), format!("the Pit panicked: boom at {line}"));
}

#[test]
fn regression_an_error_of_the_disk_is_the_source() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("file");
    fs::write(&file, "where a folder should be").expect("write");
    let error = Home::open(&file.join("pit")).err().expect("no folder");
    assert_eq!(error.kind(), Kind::Storage);
    let kind = cause::<io::Error>(&error).kind();
    assert_eq!(kind, io::ErrorKind::NotADirectory);
}

#[test]
fn regression_an_error_of_the_database_is_the_source() {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("pit.sqlite"), [7; 8192]).expect("write");
    let error = Home::open(folder.path()).err().expect("no database");
    assert_eq!(error.kind(), Kind::Damaged);
    let below = cause::<rusqlite::Error>(&error);
    assert_eq!(
        below.sqlite_error_code(),
        Some(rusqlite::ErrorCode::NotADatabase)
    );
}

#[test]
fn a_change_that_was_undone_with_another_has_its_error_as_the_source() {
    let home = Home::in_memory().expect("open");
    let (release, held) = mpsc::channel::<()>();
    drop(home.write(OP, move |_| {
        held.recv().expect("a test that releases");
        Ok(())
    }));
    let undone = home.write(OP, |connection| {
        sql(connection, "INSERT INTO setting VALUES ('a', '')")
    });
    let full = home.write(OP, |connection| {
        sql(connection, "PRAGMA max_page_count = 1")?;
        let large = "INSERT INTO setting VALUES ('b', zeroblob(1000000))";
        sql(connection, large)
    });
    release.send(()).expect("the writer waits");
    let undone = undone.wait().expect_err("undone");
    let full = full.wait().expect_err("full");
    assert_eq!(cause::<PitError>(&undone).message(), full.message());
    cause::<rusqlite::Error>(&undone);
}

#[test]
fn regression_a_change_that_panics_tells_its_words_and_its_line() {
    let home = Home::in_memory().expect("open");
    let error = home.write(OP, |_| -> Result<()> { boom() }).wait();
    assert_boom(&error.expect_err("it panics"));
}

#[test]
fn regression_a_loader_that_panics_tells_its_line() {
    let runtime = runtime();
    let pool = Pool::new(runtime.handle().clone());
    let loader = Loader {
        load: |_: &ModelSpec| async { boom() },
        unload: |_| async { Ok(()) },
    };
    pool.register(spec("m", 1), Arc::new(loader))
        .expect("register");
    let outcome = runtime.block_on(pool.allocate("m", 0, None, 0));
    let error = outcome.err().expect("it panics");
    assert_eq!(error.kind(), Kind::Failed);
    assert_boom(cause(&error));
}

#[test]
fn regression_a_step_that_panics_tells_its_line() {
    let runtime = runtime();
    let rooms = pit(&runtime).rooms().expect("open");
    let step = Arc::new(Step(|_| async { boom() }));
    let workflow = rooms.dag.create_workflow(graph(&["a"], &[]), vec![step]);
    let workflow = workflow.expect("valid").wait().expect("saved");
    let run = rooms.dag.execute(workflow.id, RunOptions::default());
    let run = run.expect("execute").wait().expect("started");
    let error = runtime.block_on(run.result()).expect_err("it panics");
    assert_eq!(error.kind(), Kind::Failed);
    assert_boom(cause(&error));
}
