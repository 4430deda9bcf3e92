//! The tables of `pit.sqlite`, and the pragmas every connection needs.

use rusqlite::Connection;
use std::time::Duration;

/// Raised with every change of the tables; a home written by a newer version is refused.
pub const VERSION: i64 = 1;

/// How long a connection waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(10);

pub const TABLES: &str = "
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE content (
  hash BLOB PRIMARY KEY, size INTEGER NOT NULL, stored INTEGER NOT NULL,
  zstd INTEGER NOT NULL, data BLOB
);
CREATE TABLE trash (hash BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE artifact (
  id BLOB PRIMARY KEY, hash BLOB NOT NULL, content_type TEXT NOT NULL, name TEXT,
  metadata TEXT NOT NULL, created_us INTEGER NOT NULL
);
CREATE INDEX artifact_hash ON artifact (hash);
CREATE INDEX artifact_name ON artifact (name, created_us) WHERE name IS NOT NULL;
CREATE TABLE artifact_tag (artifact BLOB NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (artifact, tag)) WITHOUT ROWID;
CREATE TABLE artifact_parent (
  artifact BLOB NOT NULL, ordinal INTEGER NOT NULL, parent BLOB NOT NULL,
  PRIMARY KEY (artifact, ordinal)
) WITHOUT ROWID;
CREATE INDEX artifact_parent_parent ON artifact_parent (parent);

CREATE TABLE workflow (
  id BLOB PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, definition TEXT NOT NULL, created_us INTEGER NOT NULL
);
CREATE TABLE run (
  id BLOB PRIMARY KEY, workflow BLOB NOT NULL, state TEXT NOT NULL, error TEXT, variables BLOB,
  owner_pid INTEGER NOT NULL, owner_started INTEGER NOT NULL,
  created_us INTEGER NOT NULL, started_us INTEGER, ended_us INTEGER
);
CREATE INDEX run_workflow ON run (workflow, created_us);
CREATE TABLE step (
  run BLOB NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
  error TEXT, result BLOB, started_us INTEGER, ended_us INTEGER, PRIMARY KEY (run, name)
);

CREATE TABLE policy (
  id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, rules TEXT NOT NULL, created_us INTEGER NOT NULL
);
CREATE TABLE decision (
  seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, context_type TEXT NOT NULL, data TEXT NOT NULL,
  options TEXT NOT NULL, choice INTEGER NOT NULL, confidence REAL NOT NULL, reasoning TEXT NOT NULL,
  policy TEXT NOT NULL, created_us INTEGER NOT NULL
);

CREATE TABLE stale (id BLOB PRIMARY KEY, kind TEXT NOT NULL, reason TEXT NOT NULL, marked_us INTEGER NOT NULL);
";

/// Settings of a connection that are not kept in the file.
pub fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    // A commit is on disk when it returns: that is what "durable" promises to callers.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    Ok(())
}
