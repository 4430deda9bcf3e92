//! The mapped trace file: creation, header, clock anchors, and who owns which ring.
//!
//! Threads: any. `ACTIVE` is read without a lock by every event; mappings are never unmapped, because another thread
//! may be in the middle of an event when the recorder switches files.
//! Must not know: events (see `ring`), spans (see `span`), the operating system's files (see `disk`).

use super::clock::{self, Anchor};
use super::disk::MappedFile;
use super::layout::*;
use super::strings;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

static ACTIVE: AtomicPtr<Mapping> = AtomicPtr::new(ptr::null_mut());
static FORKED: AtomicBool = AtomicBool::new(false);
static WATCH_FORKS: Once = Once::new();

/// The string table reserves disk in steps of this size.
const STRINGS_STEP: usize = 64 << 10;

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
    file: MappedFile,
    options: Options,
    clock: u32,
    owners: Mutex<Owners>,
    /// One writer at a time for the anchors; a loser skips, since the winner's anchor is as new.
    anchoring: AtomicBool,
    /// Bytes of the string table that are sure to have room on the disk.
    strings_reserved: AtomicUsize,
    strings_full: AtomicBool,
}

struct Owners {
    fresh: u32,
    released: VecDeque<u32>,
}

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
        let file = MappedFile::create(path, length)?;
        if !file.reserve(0, HEADER_BYTES) {
            return Err(RecorderError::Io {
                action: "find room for",
                path: path.to_path_buf(),
                source: std::io::Error::last_os_error(),
            });
        }
        let mapping = Mapping {
            file,
            options,
            clock: clock::choose(),
            owners: Mutex::new(Owners {
                fresh: 0,
                released: VecDeque::new(),
            }),
            anchoring: AtomicBool::new(false),
            strings_reserved: AtomicUsize::new(0),
            strings_full: AtomicBool::new(false),
        };
        mapping.write_header();
        Ok(mapping)
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
        self.at(self.ring_offset(slot))
    }

    fn ring_offset(&self, slot: u32) -> usize {
        HEADER_BYTES + self.options.strings_bytes + self.stride() * slot as usize
    }

    fn stride(&self) -> usize {
        RING_HEADER_BYTES + self.options.ring_events * EVENT_BYTES
    }

    /// Room for strings up to `end` bytes; once false, always false: ids count entries, so none may be left out.
    /// Called under the string table's lock only.
    pub(super) fn reserve_strings(&self, end: usize) -> bool {
        let reserved = self.strings_reserved.load(Ordering::Relaxed);
        if self.strings_full.load(Ordering::Relaxed) {
            return false;
        }
        if end <= reserved {
            return true;
        }
        let wanted = end
            .next_multiple_of(STRINGS_STEP)
            .min(self.options.strings_bytes);
        let room = end <= wanted
            && self
                .file
                .reserve(HEADER_BYTES + reserved, wanted - reserved);
        if room {
            self.strings_reserved.store(wanted, Ordering::Relaxed);
        } else {
            self.strings_full.store(true, Ordering::Relaxed);
        }
        room
    }

    /// Gives an untouched ring while there is one, then the one that was released longest ago: the last moments of
    /// threads that are gone stay readable as long as possible.
    pub(super) fn claim_ring(&self) -> Option<u32> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let untouched = (owners.fresh as usize) < self.options.rings;
        if untouched
            && self
                .file
                .reserve(self.ring_offset(owners.fresh), self.stride())
        {
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
        self.file.start_write_back();
    }

    fn finish(&self) {
        self.write_anchor();
        self.u32_at(HEADER_CLOSED).store(1, Ordering::Release);
        self.start_write_back();
    }

    fn write_header(&self) {
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
            .store(self.stride() as u64, Ordering::Relaxed);
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
        self.file.at(offset)
    }
}
