//! The Pit home: one SQLite database in WAL mode and the blob files beside it. Several processes may have the same home
//! open. Reads run on the caller's thread with a connection of a small pool, writes on the writer's thread.
//! Must not know what the components keep in it.
//!
//! Only this library may open the database in this process: a second copy of SQLite beside ours (Python's `sqlite3`)
//! would break the file locks of both. Other processes may.

mod blobs;
mod schema;
mod trash;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior};

pub use blobs::{Hash, Staged};
pub use trash::{forget_unused, sweep_trash};
pub use writer::Pending;

use crate::error::{op, Kind, Op, PitError, Result};
use writer::Writer;

const HINT: &str =
    "set SYMPHONY_PIT_HOME to a folder that can be written, or open the Pit with ':memory:'";

/// An open home. Shared by all components of one Pit.
pub struct Home {
    /// None for `:memory:`, where everything lives in the one connection.
    folder: Option<PathBuf>,
    writer: Writer,
    main: Arc<Mutex<Connection>>,
    readers: Mutex<Vec<Connection>>,
}

impl Home {
    /// Opens or makes the home in `folder`.
    pub fn open(folder: &Path) -> Result<Home> {
        let op = op("home", "open");
        std::fs::create_dir_all(folder.join("blobs").join("tmp"))
            .map_err(|error| io_error(op, folder, error))?;
        let connection = connect(op, folder)?;
        let home = Home::start(op, Some(folder.to_owned()), connection)?;
        home.remove_abandoned();
        // Best effort: what it leaves lies there until the next opening.
        drop(trash::remove_unnamed(op, &home.main.lock(), folder));
        Ok(home)
    }

    /// A home that ends with the process.
    pub fn in_memory() -> Result<Home> {
        let op = op("home", "open");
        let connection = Connection::open_in_memory().map_err(|error| sql_error(op, error))?;
        set_up(op, &connection)?;
        Home::start(op, None, connection)
    }

    fn start(op: Op, folder: Option<PathBuf>, connection: Connection) -> Result<Home> {
        let main = Arc::new(Mutex::new(connection));
        let writer = Writer::start(main.clone(), folder.is_some()).map_err(|error| {
            op.error(
                Kind::Internal,
                format!("cannot start the writer thread: {error}"),
            )
            .because(error)
        })?;
        Ok(Home {
            folder,
            writer,
            main,
            readers: Mutex::default(),
        })
    }

    /// The folder, None for `:memory:`.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// A durable change; see [`Pending`].
    pub fn write<T, F>(&self, op: Op, job: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.writer.urgent(op, job, None)
    }

    /// As `write`; when the change is on disk, `after` runs in a transaction of its own. Nobody waits for that, `flush`
    /// does.
    pub fn write_then<T, F, A>(&self, op: Op, job: F, after: A) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
        A: FnOnce(&Connection) -> Result<()> + Send + 'static,
    {
        self.writer.urgent(op, job, Some(Box::new(after)))
    }

    /// A change that is on disk within 50 ms, or when `flush` returns.
    pub fn write_lazily<F>(&self, job: F)
    where
        F: FnOnce(&Connection) -> Result<()> + Send + 'static,
    {
        self.writer.lazy(job);
    }

    /// Blocks until every change handed in so far is on disk; tells when a lazy one could not be written.
    pub fn flush(&self) -> Result<()> {
        let (send, receive) = std::sync::mpsc::channel();
        self.writer.flush(move |outcome| drop(send.send(outcome)));
        // A writer that has ended has written everything.
        receive.recv().unwrap_or(Ok(()))
    }

