//! Rings: reuse, many threads, more threads than rings.

use std::collections::HashSet;

use symphony_core::recorder::{self, layout::*, Options};

use crate::scratch::{start, SMALL};
use crate::trace_file::{Event, Trace};

#[test]
fn a_ring_keeps_the_last_events_and_serves_another_thread_later() {
    let (_alone, file) = start("reuse", Options { rings: 1, ..SMALL });
    let name = recorder::intern("x", "", "");
    in_thread(|| {
        recorder::set_thread_name("first");
        for _ in 0..1000 {
            recorder::begin(name, Lang::Rust).end();
        }
    });
    in_thread(|| {
        recorder::set_thread_name("second");
        recorder::begin(name, Lang::Rust).end();
    });
    recorder::close();
    let trace = Trace::read(&file);
    let events = trace.events_of(0);
    assert_eq!(trace.rings_used, 1);
    assert_eq!(events.len(), 64, "a full ring");
    let owners: Vec<&Event> = events
        .iter()
        .filter(|event| event.kind == KIND_THREAD)
        .collect();
    let last = owners.last().expect("the second owner");
    assert_eq!(trace.text(last.name), "second");
    assert!(owners
        .iter()
        .any(|owner| owner.arg != 0 && trace.text(owner.arg as u32) == "first"));
    let begins = trace.begins_of(0);
    let spans: HashSet<u64> = begins.iter().map(|event| event.span).collect();
    assert_eq!(spans.len(), begins.len(), "ids are not reused");
}

#[test]
fn threads_beyond_the_rings_are_counted_not_blocked() {
    let (_alone, file) = start("lost", Options { rings: 1, ..SMALL });
    let name = recorder::intern("x", "", "");
    recorder::begin(name, Lang::Rust).end();
    in_thread(|| assert_eq!(recorder::begin_raw(name, Lang::Rust), 0));
    recorder::close();
    assert_eq!(Trace::read(&file).lost_events, 1);
}

#[test]
fn many_threads_write_without_mixing() {
    let (_alone, file) = start(
        "many",
        Options {
            ring_events: 4096,
            rings: 16,
            strings_bytes: 8192,
        },
    );
    let name = recorder::intern("x", "", "");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    recorder::begin(name, Lang::Rust).end();
                }
            });
        }
    });
    recorder::close();
    let trace = Trace::read(&file);
    for ring in 0..trace.rings_used {
        let events = trace.events_of(ring);
        let body: Vec<&Event> = events
            .iter()
            .filter(|event| event.kind != KIND_THREAD)
            .collect();
        assert!(body
            .iter()
            .all(|event| event.span >> SPAN_COUNTER_BITS == ring as u64));
        for pair in body.chunks_exact(2) {
            assert_eq!(
                (pair[0].kind, pair[1].kind, pair[0].span),
                (KIND_BEGIN, KIND_END, pair[1].span)
            );
        }
    }
}

fn in_thread(body: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(body).join().expect("no panic");
    });
}
