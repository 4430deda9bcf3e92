//! Content-addressed storage: what has the same SHA-256 is kept once. Small content lives in the database, large content
//! in `blobs/ab/<hash>`; both compressed by zstd where that saves something. A file is staged beside its final place,
//! synced, and renamed inside the transaction that makes its row: no row is ever without its file. A crash may leave files
//! without a row: forgotten content that `trash` lists, and content whose row was never committed. Opening removes both.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::{io_error, sql_error, Home};
use crate::error::{Kind, Op, Result};

/// Up to here content lives in the database itself (stored size, bytes).
const INLINE: usize = 16 * 1024;
/// Below this size compression is not tried.
const COMPRESS_FROM: usize = 256;
/// Files up to this size are staged in memory (bytes).
const IN_MEMORY: u64 = 1024 * 1024;
const CHUNK: usize = 256 * 1024;
const LEVEL: i32 = 3;

/// SHA-256 of the content as the user gave it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    pub fn of(content: &[u8]) -> Hash {
        Hash(Sha256::digest(content).into())
    }
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
    pub fn from_slice(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }
    pub(super) fn from_hex(text: &str) -> Option<Hash> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut hash = [0; 32];
        for (place, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(Hash(hash))
    }
}

/// Content ready to be given a row. Dropping it unused removes its temporary file.
pub struct Staged {
    pub hash: Hash,
    /// Bytes of the content.
    pub size: u64,
    /// Bytes it takes when kept.
    pub stored: u64,
    zstd: bool,
    form: Form,
}

enum Form {
    Inline(Vec<u8>),
    File { temporary: PathBuf, place: PathBuf },
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Form::File { temporary, .. } = &self.form {
            drop(fs::remove_file(temporary));
        }
    }
}

/// Content as it lies in the home; without bytes when its file is missing.
struct Kept {
    bytes: Option<Vec<u8>>,
    zstd: bool,
    size: i64,
}

impl Home {
    /// Compresses and writes `content` to its waiting place. Blocks on the disk when it is large.
    pub fn stage(&self, op: Op, content: &[u8]) -> Result<Staged> {
        let hash = Hash::of(content);
        let packed = compressed(content).map_err(|error| {
            op.error(Kind::Internal, format!("zstd: {error}"))
                .because(error)
        })?;
        let zstd = packed.is_some();
        let size = content.len() as u64;
        let bytes = packed.unwrap_or_else(|| content.to_vec());
        let stored = bytes.len() as u64;
        let form = match self.folder() {
            Some(folder) if bytes.len() > INLINE => {
                let (temporary, place) = (temporary(folder), place(folder, &hash));
                let form = Form::File {
                    temporary: temporary.clone(),
                    place,
                };
                let staged = Staged {
                    hash,
                    size,
                    stored,
                    zstd,
                    form,
                };
                write_synced(&temporary, |file| file.write_all(&bytes))
                    .map_err(|error| io_error(op, &temporary, error))?;
                return Ok(staged);
            }
            _ => Form::Inline(bytes),
        };
        Ok(Staged {
            hash,
            size,
            stored,
            zstd,
            form,
        })
    }

    /// As `stage`, from a file, with bounded memory.
    pub fn stage_file(&self, op: Op, path: &Path) -> Result<Staged> {
        let fault = |error: io::Error| io_error(op, path, error);
        let mut file = File::open(path).map_err(fault)?;
        let length = file.metadata().map_err(fault)?.len();
        let folder = match self.folder() {
            Some(folder) if length > IN_MEMORY => folder,
            _ => {
                let mut content = Vec::with_capacity(length as usize);
                file.read_to_end(&mut content).map_err(fault)?;
                return self.stage(op, &content);
            }
        };
        let mut chunk = vec![0; CHUNK];
        let first = read_full(&mut file, &mut chunk).map_err(fault)?;
        let zstd = compressed(&chunk[..first]).map_err(fault)?.is_some();
        let temporary = temporary(folder);
        let mut staged = Staged {
            hash: Hash([0; 32]),
            size: 0,
            stored: 0,
            zstd,
            form: Form::File {
                temporary: temporary.clone(),
                place: PathBuf::new(),
            },
        };
        let mut digest = Sha256::new();
        let mut size = 0;
        write_synced(&temporary, |target| {
            packed_into(target, zstd, |sink| {
                let mut filled = first;
                while filled > 0 {
                    digest.update(&chunk[..filled]);
                    size += filled as u64;
                    sink.write_all(&chunk[..filled])?;
                    filled = read_full(&mut file, &mut chunk)?;
                }
                Ok(())
            })
        })
        .map_err(|error| io_error(op, &temporary, error))?;
        staged.hash = Hash(digest.finalize().into());
        staged.size = size;
        staged.stored = fs::metadata(&temporary).map_err(fault)?.len();
        staged.form = Form::File {
            place: place(folder, &staged.hash),
            temporary,
        };
        Ok(staged)
    }

