//! Per-thread rings: claiming, releasing at thread exit, and writing an event.
//!
//! Threads: each ring is written by exactly one thread, without locks; `slots` says how others read it meanwhile.
//! Must not know: what events mean (see `span`).

use super::file::{self, Mapping};
use super::layout::*;
use super::slots::{self, Memory};
use super::{clock, strings, NameId, SpanId};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Spans a thread can have open inside each other before inner ones stop becoming the current parent.
const DEPTH: usize = 64;

/// One event, without its time.
#[derive(Clone, Copy)]
pub(super) struct Event {
    pub kind: u8,
    pub lang: u8,
    pub flags: u16,
    pub name: NameId,
    pub span: SpanId,
    pub arg: u64,
}

impl Event {
    pub(super) const fn new(kind: u8, name: NameId, span: SpanId, arg: u64) -> Event {
        Event {
            kind,
            lang: 0,
            flags: 0,
            name,
            span,
            arg,
        }
    }
}

/// The calling thread's place in the trace. Has no destructor, so that access compiles to a plain thread-local load;
/// `Release` returns the ring.
pub(super) struct Local {
    mapping: Cell<*const Mapping>,
    ring: Cell<*mut u8>,
    mask: Cell<u64>,
    head: Cell<u64>,
    next_span: Cell<u64>,
    name: Cell<NameId>,
    slot: Cell<u32>,
    depth: Cell<usize>,
    stack: [Cell<SpanId>; DEPTH],
}

struct Release;

thread_local! {
    static LOCAL: Local = const { Local::new() };
    static RELEASE: Release = const { Release };
}

