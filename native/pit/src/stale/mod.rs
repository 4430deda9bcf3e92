//! Stale manager: what is marked stale goes at the next cleanup, unless something protects it. Marks are as durable as
//! what they mark: those of artifacts and runs are on disk, a model and its mark live in this process. Any thread; blocks
//! on the disk.

mod cleanup;
mod models;

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{params, Connection};
use uuid::Uuid;

use crate::artifacts::Artifacts;
use crate::clock::now_us;
use crate::error::{op, Op, Result};
use crate::home::{setting, sql_error, Home, Pending};
use crate::pool::Pool;

/// Nothing younger than this is deleted when nothing else is set.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);
/// An artifact with this tag is never deleted.
pub const KEEP: &str = "keep";

const RETENTION: &str = "stale.min_retention_us";

/// What kind of thing was marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleKind {
    Artifact,
    Run,
    Model,
}

impl StaleKind {
    pub fn name(self) -> &'static str {
        match self {
            StaleKind::Artifact => "artifact",
            StaleKind::Run => "run",
            StaleKind::Model => "model",
        }
    }
}

/// One thing that was cleaned, or kept in spite of its mark.
#[derive(Debug, Clone)]
pub struct Item {
    pub id: Uuid,
    pub kind: StaleKind,
    /// Why it was marked; for a kept one, what protects it.
    pub reason: String,
    /// Bytes that its going frees on disk, for a model in memory; 0 while other artifacts have the same content.
    pub bytes: u64,
}

/// What a cleanup did, or would do.
#[derive(Debug, Clone)]
pub struct Report {
    pub items: Vec<Item>,
    pub kept: Vec<Item>,
    pub bytes_freed: u64,
    pub seconds: f64,
    pub dry_run: bool,
}

pub struct Stale {
    home: Arc<Home>,
    artifacts: Arc<Artifacts>,
    pool: Pool,
}

impl Stale {
    pub fn new(home: Arc<Home>, artifacts: Arc<Artifacts>, pool: Pool) -> Stale {
        Stale {
            home,
            artifacts,
            pool,
        }
    }

    /// Marks a model, an artifact or a run as stale; marking again changes the reason and keeps the first time.
    pub fn mark_stale(&self, id: Uuid, reason: &str) -> Result<Pending<StaleKind>> {
        const OP: Op = op("stale", "mark_stale");
        if reason.trim().is_empty() {
            return Err(OP.invalid("reason", reason, "a text that is not empty"));
        }
        if self.pool.mark(id, reason) {
            return Ok(Pending::ready(OP, StaleKind::Model));
        }
        let reason = reason.to_owned();
        Ok(self.home.write(OP, move |connection| {
            let kind = kind_of(OP, connection, id)?.ok_or_else(|| {
                OP.not_found("model, artifact or run", id).hint(
                    "models of this process, artifacts and runs of this Pit home can be marked",
                )
            })?;
            connection
                .prepare_cached(
                    "INSERT INTO stale (id, kind, reason, marked_us) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (id) DO UPDATE SET reason = excluded.reason",
                )
                .and_then(|mut statement| {
                    statement.execute(params![id, kind.name(), reason, now_us()])
                })
                .map_err(|error| sql_error(OP, error))?;
            Ok(kind)
        }))
    }

    /// Deletes what was marked at least `older_than` ago and is not protected; with `dry_run` only says what would go.
    /// Blocks on the disk and on the unloading of models: not on a Tokio worker.
    pub fn cleanup_stale(&self, older_than: Duration, dry_run: bool) -> Result<Report> {
        cleanup::run(&self.home, &self.artifacts, &self.pool, older_than, dry_run)
    }

    /// The age below which nothing is deleted. Holds for the home, in every process.
    pub fn min_retention(&self) -> Result<Duration> {
        const OP: Op = op("stale", "min_retention");
        self.home.read(OP, |connection| retention(OP, connection))
    }

    pub fn set_min_retention(&self, age: Duration) -> Pending<()> {
        const OP: Op = op("stale", "set_min_retention");
        let text = (age.as_micros().min(i64::MAX as u128) as i64).to_string();
        self.home.write(OP, move |connection| {
            connection
                .execute(
                    "INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)",
                    params![RETENTION, text],
                )
                .map(drop)
                .map_err(|error| sql_error(OP, error))
        })
    }
}

fn retention(op: Op, connection: &Connection) -> Result<Duration> {
    let set = setting(connection, op, RETENTION)?.and_then(|text| text.parse().ok());
    Ok(set.map_or(DEFAULT_RETENTION, Duration::from_micros))
}

fn kind_of(op: Op, connection: &Connection, id: Uuid) -> Result<Option<StaleKind>> {
    let exists = |table: &str| {
        connection
            .prepare_cached(&format!(
                "SELECT EXISTS (SELECT 1 FROM {table} WHERE id = ?1)"
            ))
            .and_then(|mut statement| statement.query_row([id], |row| row.get::<_, bool>(0)))
            .map_err(|error| sql_error(op, error))
    };
    if exists("artifact")? {
        return Ok(Some(StaleKind::Artifact));
    }
    Ok(exists("run")?.then_some(StaleKind::Run))
}
