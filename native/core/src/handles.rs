//! The handle table: every object of one language that another one holds, with the line and span that made it.
//!
//! Threads: any; one short lock that is never held across a call into Python or Node. Must not know: the objects
//! themselves (native/python keeps each Python object beside its number).

use crate::recorder::{self, NameId, SpanId};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

static TABLE: Mutex<Option<Table>> = Mutex::new(None);
static OWNERS: OnceLock<fn() -> u64> = OnceLock::new();

/// Number of a handle; 0 is "no handle". Numbers come back only after 2^32 more handles.
pub type HandleId = u32;

/// A handle that is open now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveHandle {
    /// Its number.
    pub id: HandleId,
    /// What it holds: `python`, `typescript`, `lease`, `run`, …
    pub kind: &'static str,
    /// What it is called where it was made.
    pub name: String,
    /// Line that made it (`"file:line"`), empty when unknown.
    pub site: String,
    /// Span in which it was made, 0 = none recorded.
    pub span: SpanId,
    /// Work that made it, as [`set_owners`] tells; 0 = unknown.
    pub owner: u64,
    /// CLOCK_MONOTONIC ns at which it was made.
    pub opened_ns: u64,
    /// Declared to live long: never a leak.
    pub long_lived: bool,
    /// Why it lives long, empty when it does not.
    pub reason: String,
}

struct Entry {
    kind: &'static str,
    name: Box<str>,
    site: Box<str>,
    reason: Box<str>,
    span: SpanId,
    owner: u64,
    opened_ns: u64,
    long_lived: bool,
}

#[derive(Default)]
struct Table {
    last: HandleId,
    live: HashMap<HandleId, Entry>,
    opened: u64,
}

/// Says how to tell what the calling thread works for; the first call counts. `owner` must not block or open handles.
pub fn set_owners(owner: fn() -> u64) {
    OWNERS.get_or_init(|| owner);
}

/// Opens a handle made at `site` inside `span` (0 = the thread's current span is not known or not recorded).
pub fn open(
    kind: &'static str,
    name: &str,
    site: &str,
    span: SpanId,
    long_lived: bool,
) -> HandleId {
    let entry = Entry {
        kind,
        name: name.into(),
        site: site.into(),
        reason: Box::default(),
        span,
        owner: OWNERS.get().map_or(0, |owner| owner()),
        opened_ns: recorder::monotonic_ns(),
        long_lived,
    };
    let id = {
        let mut guard = lock();
        let table = guard.get_or_insert_with(Table::default);
        let id = table.unused_id();
        table.live.insert(id, entry);
        table.opened += 1;
        id
    };
    if recorder::is_open() {
        let event_name: NameId = recorder::intern(name, site, kind);
        recorder::handle_opened(id, event_name, span, long_lived);
    }
    id
}

/// Closes a handle. False when it is not open: closing twice is harmless.
pub fn close(id: HandleId) -> bool {
    let closed = lock().as_mut().and_then(|table| table.live.remove(&id));
    if closed.is_some() {
        recorder::handle_closed(id);
    }
    closed.is_some()
}

/// Declares that a handle lives long on purpose. False when it is not open.
pub fn keep(id: HandleId, reason: &str) -> bool {
    let mut guard = lock();
    let Some(entry) = guard.as_mut().and_then(|table| table.live.get_mut(&id)) else {
        return false;
    };
    entry.long_lived = true;
    entry.reason = reason.into();
    let (name, site, kind, span) = (
        entry.name.clone(),
        entry.site.clone(),
        entry.kind,
        entry.span,
    );
    drop(guard);
    if recorder::is_open() {
        // A second open event for the same number replaces what the reader knew of it.
        recorder::handle_opened(id, recorder::intern(&name, &site, kind), span, true);
    }
    true
}

/// Says which line made a handle that was opened before that was known.
pub fn locate(id: HandleId, site: &str) {
    let mut guard = lock();
    let Some(entry) = guard.as_mut().and_then(|table| table.live.get_mut(&id)) else {
        return;
    };
    entry.site = site.into();
    let (name, kind) = (entry.name.clone(), entry.kind);
    let (span, long_lived) = (entry.span, entry.long_lived);
    drop(guard);
    if recorder::is_open() {
        // As in `keep`.
        recorder::handle_opened(id, recorder::intern(&name, site, kind), span, long_lived);
    }
}

/// All live handles, oldest first.
pub fn snapshot() -> Vec<LiveHandle> {
    let mut handles: Vec<LiveHandle> = match lock().as_ref() {
        Some(table) => table
            .live
            .iter()
            .map(|(id, entry)| describe(*id, entry))
            .collect(),
        None => Vec::new(),
    };
    handles.sort_by_key(|handle| (handle.opened_ns, handle.id));
    handles
}

/// Handles opened since the process started.
pub fn opened_total() -> u64 {
    lock().as_ref().map_or(0, |table| table.opened)
}

impl Table {
    fn unused_id(&mut self) -> HandleId {
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.live.contains_key(&self.last) {
                return self.last;
            }
        }
    }
}

fn describe(id: HandleId, entry: &Entry) -> LiveHandle {
    LiveHandle {
        id,
        kind: entry.kind,
        name: entry.name.to_string(),
        site: entry.site.to_string(),
        span: entry.span,
        owner: entry.owner,
        opened_ns: entry.opened_ns,
        long_lived: entry.long_lived,
        reason: entry.reason.to_string(),
    }
}

fn lock() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(id: HandleId) -> Option<LiveHandle> {
        snapshot().into_iter().find(|handle| handle.id == id)
    }

    #[test]
    fn opens_describes_and_closes_once() {
        let id = open("lease", "embedder", "tour.py:12", 0, false);
        let handle = get(id).expect("open");
        assert_eq!(
            (handle.kind, handle.name.as_str(), handle.site.as_str()),
            ("lease", "embedder", "tour.py:12")
        );
        assert!(!handle.long_lived && handle.opened_ns > 0);
        assert!(close(id));
        assert!(!close(id));
        assert!(get(id).is_none());
    }

    #[test]
    fn keep_explains_why() {
        let id = open("python", "cache", "tour.py:3", 0, false);
        assert!(keep(id, "module cache"));
        let handle = get(id).expect("open");
        assert!(handle.long_lived);
        assert_eq!(handle.reason, "module cache");
        assert!(close(id));
        assert!(!keep(id, "too late"));
    }

    #[test]
    fn a_line_may_become_known_later() {
        let id = open("typescript", "callback", "", 0, false);
        locate(id, "tour.ts:7");
        assert_eq!(get(id).expect("open").site, "tour.ts:7");
        assert!(close(id));
        locate(id, "too late");
        assert!(get(id).is_none());
    }

    #[test]
    fn numbers_are_unique_under_threads() {
        let made: Vec<HandleId> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..500)
                            .map(|_| open("python", "x", "", 0, false))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        let distinct: std::collections::HashSet<_> = made.iter().collect();
        assert_eq!(distinct.len(), 2000);
        assert!(made.into_iter().all(close));
    }
}
