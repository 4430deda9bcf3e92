//! Ids are UUIDs. A text of the wrong form is `Invalid`; whether an id names something is each component's question.
//!
//! Threads: any; each draws from a source of its own, so that a new id takes no system call.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Once;

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::error::{Op, Result};

/// A new random id.
pub fn fresh() -> Uuid {
    let mut source = SOURCE.get();
    if source.drawn == 0 || source.forks != FORKS.load(Ordering::Relaxed) {
        source = Source::seeded();
    }
    source.drawn += 1;
    SOURCE.set(source);
    source.id()
}

/// Reads the text form of an id.
#[track_caller]
pub fn parse(op: Op, field: &str, text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| {
        op.invalid(
            field,
            text,
            "a UUID such as 6fa459ea-ee8a-4ca4-894e-db77e160355e",
        )
    })
}

/// How often this process is a fork: a copy must not draw what its original draws.
static FORKS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static SOURCE: Cell<Source> = const { Cell::new(Source { seed: [[0; 16]; 2], drawn: 0, forks: 0 }) };
}

/// Ids are hashes of a seed that nobody knows and of their number: as random as the seed.
#[derive(Clone, Copy)]
struct Source {
    seed: [[u8; 16]; 2],
    /// 0 before the source is seeded.
    drawn: u64,
    forks: u32,
}

impl Source {
    fn seeded() -> Self {
        watch_forks();
        Self {
            seed: [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()],
            drawn: 0,
            forks: FORKS.load(Ordering::Relaxed),
        }
    }

    fn id(&self) -> Uuid {
        let hash = Sha256::new()
            .chain_update(self.seed.as_flattened())
            .chain_update(self.drawn.to_le_bytes())
            .finalize();
        let mut random = [0; 16];
        random.copy_from_slice(&hash[..16]);
        Builder::from_random_bytes(random).into_uuid()
    }
}

fn watch_forks() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: the function takes no lock and allocates nothing, as befits one that runs in a fork.
        let failed = unsafe { libc::pthread_atfork(None, None, Some(count_fork)) };
        assert_eq!(failed, 0, "no memory to watch for forks");
    });
}

extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    #[test]
    fn ids_are_random_uuids_and_differ_on_every_thread() {
        let draw = || (0..1000).map(|_| fresh()).collect::<Vec<_>>();
        let other = thread::spawn(draw);
        let mut ids = draw();
        ids.extend(other.join().unwrap());
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 2000);
    }

    #[test]
    fn a_fork_does_not_draw_what_its_original_draws() {
        fresh();
        let (mut reader, mut writer) = UnixStream::pair().unwrap();
        // SAFETY: the copy only draws an id, which takes no lock and allocates nothing, writes it and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let written = writer.write_all(fresh().as_bytes());
            // SAFETY: ends the copy.
            unsafe { libc::_exit(i32::from(written.is_err())) }
        }
        let mut drawn = [0; 16];
        reader.read_exact(&mut drawn).unwrap();
        // SAFETY: the copy is ours, and nobody else waits for it.
        let waited = unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        assert_eq!(waited, child);
        assert_ne!(Uuid::from_bytes(drawn), fresh());
    }
}