    /// Reads on the calling thread, in one consistent snapshot. Sees every change of this process, lazy ones too.
    /// A lazy change that failed is no error of a read: `flush` tells it.
    pub fn read<T>(&self, op: Op, job: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if self.writer.has_lazy() {
            let (send, receive) = std::sync::mpsc::channel();
            self.writer.settle(move || send.send(()).unwrap_or(()));
            // A writer that has ended has written everything.
            receive.recv().unwrap_or(());
        }
        let Some(folder) = &self.folder else {
            return job(&self.main.lock());
        };
        let pooled = self.readers.lock().pop();
        let mut connection = match pooled {
            Some(connection) => connection,
            None => connect(op, folder)?,
        };
        let outcome = connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(|error| sql_error(op, error))
            .and_then(|snapshot: Transaction<'_>| job(&snapshot));
        let mut readers = self.readers.lock();
        if readers.len() < 4 {
            readers.push(connection);
        }
        outcome
    }

    /// SQLite's own check of the whole database; the text is `ok` when all is well.
    pub fn integrity(&self) -> Result<String> {
        let op = op("home", "integrity");
        self.read(op, |connection| {
            connection
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .map_err(|error| sql_error(op, error))
        })
    }

    /// Temporary files of processes that died while staging content.
    fn remove_abandoned(&self) {
        let Some(folder) = &self.folder else { return };
        let Ok(entries) = std::fs::read_dir(folder.join("blobs").join("tmp")) else {
            return;
        };
        for entry in entries.flatten() {
            let owner = entry
                .file_name()
                .to_str()
                .and_then(|name| name.split('-').next()?.parse::<i32>().ok());
            if !owner.is_some_and(crate::process::is_alive) {
                drop(std::fs::remove_file(entry.path()));
            }
        }
    }
}

fn connect(op: Op, folder: &Path) -> Result<Connection> {
    let connection = Connection::open(folder.join("pit.sqlite"))
        .map_err(|error| sql_error(op, error).detail("home", folder.display().to_string()))?;
    set_up(op, &connection).map_err(|error| error.detail("home", folder.display().to_string()))?;
    Ok(connection)
}

fn set_up(op: Op, connection: &Connection) -> Result<()> {
    let fault = |error| sql_error(op, error);
    schema::prepare(connection).map_err(fault)?;
    // The mode is kept in the file, so this writes only once in the life of a home.
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(fault)?;
    if mode != "wal" && mode != "memory" {
        return Err(op
            .error(
                Kind::Storage,
                format!(
                    "the file system of the Pit home does not support WAL (journal mode {mode})"
                ),
            )
            .hint(HINT));
    }
    if version(connection).map_err(fault)? == schema::VERSION {
        return Ok(());
    }
    // A second process may be making the tables at this moment: look again inside the lock.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(fault)?;
    let made = match version(connection) {
        Ok(0) => connection.execute_batch(schema::TABLES).and_then(|()| connection.pragma_update(None, "user_version", schema::VERSION)).map_err(fault),
        Ok(schema::VERSION) => Ok(()),
        Ok(other) => Err(op
            .error(Kind::Storage, format!("the Pit home was written by another version of the Pit (format {other}, this is {})", schema::VERSION))
            .hint("use the newer version, or another home")),
        Err(error) => Err(fault(error)),
    };
    connection
        .execute_batch(if made.is_ok() { "COMMIT" } else { "ROLLBACK" })
        .map_err(fault)?;
    made
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// A value of the home's settings.
pub fn setting(connection: &Connection, op: Op, name: &str) -> Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM setting WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
        .map_err(|error| sql_error(op, error))
}

/// Turns an error of SQLite into one of ours, with what to do about it.
#[track_caller]
pub fn sql_error(op: Op, error: rusqlite::Error) -> PitError {
    let (kind, hint) = match error.sqlite_error_code() {
        Some(
            ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::CannotOpen
            | ErrorCode::AuthorizationForStatementDenied,
        ) => (Kind::Denied, HINT),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
            Kind::Damaged,
            "move the Pit home away and start with a new one",
        ),
        Some(ErrorCode::DiskFull) => (Kind::Storage, "free some disk space and try again"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            Kind::Timeout,
            "another process holds the Pit home; try again",
        ),
        _ => (
            Kind::Storage,
            "look at the disk of the Pit home, then try again",
        ),
    };
    op.error(kind, format!("the database of the Pit home: {error}"))
        .hint(hint)
        .because(error)
}

/// Turns a file error into one of ours.
#[track_caller]
pub fn io_error(op: Op, path: &Path, error: io::Error) -> PitError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Denied,
        io::ErrorKind::NotFound if op.component != "home" => Kind::NotFound,
        _ => Kind::Storage,
    };
    let hint = if kind == Kind::NotFound {
        "check the path"
    } else {
        HINT
    };
    op.error(kind, format!("{}: {error}", path.display()))
        .detail("path", path.display().to_string())
        .hint(hint)
        .because(error)
}
