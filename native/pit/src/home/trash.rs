//! Content that goes: forgotten with its last artifact, its file removed after the commit of that; and what crashes left.
//! Must not know how content is written.

use std::fs;
use std::io;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::blobs::{place, Hash};
use super::{io_error, sql_error};
use crate::error::{Op, Result};

/// Drops `hash` within the running transaction when no artifact names it any more; tells what that frees.
/// The file goes later, by `sweep_trash`: were it removed here, a commit that fails would leave a row without content.
pub fn forget_unused(op: Op, connection: &Connection, hash: &Hash) -> Result<u64> {
    let fault = |error| sql_error(op, error);
    let used: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM artifact WHERE hash = ?1)")
        .and_then(|mut statement| statement.query_row([&hash.0[..]], |row| row.get(0)))
        .map_err(fault)?;
    if used {
        return Ok(0);
    }
    let freed: Option<(i64, bool)> = connection
        .prepare_cached("DELETE FROM content WHERE hash = ?1 RETURNING stored, data IS NULL")
        .and_then(|mut statement| {
            statement
                .query_row([&hash.0[..]], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(fault)?;
    let Some((stored, in_file)) = freed else {
        return Ok(0);
    };
    if in_file {
        connection
            .prepare_cached("INSERT OR IGNORE INTO trash (hash) VALUES (?1)")
            .and_then(|mut statement| statement.execute([&hash.0[..]]))
            .map_err(fault)?;
    }
    Ok(stored as u64)
}

/// Removes the files of forgotten content. A job of its own, after the commit that forgot them.
pub fn sweep_trash(op: Op, connection: &Connection, folder: &Path) -> Result<()> {
    let fault = |error| sql_error(op, error);
    let mut select = connection
        .prepare_cached("SELECT hash FROM trash")
        .map_err(fault)?;
    let hashes: Vec<Vec<u8>> = select
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(fault)?;
    for bytes in hashes {
        let Some(hash) = Hash::from_slice(&bytes) else {
            continue;
        };
        let back: bool = connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM content WHERE hash = ?1)",
                [&bytes],
                |row| row.get(0),
            )
            .map_err(fault)?;
        let path = place(folder, &hash);
        if !back {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error(op, &path, error))
                }
                _ => {}
            }
        }
        connection
            .execute("DELETE FROM trash WHERE hash = ?1", [&bytes])
            .map_err(fault)?;
    }
    Ok(())
}

/// Removes what crashes left in `blobs`: forgotten content that was not swept, and files that no row names.
/// Looks without the lock first, as nearly always there is nothing.
pub fn remove_unnamed(op: Op, connection: &Connection, folder: &Path) -> Result<()> {
    let fault = |error| sql_error(op, error);
    let names = |hash: &Hash| -> Result<bool> {
        connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM content WHERE hash = ?1)")
            .and_then(|mut statement| statement.query_row([&hash.0[..]], |row| row.get(0)))
            .map_err(fault)
    };
    let mut unnamed = Vec::new();
    for hash in files(folder) {
        if !names(&hash)? {
            unnamed.push(hash);
        }
    }
    let trash: bool = connection
        .query_row("SELECT EXISTS (SELECT 1 FROM trash)", [], |row| row.get(0))
        .map_err(fault)?;
    if unnamed.is_empty() && !trash {
        return Ok(());
    }
    // A file gets its place inside a transaction, so under the lock no other process is between the two.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(fault)?;
    let removed = unnamed.iter().try_for_each(|hash| {
        if !names(hash)? {
            let path = place(folder, hash);
            fs::remove_file(&path).map_err(|error| io_error(op, &path, error))?;
        }
        Ok(())
    });
    let swept = removed.and_then(|()| sweep_trash(op, connection, folder));
    let end = if swept.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end).map_err(fault)?;
    swept
}

/// The content files that lie in the home.
fn files(folder: &Path) -> impl Iterator<Item = Hash> {
    let shelves = fs::read_dir(folder.join("blobs")).into_iter().flatten();
    shelves
        .flatten()
        .flat_map(|shelf| fs::read_dir(shelf.path()).into_iter().flatten().flatten())
        .filter_map(|file| Hash::from_hex(file.file_name().to_str()?))
}
