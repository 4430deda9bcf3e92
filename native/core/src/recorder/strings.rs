//! The string table: names and call sites, interned once per process and appended to every trace file.
//!
//! Threads: any; one short lock, taken once per new name (callers keep the id). Must not know: what a name stands for.

use super::file::{self, Mapping};
use super::layout::{HEADER_LOST_STRINGS, HEADER_STRINGS_USED, PART_SEPARATOR};
use super::NameId;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Longest entry in bytes; longer text is cut at a character.
const LONGEST: usize = 2048;
/// Texts without bound (error messages) may fill at most this share of the table, so that call sites always find room.
const MESSAGE_SHARE: usize = 2;

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

#[derive(Default)]
struct Table {
    ids: HashMap<Arc<str>, NameId>,
    texts: Vec<Arc<str>>,
    bytes: usize,
}

/// Interns a span name with the caller's and callee's site (`"file:line"`, or empty when unknown).
///
/// Costs a lock and a look-up: keep the id. Returns 0 when the table is full.
pub fn intern(name: &str, caller: &str, callee: &str) -> NameId {
    let mut text = String::with_capacity(name.len() + caller.len() + callee.len() + 2);
    text.push_str(name);
    if !caller.is_empty() || !callee.is_empty() {
        text.push(PART_SEPARATOR);
        text.push_str(caller);
        text.push(PART_SEPARATOR);
        text.push_str(callee);
    }
    intern_raw(&text)
}

/// [`intern`] for a text whose parts are already joined by `PART_SEPARATOR`.
pub fn intern_raw(text: &str) -> NameId {
    intern_within(text, 1)
}

/// Interns an error message, which may be any text, within the messages' share of the table.
pub(super) fn intern_message(text: &str) -> NameId {
    intern_within(text, MESSAGE_SHARE)
}

/// Writes all strings known so far into a new file and makes it the active one, with no string lost in between.
pub(super) fn publish(mapping: &Mapping, activate: impl FnOnce()) {
    let guard = lock();
    if let Some(table) = guard.as_ref() {
        for text in &table.texts {
            append(mapping, text);
        }
    }
    activate();
}

fn intern_within(text: &str, share: usize) -> NameId {
    // In a forked child the lock may have been copied while held.
    if text.is_empty() || file::is_fork() {
        return 0;
    }
    let text = cut(text);
    let mut guard = lock();
    let table = guard.get_or_insert_with(Table::default);
    if let Some(id) = table.ids.get(text) {
        return *id;
    }
    let active = file::active();
    let room = active.map_or(
        file::Options::default().strings_bytes,
        Mapping::strings_bytes,
    ) / share;
    if table.bytes + entry_bytes(text) > room {
        if let Some(mapping) = active {
            mapping
                .u64_at(HEADER_LOST_STRINGS)
                .fetch_add(1, Ordering::Relaxed);
        }
        return 0;
    }
    let stored: Arc<str> = text.into();
    table.bytes += entry_bytes(text);
    table.texts.push(stored.clone());
    let id = table.texts.len() as NameId;
    table.ids.insert(stored, id);
    if let Some(mapping) = active {
        append(mapping, text);
    }
    id
}

/// Entry: u32 length, UTF-8 bytes, zeroes up to a multiple of 4. Ids count entries from 1.
fn append(mapping: &Mapping, text: &str) {
    let used = mapping.u64_at(HEADER_STRINGS_USED);
    let start = used.load(Ordering::Relaxed) as usize;
    let end = start + entry_bytes(text);
    if !mapping.reserve_strings(end) {
        mapping
            .u64_at(HEADER_LOST_STRINGS)
            .fetch_add(1, Ordering::Relaxed);
        return;
    }
    // SAFETY: [start, end) was just reserved inside the table, and the table's lock makes us its only writer.
    unsafe {
        let entry = mapping.strings().add(start);
        entry.cast::<u32>().write_unaligned(text.len() as u32);
        std::ptr::copy_nonoverlapping(text.as_ptr(), entry.add(4), text.len());
    }
    used.store(end as u64, Ordering::Release);
}

fn entry_bytes(text: &str) -> usize {
    4 + text.len().next_multiple_of(4)
}

fn cut(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let mut end = LONGEST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn lock() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}
