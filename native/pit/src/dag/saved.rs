//! Runs as they stand on disk: of other processes, and of those that are gone.

use rusqlite::{params, Connection, OptionalExtension};
use uuid::Uuid;

use super::states::{RunState, RunStatus, StepState, StepStatus};
use crate::clock::now_us;
use crate::error::{Op, PitError, Result};
use crate::home::{sql_error, Home};
use crate::process;

const INTERRUPTED: &str = "the process that ran it ended";

pub(super) fn status(op: Op, home: &Home, id: Uuid) -> Result<RunStatus> {
    let found = home.read(op, |connection| {
        read(connection, id).map_err(|error| sql_error(op, error))
    })?;
    let Some((mut status, owner)) = found else {
        return Err(unknown(op, id));
    };
    if status.state.is_final() || process::is_same(owner.0, owner.1) {
        return Ok(status);
    }
    let run = status.id;
    home.write(op, move |connection| {
        connection
            .execute("UPDATE run SET state = 'failed', error = ?2, ended_us = ?3 WHERE id = ?1 AND ended_us IS NULL", params![run, INTERRUPTED, now_us()])
            .map(drop)
            .map_err(|error| sql_error(op, error))
    })
    .wait()?;
    status.state = RunState::Failed;
    status.error = Some(INTERRUPTED.to_owned());
    Ok(status)
}

pub(super) fn results(op: Op, home: &Home, id: Uuid) -> Result<Vec<(String, Option<Vec<u8>>)>> {
    home.read(op, |connection| {
        let known: bool = connection.query_row("SELECT EXISTS (SELECT 1 FROM run WHERE id = ?1)", [id], |row| row.get(0)).map_err(|error| sql_error(op, error))?;
        if !known {
            return Err(unknown(op, id));
        }
        connection
            .prepare_cached("SELECT name, result FROM step WHERE run = ?1 AND state = 'completed' ORDER BY rowid")
            .and_then(|mut statement| statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
            .map_err(|error| sql_error(op, error))
    })
}

type Owner = (i32, i64);

fn read(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<(RunStatus, Owner)>> {
    let run = connection
        .prepare_cached(
            "SELECT r.id, r.workflow, w.name, r.state, r.error, r.created_us, r.started_us, r.ended_us, r.owner_pid, r.owner_started, w.definition
             FROM run r JOIN workflow w ON w.id = r.workflow WHERE r.id = ?1 OR r.workflow = ?1 ORDER BY r.created_us DESC LIMIT 1",
        )?
        .query_row([id], |row| {
            let state: String = row.get(3)?;
            let definition: String = row.get(10)?;
            let status = RunStatus {
                id: row.get(0)?,
                workflow: row.get(1)?,
                name: row.get(2)?,
                state: RunState::read(&state),
                error: row.get(4)?,
                steps: pending_steps(&definition),
                created_us: row.get(5)?,
                started_us: row.get(6)?,
                ended_us: row.get(7)?,
            };
            Ok((status, (row.get(8)?, row.get(9)?)))
        })
        .optional()?;
    let Some((mut status, owner)) = run else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT name, state, attempts, error, started_us, ended_us FROM step WHERE run = ?1",
    )?;
    let rows = statement.query_map([status.id], |row| {
        let state: String = row.get(1)?;
        Ok(StepStatus {
            name: row.get(0)?,
            state: StepState::read(&state),
            attempts: row.get(2)?,
            error: row.get(3)?,
            started_us: row.get(4)?,
            ended_us: row.get(5)?,
        })
    })?;
    let mut known = std::collections::HashMap::new();
    for row in rows {
        let row = row?;
        known.insert(row.name.clone(), row);
    }
    for step in &mut status.steps {
        if let Some(row) = known.remove(&step.name) {
            *step = row;
        }
    }
    Ok(Some((status, owner)))
}

fn pending_steps(definition: &str) -> Vec<StepStatus> {
    let parsed: serde_json::Value = serde_json::from_str(definition).unwrap_or_default();
    let steps = parsed["steps"].as_array().cloned().unwrap_or_default();
    let names = steps.iter().filter_map(|step| step["name"].as_str());
    names
        .map(|name| StepStatus {
            name: name.to_owned(),
            state: StepState::Pending,
            attempts: 0,
            error: None,
            started_us: None,
            ended_us: None,
        })
        .collect()
}

#[track_caller]
fn unknown(op: Op, id: Uuid) -> PitError {
    op.not_found("run", id)
        .hint("execute a workflow and ask with the id of that run")
}