/// Runs `use_ring` with the calling thread's ring; `None` when no file is open or no ring is free.
#[inline(always)]
pub(super) fn with<R>(use_ring: impl FnOnce(&Local, &Mapping) -> R) -> Option<R> {
    let mapping = file::active()?;
    LOCAL.with(|local| {
        if local.mapping.get() != ptr::from_ref(mapping) {
            local.claim(mapping);
        }
        if local.ring.get().is_null() {
            mapping
                .u64_at(HEADER_LOST_EVENTS)
                .fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(use_ring(local, mapping))
    })
}

pub(super) fn set_thread_name(name: &str) {
    let id = strings::intern_raw(name);
    LOCAL.with(|local| local.name.set(id));
    // A claim made by this very call has already announced the new name; saying it twice does no harm.
    with(|local, mapping| local.announce(mapping));
}

impl Local {
    const fn new() -> Local {
        Local {
            mapping: Cell::new(ptr::null()),
            ring: Cell::new(ptr::null_mut()),
            mask: Cell::new(0),
            head: Cell::new(0),
            next_span: Cell::new(0),
            name: Cell::new(0),
            slot: Cell::new(0),
            depth: Cell::new(0),
            stack: [const { Cell::new(0) }; DEPTH],
        }
    }

    /// Appends an event to the ring.
    #[inline(always)]
    pub(super) fn write(&self, mapping: &Mapping, event: Event) {
        let head = self.head.get();
        let ring = self.ring.get();
        let word = u64::from(event.name)
            | u64::from(event.kind) << 32
            | u64::from(event.lang) << 40
            | u64::from(event.flags) << 48;
        let words = [clock::ticks(mapping.clock()), word, event.span, event.arg];
        slots::put(&Mapped(ring), head, self.mask.get(), words);
        self.head.set(head + 1);
    }

    /// A span id that no other span of this file has.
    #[inline(always)]
    pub(super) fn new_span(&self) -> SpanId {
        let count = self.next_span.get() + 1;
        self.next_span.set(count);
        u64::from(self.slot.get()) << SPAN_COUNTER_BITS | count
    }

    /// Span the thread is in; 0 = none.
    #[inline(always)]
    pub(super) fn current(&self) -> SpanId {
        match self.depth.get() {
            0 => 0,
            depth => self.stack[depth - 1].get(),
        }
    }

    #[inline(always)]
    pub(super) fn push(&self, span: SpanId) {
        let depth = self.depth.get();
        if depth < DEPTH {
            self.stack[depth].set(span);
            self.depth.set(depth + 1);
        }
    }

    /// Leaves `span`. Anything but the innermost one is the rare case of scopes that do not nest.
    #[inline(always)]
    pub(super) fn pop(&self, span: SpanId) {
        let depth = self.depth.get();
        if depth > 0 && self.stack[depth - 1].get() == span {
            self.depth.set(depth - 1);
        } else {
            self.remove(span);
        }
    }

    #[cold]
    fn remove(&self, span: SpanId) {
        let depth = self.depth.get();
        if let Some(index) = (0..depth)
            .rev()
            .find(|index| self.stack[*index].get() == span)
        {
            for later in index + 1..depth {
                self.stack[later - 1].set(self.stack[later].get());
            }
            self.depth.set(depth - 1);
        }
    }

    #[cold]
    fn claim(&self, mapping: &'static Mapping) {
        self.mapping.set(mapping);
        self.ring.set(ptr::null_mut());
        // Spans of the former file mean nothing in this one.
        self.depth.set(0);
        // Past the thread's destructors nobody would return the ring.
        if RELEASE.try_with(|_| ()).is_err() {
            return;
        }
        let Some(slot) = mapping.claim_ring() else {
            return;
        };
        let ring = mapping.ring(slot);
        self.slot.set(slot);
        self.ring.set(ring);
        self.mask.set(mapping.ring_events() as u64 - 1);
        self.head
            .set(ring_u64(ring, RING_HEAD).load(Ordering::Relaxed));
        self.next_span
            .set(ring_u64(ring, RING_SPANS).load(Ordering::Relaxed));
        if self.name.get() == 0 {
            self.name.set(strings::intern_raw(&system_thread_name()));
        }
        ring_u32(ring, RING_OWNED).store(1, Ordering::Relaxed);
        self.announce(mapping);
        mapping.write_anchor();
    }

    /// Marks whose events follow: a ring outlives its thread and then serves another.
    fn announce(&self, mapping: &Mapping) {
        let ring = self.ring.get();
        let former = ring_u32(ring, RING_NAME).swap(self.name.get(), Ordering::Relaxed);
        // SAFETY: gettid has no preconditions.
        let thread = unsafe { libc::gettid() } as u64;
        ring_u64(ring, RING_THREAD).store(thread, Ordering::Relaxed);
        self.write(
            mapping,
            Event::new(KIND_THREAD, self.name.get(), thread, u64::from(former)),
        );
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        LOCAL.with(|local| {
            let ring = local.ring.replace(ptr::null_mut());
            // In a forked child the ring belongs to the parent's thread.
            if ring.is_null() || file::is_fork() {
                return;
            }
            ring_u64(ring, RING_SPANS).store(local.next_span.get(), Ordering::Relaxed);
            ring_u32(ring, RING_OWNED).store(0, Ordering::Release);
            // SAFETY: a non-null ring came from this mapping, and mappings live for the rest of the process.
            unsafe { &*local.mapping.get() }.release_ring(local.slot.get());
        });
    }
}

/// A ring of a mapping.
struct Mapped(*mut u8);

impl Memory for Mapped {
    type Word = AtomicU64;

    #[inline(always)]
    fn head(&self) -> &AtomicU64 {
        ring_u64(self.0, RING_HEAD)
    }

    #[inline(always)]
    fn word(&self, slot: u64, index: usize) -> &AtomicU64 {
        ring_u64(
            self.0,
            RING_HEADER_BYTES + slot as usize * EVENT_BYTES + index * size_of::<u64>(),
        )
    }
}

#[inline(always)]
fn ring_u64(ring: *mut u8, offset: usize) -> &'static AtomicU64 {
    // SAFETY: an aligned number of a ring, in a mapping that lives for the rest of the process.
    unsafe { AtomicU64::from_ptr(ring.add(offset).cast()) }
}

fn ring_u32(ring: *mut u8, offset: usize) -> &'static AtomicU32 {
    // SAFETY: as in `ring_u64`.
    unsafe { AtomicU32::from_ptr(ring.add(offset).cast()) }
}

/// The name the operating system knows. Threads that nobody named have their parent's: those get their number.
fn system_thread_name() -> String {
    let name_of = |file| std::fs::read_to_string(file).map(|name| name.trim().to_owned());
    // SAFETY: gettid has no preconditions.
    let thread = unsafe { libc::gettid() };
    if i64::from(thread) == i64::from(std::process::id()) {
        return "main".to_owned();
    }
    match (
        name_of("/proc/thread-self/comm"),
        name_of("/proc/self/comm"),
    ) {
        (Ok(own), Ok(process)) if own != process => own,
        _ => format!("thread {thread}"),
    }
}
