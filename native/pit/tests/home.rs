//! The home: what one change does to the others in its batch, who is told of a lazy one that failed, what crashes leave.

mod common;

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use common::*;
use rusqlite::Connection;
use symphony_pit::artifacts::NewArtifact;
use symphony_pit::home::Home;
use symphony_pit::{op, Kind, Op, Pit, PitError, Place, Result};

const OP: Op = op("test", "write");

fn sql(connection: &Connection, statement: &str) -> Result<()> {
    connection
        .execute_batch(statement)
        .map_err(|error| symphony_pit::home::sql_error(OP, error))
}

/// Holds the writer's thread, so that what is handed in meanwhile is one batch.
fn hold(home: &Home) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel();
    let (begun, running) = mpsc::channel();
    drop(home.write(OP, move |_| {
        begun.send(()).expect("a test that waits");
        held.recv().expect("a test that releases");
        Ok(())
    }));
    running.recv().expect("the writer runs");
    release
}

fn settings(home: &Home) -> Vec<String> {
    home.read(OP, |connection| {
        connection
            .prepare("SELECT name FROM setting ORDER BY name")
            .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
            .map_err(|error| symphony_pit::home::sql_error(OP, error))
    })
    .expect("read")
}

fn put(home: &Home, name: &str) -> symphony_pit::home::Pending<()> {
    let statement = format!("INSERT INTO setting VALUES ('{name}', '')");
    home.write(OP, move |connection| sql(connection, &statement))
}

fn blobs(folder: &Path) -> usize {
    let shelves = std::fs::read_dir(folder.join("blobs")).expect("blobs");
    shelves
        .flatten()
        .map(|shelf| std::fs::read_dir(shelf.path()).map_or(0, Iterator::count))
        .sum()
}

fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(50_000)
    .collect()
}

fn text() -> NewArtifact {
    NewArtifact {
        content_type: "text/plain".into(),
        ..NewArtifact::default()
    }
}

#[test]
fn a_transaction_that_sqlite_ends_itself_is_told_to_whom_it_concerns() {
    let home = Home::in_memory().expect("open");
    let release = hold(&home);
    let before = put(&home, "before");
    let full = home.write(OP, |connection| {
        sql(connection, "PRAGMA max_page_count = 1")?;
        sql(
            connection,
            "INSERT INTO setting VALUES ('full', zeroblob(1000000))",
        )
    });
    let after = home.write(OP, |connection| {
        sql(connection, "PRAGMA max_page_count = 1000000")?;
        sql(connection, "INSERT INTO setting VALUES ('after', '')")
    });
    release.send(()).expect("the writer waits");
    let undone = before.wait().unwrap_err();
    assert_eq!(undone.kind(), Kind::Storage);
    assert!(undone.message().contains("undone together"), "{undone}");
    let own = full.wait().unwrap_err();
    assert!(own.message().contains("full"), "{own}");
    after.wait().expect("a transaction of its own");
    assert_eq!(settings(&home), ["after"]);
}

#[test]
fn a_change_that_panics_is_an_error_and_undoes_only_itself() {
    let home = Home::in_memory().expect("open");
    let release = hold(&home);
    let panicking = home.write(OP, |connection| -> Result<()> {
        sql(connection, "INSERT INTO setting VALUES ('half', '')")?;
        panic!("boom");
    });
    let other = put(&home, "other");
    release.send(()).expect("the writer waits");
    let error = panicking.wait().unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
    assert!(error.message().contains("panicked"), "{error}");
    other.wait().expect("not concerned");
    assert_eq!(settings(&home), ["other"]);
}

#[test]
fn a_lazy_change_that_fails_is_told_by_the_next_flush_and_by_no_read() {
    let home = Home::in_memory().expect("open");
    for _ in 0..2 {
        home.write_lazily(|connection| sql(connection, "INSERT INTO no_such_table VALUES (1)"));
    }
    assert_eq!(settings(&home), [] as [&str; 0]);
    put(&home, "unrelated").wait().expect("unrelated");
    let error: PitError = home.flush().unwrap_err();
    assert!(error.message().contains("no_such_table"), "{error}");
    let lost = error
        .details()
        .iter()
        .find(|(key, _)| key == "lost_changes");
    assert_eq!(lost.map(|(_, count)| count.clone()), Some(2.into()));
    home.flush().expect("told once");
}

#[test]
fn the_file_of_a_deleted_artifact_goes_only_after_its_commit() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
    let id = rooms.artifacts.store(&noise(1), text()).expect("store");
    let release = hold(&rooms.home);
    let deletion = rooms.artifacts.delete(id);
    // Ends the transaction that the removal of the file would be in, were it that of the deletion.
    rooms
        .home
        .write_lazily(|connection| sql(connection, "ROLLBACK"));
    release.send(()).expect("the writer waits");
    let deleted = deletion.wait().is_ok();
    assert!(rooms.home.flush().is_err());
    let content = rooms.artifacts.retrieve(id);
    if deleted {
        assert_eq!(content.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(blobs(folder.path()), 0);
    } else {
        assert_eq!(content.expect("row and file agree"), noise(1));
    }
}

#[test]
fn opening_removes_what_crashes_left() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("folder");
    let kept = {
        let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
        let kept = rooms.artifacts.store(&noise(2), text()).expect("store");
        // A crash after the rename of a file and before the commit of its row.
        let lost = rooms.artifacts.store(&noise(3), text()).expect("store");
        let rest = "DELETE FROM content WHERE hash = (SELECT hash FROM artifact WHERE id = ?1)";
        rooms
            .home
            .write(OP, move |connection| {
                connection
                    .execute(rest, [lost])
                    .map(drop)
                    .map_err(|error| symphony_pit::home::sql_error(OP, error))
            })
            .wait()
            .expect("as if never committed");
        kept
    };
    assert_eq!(blobs(folder.path()), 2);
    let rooms = pit_in(&runtime, folder.path()).rooms().expect("open");
    assert_eq!(blobs(folder.path()), 1);
    assert_eq!(rooms.artifacts.retrieve(kept).expect("kept"), noise(2));
}

#[test]
fn only_openers_wait_for_a_home_that_opens() {
    let runtime = runtime();
    let (release, held) = mpsc::channel::<()>();
    let (begun, opening) = mpsc::channel();
    let held = parking_lot::Mutex::new(held);
    let place = move || {
        begun.send(()).expect("a test that waits");
        held.lock().recv().expect("a test that releases");
        Place::Memory
    };
    let pit = std::sync::Arc::new(Pit::at(place, runtime.handle().clone()));
    let opener = pit.clone();
    let thread = std::thread::spawn(move || opener.rooms().map(drop));
    opening.recv().expect("it opens");
    let (answer, asked) = mpsc::channel();
    let other = pit.clone();
    let asking = std::thread::spawn(move || answer.send(other.open_rooms().is_some()));
    assert_eq!(asked.recv_timeout(Duration::from_secs(20)), Ok(false));
    release.send(()).expect("it waits");
    thread.join().expect("no panic").expect("open");
    asking.join().expect("no panic").expect("it was received");
    assert!(pit.open_rooms().is_some());
}
