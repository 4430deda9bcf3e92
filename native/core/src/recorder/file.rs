//! The mapped trace file: creation, header, clock anchors, and who owns which ring.
//!
//! Threads: any. `ACTIVE` is read without a lock by every event; mappings are never unmapped, because another thread
//! may be in the middle of an event when the recorder switches files.
//! Must not know: events (see `ring`), spans (see `span`). The only place that is specific to the operating system's files.

use super::clock::{self, Anchor};
use super::layout::*;
use super::strings;
use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

static ACTIVE: AtomicPtr<Mapping> = AtomicPtr::new(ptr::null_mut());
static FORKED: AtomicBool = AtomicBool::new(false);
static WATCH_FORKS: Once = Once::new();

/// Sizes of a trace file. The file is sparse: only what is written takes disk.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Events each thread keeps, a power of two (32 bytes each).
    pub ring_events: usize,
    /// Threads that can record at the same time.
    pub rings: usize,
    /// Bytes for names and sites, a multiple of 4096.
    pub strings_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            ring_events: 1 << 16,
            rings: 128,
            strings_bytes: 8 << 20,
        }
    }
}

/// Why a trace file could not be opened.
#[derive(Debug)]
pub enum RecorderError {
    /// The sizes asked for cannot make a file.
    Options(&'static str),
    /// The operating system refused.
    Io {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: std::io::Error,
    },
}

impl std::fmt::Display for RecorderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RecorderError::Options(reason) => write!(f, "trace file sizes: {reason}"),
            RecorderError::Io {
                action,
                path,
                source,
            } => {
                write!(
                    f,
                    "cannot {action} the trace file {}: {source}",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for RecorderError {}

/// One open trace file.
pub(super) struct Mapping {
    base: *mut u8,
    length: usize,
    path: PathBuf,
    options: Options,
    clock: u32,
    owners: Mutex<Owners>,
    /// One writer at a time for the anchors; a loser skips, since the winner's anchor is as new.
    anchoring: AtomicBool,
}

struct Owners {
    fresh: u32,
    released: VecDeque<u32>,
}

// SAFETY: `base` points at a mapping that lives for the rest of the process; header fields shared between threads are
// accessed as atomics, and each ring is written by the one thread that `owners` gave it to.
unsafe impl Send for Mapping {}
// SAFETY: as for Send.
unsafe impl Sync for Mapping {}

/// The open mapping, if any.
#[inline(always)]
pub(super) fn active() -> Option<&'static Mapping> {
    // SAFETY: the pointer is null or comes from `Box::leak` in `open`.
    unsafe { ACTIVE.load(Ordering::Acquire).as_ref() }
}

/// True in a child made by `fork`: it shares the parent's pages and must not record into them.
pub(super) fn is_fork() -> bool {
    FORKED.load(Ordering::Relaxed)
}

pub(super) fn open(path: &Path, options: Options) -> Result<(), RecorderError> {
    if is_fork() {
        return Err(RecorderError::Options(
            "a forked process cannot record; start a new process instead",
        ));
    }
    WATCH_FORKS.call_once(|| {
        // SAFETY: the handler only stores to atomics, which is allowed between fork and exec.
        unsafe { libc::pthread_atfork(None, None, Some(forget_in_fork)) };
    });
    let mapping: &'static Mapping = Box::leak(Box::new(Mapping::create(path, options)?));
    strings::publish(mapping, || {
        let former = ACTIVE.swap(ptr::from_ref(mapping).cast_mut(), Ordering::AcqRel);
        // SAFETY: as in `active`.
        if let Some(former) = unsafe { former.as_ref() } {
            former.finish();
        }
    });
    Ok(())
}

pub(super) fn close() {
    let former = ACTIVE.swap(ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: as in `active`.
    if let Some(former) = unsafe { former.as_ref() } {
        former.finish();
    }
}

extern "C" fn forget_in_fork() {
    FORKED.store(true, Ordering::Relaxed);
    ACTIVE.store(ptr::null_mut(), Ordering::Release);
}

impl Mapping {
    fn create(path: &Path, options: Options) -> Result<Mapping, RecorderError> {
        if !options.ring_events.is_power_of_two() || options.ring_events < 16 {
            return Err(RecorderError::Options(
                "ring_events must be a power of two of at least 16",
            ));
        }
        if options.rings == 0 || options.rings > 1 << 12 {
            return Err(RecorderError::Options("rings must be between 1 and 4096"));
        }
        if options.strings_bytes == 0 || options.strings_bytes % 4096 != 0 {
            return Err(RecorderError::Options(
                "strings_bytes must be a multiple of 4096",
            ));
        }
        let stride = RING_HEADER_BYTES + options.ring_events * EVENT_BYTES;
        let length = HEADER_BYTES + options.strings_bytes + stride * options.rings;
        let base = map_file(path, length)?;
        let mapping = Mapping {
            base,
            length,
            path: path.to_path_buf(),
            options,
            clock: clock::choose(),
            owners: Mutex::new(Owners {
                fresh: 0,
                released: VecDeque::new(),
            }),
            anchoring: AtomicBool::new(false),
        };
        mapping.write_header(stride);
        Ok(mapping)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    #[inline(always)]
    pub(super) fn clock(&self) -> u32 {
        self.clock
    }

    pub(super) fn ring_events(&self) -> usize {
        self.options.ring_events
    }

    pub(super) fn strings_bytes(&self) -> usize {
        self.options.strings_bytes
    }

    /// Start of the string table.
    pub(super) fn strings(&self) -> *mut u8 {
        self.at(HEADER_BYTES)
    }

    /// Header of ring `slot`.
    pub(super) fn ring(&self, slot: u32) -> *mut u8 {
        let stride = RING_HEADER_BYTES + self.options.ring_events * EVENT_BYTES;
        self.at(HEADER_BYTES + self.options.strings_bytes + stride * slot as usize)
    }

    /// Gives an untouched ring while there is one, then the one that was released longest ago: the last moments of
    /// threads that are gone stay readable as long as possible.
    pub(super) fn claim_ring(&self) -> Option<u32> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if (owners.fresh as usize) < self.options.rings {
            owners.fresh += 1;
            self.u32_at(HEADER_RINGS_USED)
                .store(owners.fresh, Ordering::Release);
            return Some(owners.fresh - 1);
        }
        owners.released.pop_front()
    }

    pub(super) fn release_ring(&self, slot: u32) {
        self.owners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .released
            .push_back(slot);
    }

    pub(super) fn u64_at(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset % 8 == 0 && offset + 8 <= HEADER_BYTES);
        // SAFETY: inside the header page, aligned, and only accessed as an atomic.
        unsafe { AtomicU64::from_ptr(self.at(offset).cast()) }
    }

    fn u32_at(&self, offset: usize) -> &AtomicU32 {
        debug_assert!(offset % 4 == 0 && offset + 4 <= HEADER_BYTES);
        // SAFETY: inside the header page, aligned, and only accessed as an atomic.
        unsafe { AtomicU32::from_ptr(self.at(offset).cast()) }
    }

    /// Records where the clocks stand now, so that a reader can turn ticks into time.
    pub(super) fn write_anchor(&self) {
        if self.anchoring.swap(true, Ordering::Acquire) {
            return;
        }
        let written = self.u64_at(HEADER_ANCHOR_SEQUENCE).load(Ordering::Relaxed);
        self.put_anchor(
            HEADER_ANCHORS + 24 * (written & 1) as usize,
            Anchor::take(self.clock),
        );
        self.u64_at(HEADER_ANCHOR_SEQUENCE)
            .store(written + 1, Ordering::Release);
        self.anchoring.store(false, Ordering::Release);
    }

    /// Asks the kernel to write dirty pages; returns at once.
    pub(super) fn start_write_back(&self) {
        // SAFETY: the range is the whole mapping.
        unsafe { libc::msync(self.base.cast(), self.length, libc::MS_ASYNC) };
    }

    fn finish(&self) {
        self.write_anchor();
        self.u32_at(HEADER_CLOSED).store(1, Ordering::Release);
        self.start_write_back();
    }

    fn write_header(&self, stride: usize) {
        self.u32_at(HEADER_VERSION)
            .store(VERSION, Ordering::Relaxed);
        self.u32_at(HEADER_PID)
            .store(std::process::id(), Ordering::Relaxed);
        self.u32_at(HEADER_CLOCK)
            .store(self.clock, Ordering::Relaxed);
        self.u64_at(HEADER_STRINGS_OFFSET)
            .store(HEADER_BYTES as u64, Ordering::Relaxed);
        self.u64_at(HEADER_STRINGS_CAPACITY)
            .store(self.options.strings_bytes as u64, Ordering::Relaxed);
        let rings = HEADER_BYTES + self.options.strings_bytes;
        self.u64_at(HEADER_RINGS_OFFSET)
            .store(rings as u64, Ordering::Relaxed);
        self.u64_at(HEADER_RING_STRIDE)
            .store(stride as u64, Ordering::Relaxed);
        self.u32_at(HEADER_RING_EVENTS)
            .store(self.options.ring_events as u32, Ordering::Relaxed);
        self.u32_at(HEADER_RING_COUNT)
            .store(self.options.rings as u32, Ordering::Relaxed);
        self.put_anchor(HEADER_FIRST_ANCHOR, Anchor::take(self.clock));
        // Two anchors some time apart give the counter's rate even to a reader of a process that died at once.
        let opened = Instant::now();
        while opened.elapsed() < Duration::from_micros(200) {
            std::hint::spin_loop();
        }
        self.write_anchor();
        // The magic comes last: a file without it was never finished.
        self.u64_at(0)
            .store(u64::from_le_bytes(*MAGIC), Ordering::Release);
    }

    fn put_anchor(&self, offset: usize, anchor: Anchor) {
        self.u64_at(offset).store(anchor.ticks, Ordering::Relaxed);
        self.u64_at(offset + 8)
            .store(anchor.monotonic_ns, Ordering::Relaxed);
        self.u64_at(offset + 16)
            .store(anchor.wall_ns, Ordering::Relaxed);
    }

    fn at(&self, offset: usize) -> *mut u8 {
        assert!(offset < self.length);
        // SAFETY: checked to be inside the mapping.
        unsafe { self.base.add(offset) }
    }
}

fn map_file(path: &Path, length: usize) -> Result<*mut u8, RecorderError> {
    let refused = |action, source| RecorderError::Io {
        action,
        path: path.to_path_buf(),
        source,
    };
    // A file another process still maps must not shrink under it (that would be SIGBUS there): replace, never truncate.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(refused("replace", error))
        }
        _ => {}
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| refused("create", error))?;
    file.set_len(length as u64)
        .map_err(|error| refused("size", error))?;
    // SAFETY: a fresh shared mapping of a file we hold open, of exactly its length; the result is checked below.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(refused("map", std::io::Error::last_os_error()));
    }
    Ok(base.cast())
}
