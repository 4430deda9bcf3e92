//! Trace files for one test each. The recorder is one per process: a test that opens it here is alone until it ends.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use symphony_core::recorder::{self, Options};

static ALONE: Mutex<()> = Mutex::new(());

pub const SMALL: Options = Options {
    ring_events: 64,
    rings: 4,
    strings_bytes: 8192,
};

/// A file of this test's own, removed when the guard drops.
pub struct Scratch {
    _alone: MutexGuard<'static, ()>,
    file: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        recorder::close();
        let _ = std::fs::remove_file(&self.file);
    }
}

pub fn start(name: &str, options: Options) -> (Scratch, PathBuf) {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let file = scratch(name);
    recorder::open_with(&file, options).expect("opens");
    (
        Scratch {
            _alone: alone,
            file: file.clone(),
        },
        file,
    )
}

/// A path that no other test uses.
pub fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("recorder-{name}-{}.symtrace", std::process::id()))
}
