//! Artifact store: the content-addressed memory of the work. An artifact is a reference with its own metadata; equal
//! content is kept once. Everything here is on disk when the call returns. Any thread; blocks on the disk.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::clock::now_us;
use crate::error::{op, Op, PitError, Result};
use crate::home::{forget_unused, sql_error, sweep_trash, Hash, Home, Pending, Staged};
use crate::ids;

const STORE: Op = op("artifacts", "store");
const LIMIT: usize = 200;

/// What an artifact is said to be when it is stored.
#[derive(Debug, Clone, Default)]
pub struct NewArtifact {
    /// A MIME type such as `text/markdown`.
    pub content_type: String,
    pub metadata: Map<String, Json>,
    pub tags: Vec<String>,
    /// Artifacts or runs that this one came from.
    pub parents: Vec<Uuid>,
    pub name: Option<String>,
}

/// What is known of an artifact without reading its content.
#[derive(Debug, Clone)]
pub struct Artifact {
    pub id: Uuid,
    /// SHA-256 of the content, hexadecimal.
    pub hash: String,
    /// Bytes of the content, and bytes it takes on disk (shared by all artifacts of equal content).
    pub size: u64,
    pub stored: u64,
    pub content_type: String,
    pub name: Option<String>,
    pub metadata: Map<String, Json>,
    pub tags: Vec<String>,
    pub parents: Vec<Uuid>,
    /// Microseconds since 1970.
    pub created_us: i64,
}

pub struct Artifacts {
    home: Arc<Home>,
}

impl Artifacts {
    pub fn new(home: Arc<Home>) -> Artifacts {
        Artifacts { home }
    }

    /// Keeps `content` as a new artifact.
    pub fn store(&self, content: &[u8], new: NewArtifact) -> Result<Uuid> {
        check(&new)?;
        self.put(self.stage(content)?, new)?.wait()
    }

    /// First half of a store: hashes, compresses and writes what is large. Dropping it leaves nothing behind.
    pub fn stage(&self, content: &[u8]) -> Result<Staged> {
        self.home.stage(STORE, content)
    }

    /// As `stage`, from a file with bounded memory.
    pub fn stage_file(&self, path: &Path) -> Result<Staged> {
        self.home.stage_file(STORE, path)
    }

    /// Second half of a store.
    pub fn put(&self, staged: Staged, new: NewArtifact) -> Result<Pending<Uuid>> {
        check(&new)?;
        let id = ids::fresh();
        Ok(self.home.write(STORE, move |connection| {
            staged.keep(STORE, connection)?;
            insert(connection, id, &staged.hash, &new)?;
            Ok(id)
        }))
    }

    /// The content, checked against its address.
    pub fn retrieve(&self, id: Uuid) -> Result<Vec<u8>> {
        const OP: Op = op("artifacts", "retrieve");
        let named = |error: PitError| error.detail("artifact", id.to_string());
        let hash = self
            .home
            .read(OP, |connection| hash_of(OP, connection, id))?
            .ok_or_else(|| unknown(OP, id))?;
        match self.home.content(OP, &hash).map_err(named)? {
            Some(content) => Ok(content),
            // Deleted between the two looks.
            None => Err(unknown(OP, id)),
        }
    }

    /// Everything about the artifact but its content.
    pub fn metadata(&self, id: Uuid) -> Result<Artifact> {
        const OP: Op = op("artifacts", "metadata");
        self.home
            .read(OP, |connection| describe(OP, connection, id))?
            .ok_or_else(|| unknown(OP, id))
    }

    pub fn exists(&self, id: Uuid) -> Result<bool> {
        const OP: Op = op("artifacts", "exists");
        self.home
            .read(OP, |connection| Ok(hash_of(OP, connection, id)?.is_some()))
    }

    /// Drops the artifact; answers how many bytes that freed on disk: none while other artifacts have the same content.
    pub fn delete(&self, id: Uuid) -> Pending<u64> {
        const OP: Op = op("artifacts", "delete");
        let folder = self.home.folder().map(Path::to_owned);
        let delete = move |connection: &Connection| {
            remove(OP, connection, id)?.ok_or_else(|| unknown(OP, id))
        };
        match folder {
            Some(folder) => self.home.write_then(OP, delete, move |connection| {
                sweep_trash(OP, connection, &folder)
            }),
            None => self.home.write(OP, delete),
        }
    }

    /// Removes the files of forgotten content. Blocks on the disk.
    pub(crate) fn sweep(&self, op: Op) -> Result<()> {
        let Some(folder) = self.home.folder().map(Path::to_owned) else {
            return Ok(());
        };
        let sweep = move |connection: &Connection| sweep_trash(op, connection, &folder);
        self.home.write(op, sweep).wait()
    }
}

