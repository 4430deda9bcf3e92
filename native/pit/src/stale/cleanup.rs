//! One cleanup: finds what is marked and old enough, sets aside what is protected, deletes the rest in one transaction.
//! A dry run is the same transaction, undone: its report cannot differ from what a real one does. Models come after.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use uuid::Uuid;

use super::{models, retention, Item, Report, StaleKind, KEEP};
use crate::artifacts::{self, Artifacts};
use crate::clock::now_us;
use crate::error::{op, Kind, Op, Result};
use crate::home::{sql_error, Home};
use crate::pool::Pool;

pub(super) const OP: Op = op("stale", "cleanup_stale");

pub(super) fn too_young(minimum: Duration) -> String {
    format!(
        "younger than the minimum retention of {} s",
        minimum.as_secs_f64()
    )
}

/// A marked thing with what is needed to judge it.
struct Marked {
    id: Uuid,
    kind: StaleKind,
    reason: String,
    created_us: i64,
}

pub(super) fn run(
    home: &Home,
    artifacts: &Artifacts,
    pool: &Pool,
    older_than: Duration,
    dry_run: bool,
) -> Result<Report> {
    let begun = Instant::now();
    let (send, receive) = std::sync::mpsc::channel();
    let outcome = home
        .write(OP, move |connection| {
            let found = clean(connection, older_than)?;
            drop(send.send(found));
            // An error is what undoes a job; a dry run takes that way out, and its report comes by the channel.
            if dry_run {
                Err(OP.error(Kind::Cancelled, "dry run"))
            } else {
                Ok(())
            }
        })
        .wait();
    let (mut items, mut kept) = match (outcome, receive.try_recv()) {
        (Ok(()), Ok(found)) => found,
        (Err(error), Ok(found)) if dry_run && error.kind() == Kind::Cancelled => found,
        (Err(error), _) => return Err(error),
        (Ok(()), Err(_)) => return Err(OP.error(Kind::Internal, "a cleanup without a report")),
    };
    if !dry_run {
        // The report says what is gone from the disk, so the files go before it is given.
        artifacts.sweep(OP)?;
    }
    let minimum = home.read(OP, |connection| retention(OP, connection))?;
    models::clean(pool, older_than, minimum, dry_run, (&mut items, &mut kept))?;
    let bytes_freed = items.iter().map(|item| item.bytes).sum();
    Ok(Report {
        items,
        kept,
        bytes_freed,
        seconds: begun.elapsed().as_secs_f64(),
        dry_run,
    })
}

/// The time so long ago (microseconds since 1970).
pub(super) fn before(age: Duration) -> i64 {
    now_us().saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX))
}

fn clean(connection: &Connection, older_than: Duration) -> Result<(Vec<Item>, Vec<Item>)> {
    let marked = marked(connection, older_than)?;
    let protected = protection(connection, &marked)?;
    let (mut items, mut kept) = (Vec::new(), Vec::new());
    for thing in marked {
        let Marked {
            id, kind, reason, ..
        } = thing;
        if let Some(why) = protected.get(&id) {
            kept.push(Item {
                id,
                kind,
                reason: why.clone(),
                bytes: 0,
            });
            continue;
        }
        let bytes = match kind {
            StaleKind::Artifact => artifacts::remove(OP, connection, id)?.unwrap_or(0),
            StaleKind::Run => remove_run(connection, id)?,
            StaleKind::Model => 0,
        };
        items.push(Item {
            id,
            kind,
            reason,
            bytes,
        });
    }
    Ok((items, kept))
}

fn marked(connection: &Connection, older_than: Duration) -> Result<Vec<Marked>> {
    let query = || -> rusqlite::Result<Vec<Marked>> {
        connection
            .prepare_cached(
                "SELECT s.id, s.kind, s.reason, coalesce(a.created_us, r.created_us)
                 FROM stale s LEFT JOIN artifact a ON a.id = s.id LEFT JOIN run r ON r.id = s.id
                 WHERE s.marked_us <= ?1 AND coalesce(a.created_us, r.created_us) IS NOT NULL ORDER BY s.marked_us, s.id",
            )?
            .query_map([before(older_than)], |row| {
                let kind: String = row.get(1)?;
                Ok(Marked {
                    id: row.get(0)?,
                    kind: if kind == StaleKind::Run.name() { StaleKind::Run } else { StaleKind::Artifact },
                    reason: row.get(2)?,
                    created_us: row.get(3)?,
                })
            })?
            .collect()
    };
    query().map_err(|error| sql_error(OP, error))
}

/// What may not go, and why. A parent is protected by every child that stays, so protection spreads upwards.
fn protection(connection: &Connection, marked: &[Marked]) -> Result<HashMap<Uuid, String>> {
    let fault = |error| sql_error(OP, error);
    let minimum = retention(OP, connection)?;
    let youngest = before(minimum);
    let mut protected = HashMap::new();
    for thing in marked {
        let test = |sql: &str| {
            connection
                .prepare_cached(sql)
                .and_then(|mut statement| {
                    statement.query_row([thing.id], |row| row.get::<_, bool>(0))
                })
                .map_err(fault)
        };
        if thing.created_us > youngest {
            protected.insert(thing.id, too_young(minimum));
        } else if connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM artifact_tag WHERE artifact = ?1 AND tag = ?2)")
            .and_then(|mut statement| statement.query_row((thing.id, KEEP), |row| row.get(0)))
            .map_err(fault)?
        {
            protected.insert(thing.id, format!("tagged {KEEP}"));
        } else if thing.kind == StaleKind::Run && test("SELECT EXISTS (SELECT 1 FROM run WHERE id = ?1 AND ended_us IS NULL)")? {
            protected.insert(thing.id, "the run has not ended".to_owned());
        } else if test("SELECT EXISTS (SELECT 1 FROM artifact_parent p JOIN run r ON r.id = p.parent WHERE p.artifact = ?1 AND r.ended_us IS NULL)")? {
            protected.insert(thing.id, "of a run that has not ended".to_owned());
        }
    }
    let mut going: HashSet<Uuid> = marked
        .iter()
        .map(|thing| thing.id)
        .filter(|id| !protected.contains_key(id))
        .collect();
    loop {
        let mut stays = Vec::new();
        for &id in &going {
            let children: Vec<Uuid> = connection
                .prepare_cached("SELECT artifact FROM artifact_parent WHERE parent = ?1")
                .and_then(|mut statement| statement.query_map([id], |row| row.get(0))?.collect())
                .map_err(fault)?;
            if let Some(child) = children.into_iter().find(|child| !going.contains(child)) {
                stays.push((id, child));
            }
        }
        if stays.is_empty() {
            return Ok(protected);
        }
        for (id, child) in stays {
            going.remove(&id);
            protected.insert(id, format!("parent of the live artifact {child}"));
        }
    }
}

fn remove_run(connection: &Connection, id: Uuid) -> Result<u64> {
    let query = || -> rusqlite::Result<i64> {
        let bytes = connection
            .prepare_cached("SELECT coalesce((SELECT sum(length(result)) FROM step WHERE run = ?1), 0) + coalesce((SELECT length(variables) FROM run WHERE id = ?1), 0)")?
            .query_row([id], |row| row.get(0))?;
        for statement in [
            "DELETE FROM step WHERE run = ?1",
            "DELETE FROM run WHERE id = ?1",
            "DELETE FROM stale WHERE id = ?1",
        ] {
            connection.prepare_cached(statement)?.execute([id])?;
        }
        Ok(bytes)
    };
    query()
        .map(|bytes| bytes as u64)
        .map_err(|error| sql_error(OP, error))
}