    /// The content of `hash`, checked against its address; None when nothing has that address.
    pub fn content(&self, op: Op, hash: &Hash) -> Result<Option<Vec<u8>>> {
        // A reader beside a cleaner: the row may go between the look at it and the opening of its file.
        for _ in 0..3 {
            let Some(kept) = self.kept(op, hash)? else {
                return Ok(None);
            };
            let Some(bytes) = kept.bytes else { continue };
            let plain = if kept.zstd {
                zstd::bulk::decompress(&bytes, kept.size as usize).ok()
            } else {
                Some(bytes)
            };
            return match plain {
                Some(content) if Hash::of(&content) == *hash => Ok(Some(content)),
                _ => Err(damaged(op, hash, "its bytes are not what was stored")),
            };
        }
        Err(damaged(op, hash, "its file is missing"))
    }

    fn kept(&self, op: Op, hash: &Hash) -> Result<Option<Kept>> {
        let row = self.read(op, |connection| {
            connection
                .prepare_cached("SELECT data, zstd, size FROM content WHERE hash = ?1")
                .and_then(|mut statement| {
                    statement
                        .query_row([&hash.0[..]], |row| {
                            Ok(Kept {
                                bytes: row.get(0)?,
                                zstd: row.get(1)?,
                                size: row.get(2)?,
                            })
                        })
                        .optional()
                })
                .map_err(|error| sql_error(op, error))
        })?;
        let Some(mut kept) = row else {
            return Ok(None);
        };
        if let (None, Some(folder)) = (&kept.bytes, self.folder()) {
            let path = place(folder, hash);
            kept.bytes = match fs::read(&path) {
                Ok(bytes) => Some(bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(io_error(op, &path, error)),
            };
        }
        Ok(Some(kept))
    }
}

impl Staged {
    /// Makes this content durable within the running transaction; equal content is kept as it is.
    pub fn keep(&self, op: Op, connection: &Connection) -> Result<()> {
        let fault = |error| sql_error(op, error);
        let in_file: Option<bool> = connection
            .prepare_cached("SELECT data IS NULL FROM content WHERE hash = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([&self.hash.0[..]], |row| row.get(0))
                    .optional()
            })
            .map_err(fault)?;
        // Cleaners remove files only inside a transaction, so what is there now stays.
        let data = match (&self.form, in_file) {
            (_, Some(false)) => return Ok(()),
            (Form::File { place, .. }, Some(true)) if place.exists() => return Ok(()),
            (Form::File { temporary, place }, _) => {
                // Also over a file without a row, which a crash may have left and which may be packed differently.
                move_synced(temporary, place).map_err(|error| io_error(op, place, error))?;
                None
            }
            (Form::Inline(bytes), _) => Some(bytes),
        };
        connection
            .prepare_cached("INSERT OR REPLACE INTO content (hash, size, stored, zstd, data) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut statement| statement.execute((&self.hash.0[..], self.size as i64, self.stored as i64, self.zstd, data)))
            .map_err(fault)?;
        Ok(())
    }
}

fn damaged(op: Op, hash: &Hash, what: &str) -> crate::error::PitError {
    op.error(
        Kind::Damaged,
        format!("the content {} is damaged: {what}", hash.hex()),
    )
    .detail("hash", hash.hex())
    .hint("store the content again; look at the disk of the Pit home")
}

/// Writes what `fill` gives through zstd, or as it is. The end of the stream is written here and its error told:
/// a full disk may show only then.
fn packed_into<W: Write>(
    target: &mut W,
    zstd: bool,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if !zstd {
        return fill(target);
    }
    let mut encoder = zstd::Encoder::new(target, LEVEL)?;
    fill(&mut encoder)?;
    encoder.finish().map(drop)
}

/// The compressed form when it saves at least a tenth.
fn compressed(content: &[u8]) -> io::Result<Option<Vec<u8>>> {
    if content.len() < COMPRESS_FROM {
        return Ok(None);
    }
    let packed = zstd::bulk::compress(content, LEVEL)?;
    Ok((packed.len() * 10 <= content.len() * 9).then_some(packed))
}

pub(super) fn place(folder: &Path, hash: &Hash) -> PathBuf {
    let hex = hash.hex();
    folder.join("blobs").join(&hex[..2]).join(&hex)
}

/// A name of its own in `blobs/tmp`; it begins with our process id, so that what a dead process left can be told.
fn temporary(folder: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    folder
        .join("blobs")
        .join("tmp")
        .join(format!("{}-{number}", std::process::id()))
}

fn write_synced(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = File::create(path)?;
    write(&mut file)?;
    file.sync_all()
}

fn move_synced(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
    if !folder.exists() {
        fs::create_dir_all(folder)?;
        if let Some(above) = folder.parent() {
            File::open(above)?.sync_all()?;
        }
    }
    fs::rename(from, to)?;
    File::open(folder)?.sync_all()
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    struct Small(usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0 -= bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fills_at_the_end_of_a_stream_is_an_error() {
        // So little content that everything is written by the end of the stream.
        let outcome = packed_into(&mut Small(0), true, |sink| sink.write_all(b"content"));
        assert_eq!(
            outcome.map_err(|error| error.kind()),
            Err(io::ErrorKind::StorageFull)
        );
        assert!(packed_into(&mut Small(100), true, |sink| sink.write_all(b"content")).is_ok());
    }
}
