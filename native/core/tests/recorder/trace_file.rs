//! The least reader that can check a file.

use std::path::Path;

use symphony_core::recorder::layout::*;

pub struct Event {
    pub ticks: u64,
    pub name: u32,
    pub kind: u8,
    pub lang: u8,
    pub span: u64,
    pub arg: u64,
}

pub struct Trace {
    bytes: Vec<u8>,
    strings: Vec<String>,
    pub closed: bool,
    pub rings_used: usize,
    pub lost_events: u64,
    pub lost_strings: u64,
}

impl Trace {
    pub fn read(path: &Path) -> Trace {
        let bytes = std::fs::read(path).expect("readable");
        assert_eq!(&bytes[..8], MAGIC);
        let strings_at = u64_at(&bytes, HEADER_STRINGS_OFFSET) as usize;
        let used = u64_at(&bytes, HEADER_STRINGS_USED) as usize;
        let mut strings = vec![String::new()];
        let mut at = strings_at;
        while at < strings_at + used {
            let length = u32_at(&bytes, at) as usize;
            strings
                .push(String::from_utf8(bytes[at + 4..at + 4 + length].to_vec()).expect("utf-8"));
            at += 4 + length.next_multiple_of(4);
        }
        Trace {
            strings,
            closed: u32_at(&bytes, HEADER_CLOSED) == 1,
            rings_used: u32_at(&bytes, HEADER_RINGS_USED) as usize,
            lost_events: u64_at(&bytes, HEADER_LOST_EVENTS),
            lost_strings: u64_at(&bytes, HEADER_LOST_STRINGS),
            bytes,
        }
    }

    pub fn text(&self, name: u32) -> &str {
        &self.strings[name as usize]
    }

    pub fn events_of(&self, ring: usize) -> Vec<Event> {
        let stride = u64_at(&self.bytes, HEADER_RING_STRIDE) as usize;
        let start = u64_at(&self.bytes, HEADER_RINGS_OFFSET) as usize + stride * ring;
        let capacity = u32_at(&self.bytes, HEADER_RING_EVENTS) as u64;
        let head = u64_at(&self.bytes, start + RING_HEAD);
        (head.saturating_sub(capacity)..head)
            .map(|index| {
                let at = start + RING_HEADER_BYTES + (index % capacity) as usize * EVENT_BYTES;
                Event {
                    ticks: u64_at(&self.bytes, at + EVENT_TICKS),
                    name: u32_at(&self.bytes, at + EVENT_NAME),
                    kind: self.bytes[at + EVENT_KIND],
                    lang: self.bytes[at + EVENT_LANG],
                    span: u64_at(&self.bytes, at + EVENT_SPAN),
                    arg: u64_at(&self.bytes, at + EVENT_ARG),
                }
            })
            .collect()
    }

    pub fn begins_of(&self, ring: usize) -> Vec<Event> {
        let mut events = self.events_of(ring);
        events.retain(|event| event.kind == KIND_BEGIN);
        events
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