/// Removes the artifact's rows in the running transaction; None when there is no such artifact.
pub(crate) fn remove(op: Op, connection: &Connection, id: Uuid) -> Result<Option<u64>> {
    let Some(hash) = hash_of(op, connection, id)? else {
        return Ok(None);
    };
    for statement in [
        "DELETE FROM artifact WHERE id = ?1",
        "DELETE FROM artifact_tag WHERE artifact = ?1",
        "DELETE FROM artifact_parent WHERE artifact = ?1",
        "DELETE FROM stale WHERE id = ?1",
    ] {
        connection
            .prepare_cached(statement)
            .and_then(|mut statement| statement.execute([id]))
            .map_err(|error| sql_error(op, error))?;
    }
    forget_unused(op, connection, &hash).map(Some)
}

fn insert(connection: &Connection, id: Uuid, hash: &Hash, new: &NewArtifact) -> Result<()> {
    let fault = |error| sql_error(STORE, error);
    for parent in &new.parents {
        let known: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM artifact WHERE id = ?1) OR EXISTS (SELECT 1 FROM run WHERE id = ?1)")
            .and_then(|mut statement| statement.query_row([parent], |row| row.get(0)))
            .map_err(fault)?;
        if !known {
            return Err(STORE
                .not_found("artifact or run", parent)
                .detail("argument", "parents"));
        }
    }
    connection
        .prepare_cached("INSERT INTO artifact (id, hash, content_type, name, metadata, created_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .and_then(|mut statement| statement.execute((id, &hash.0[..], &new.content_type, &new.name, Json::Object(new.metadata.clone()).to_string(), now_us())))
        .map_err(fault)?;
    for tag in &new.tags {
        connection
            .prepare_cached("INSERT OR IGNORE INTO artifact_tag (artifact, tag) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute((id, tag)))
            .map_err(fault)?;
    }
    for (ordinal, parent) in new.parents.iter().enumerate() {
        connection
            .prepare_cached(
                "INSERT INTO artifact_parent (artifact, ordinal, parent) VALUES (?1, ?2, ?3)",
            )
            .and_then(|mut statement| statement.execute((id, ordinal as i64, parent)))
            .map_err(fault)?;
    }
    Ok(())
}

fn hash_of(op: Op, connection: &Connection, id: Uuid) -> Result<Option<Hash>> {
    let bytes: Option<Vec<u8>> = connection
        .prepare_cached("SELECT hash FROM artifact WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
        .map_err(|error| sql_error(op, error))?;
    Ok(bytes.and_then(|bytes| Hash::from_slice(&bytes)))
}

fn describe(op: Op, connection: &Connection, id: Uuid) -> Result<Option<Artifact>> {
    let query =
        || {
            let found = connection
            .prepare_cached(
                "SELECT a.hash, c.size, c.stored, a.content_type, a.name, a.metadata, a.created_us
                 FROM artifact a JOIN content c ON c.hash = a.hash WHERE a.id = ?1",
            )?
            .query_row([id], |row| {
                let hash: Vec<u8> = row.get(0)?;
                let metadata: String = row.get(5)?;
                Ok(Artifact {
                    id,
                    hash: Hash::from_slice(&hash).map(|hash| hash.hex()).unwrap_or_default(),
                    size: row.get::<_, i64>(1)? as u64,
                    stored: row.get::<_, i64>(2)? as u64,
                    content_type: row.get(3)?,
                    name: row.get(4)?,
                    metadata: serde_json::from_str(&metadata).unwrap_or_default(),
                    tags: Vec::new(),
                    parents: Vec::new(),
                    created_us: row.get(6)?,
                })
            })
            .optional()?;
            let Some(mut artifact) = found else {
                return Ok(None);
            };
            artifact.tags = connection
                .prepare_cached("SELECT tag FROM artifact_tag WHERE artifact = ?1 ORDER BY tag")?
                .query_map([id], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            artifact.parents = connection
                .prepare_cached(
                    "SELECT parent FROM artifact_parent WHERE artifact = ?1 ORDER BY ordinal",
                )?
                .query_map([id], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Some(artifact))
        };
    query().map_err(|error| sql_error(op, error))
}

fn check(new: &NewArtifact) -> Result<()> {
    if !is_mime(&new.content_type) {
        return Err(STORE.invalid(
            "content_type",
            new.content_type.as_str(),
            "a MIME type such as text/plain or application/json",
        ));
    }
    if let Some(name) = &new.name {
        if name.is_empty() || name.len() > LIMIT || name.chars().any(char::is_control) {
            return Err(STORE.invalid(
                "name",
                name.as_str(),
                "1 to 200 bytes of text without control characters",
            ));
        }
    }
    for tag in &new.tags {
        if tag.is_empty() || tag.len() > LIMIT || tag.chars().any(char::is_control) {
            return Err(STORE.invalid(
                "tags",
                tag.as_str(),
                "tags of 1 to 200 bytes without control characters",
            ));
        }
    }
    Ok(())
}

fn is_mime(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte))
    };
    let bare = text.split(';').next().unwrap_or_default().trim_end();
    text.len() <= LIMIT
        && !text.chars().any(char::is_control)
        && bare
            .split_once('/')
            .is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

#[track_caller]
fn unknown(op: Op, id: Uuid) -> PitError {
    op.not_found("artifact", id)
        .hint("it was never stored in this Pit home, or it was deleted")
}
