//! Spans and what they carry: names, sites, parents, cost.

use symphony_core::recorder::{self, layout::*, Options};

use crate::scratch::{start, SMALL};
use crate::trace_file::Trace;

#[test]
fn spans_nest_and_carry_names_and_sites() {
    let (_alone, file) = start("nest", SMALL);
    let name = recorder::intern("pool.allocate", "tour.py:7", "native/pit/src/pool.rs:30");
    let outer = recorder::begin(name, Lang::Python);
    let inner = recorder::begin(name, Lang::Rust);
    let (outer_id, inner_id) = (outer.id(), inner.id());
    assert_eq!(recorder::current(), inner_id);
    inner.fail("no such spec");
    drop(inner);
    assert_eq!(recorder::current(), outer_id);
    outer.end();
    assert_eq!(recorder::current(), 0);
    recorder::close();

    let trace = Trace::read(&file);
    assert!(trace.closed);
    assert_eq!(
        trace.text(name),
        "pool.allocate\u{1f}tour.py:7\u{1f}native/pit/src/pool.rs:30"
    );
    let events = trace.events_of(0);
    let kinds: Vec<u8> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            KIND_THREAD,
            KIND_BEGIN,
            KIND_BEGIN,
            KIND_ERROR,
            KIND_END,
            KIND_END
        ]
    );
    assert_eq!(
        (events[2].span, events[2].arg, events[2].lang),
        (inner_id, outer_id, Lang::Rust as u8)
    );
    assert_eq!(trace.text(events[3].name), "no such spec");
    assert!(events.windows(2).all(|pair| pair[0].ticks <= pair[1].ticks));
}

#[test]
fn wandering_spans_do_not_disturb_the_thread() {
    let (_alone, file) = start("wander", SMALL);
    let name = recorder::intern("dag.step", "", "");
    let root = recorder::begin(name, Lang::Python);
    let child = recorder::begin_child(root.id(), name, Lang::Rust);
    assert_eq!(recorder::current(), root.id());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let entered = recorder::enter(child);
            assert_eq!(recorder::current(), child);
            drop(entered);
            assert_eq!(recorder::current(), 0);
            recorder::end(child);
        });
    });
    recorder::enqueued(child, 42);
    root.end();
    recorder::close();
    let trace = Trace::read(&file);
    assert_eq!(trace.rings_used, 2);
    assert!(trace
        .events_of(1)
        .iter()
        .any(|event| event.kind == KIND_END && event.span == child));
    assert!(trace
        .events_of(0)
        .iter()
        .any(|event| event.kind == KIND_ENQUEUE && event.arg == 42));
}

#[test]
fn scopes_that_end_out_of_order_leave_the_right_parent() {
    let (_alone, _file) = start("order", SMALL);
    let name = recorder::intern("x", "", "");
    let first = recorder::begin_raw(name, Lang::Python);
    let second = recorder::begin_raw(name, Lang::Python);
    recorder::end(first);
    assert_eq!(recorder::current(), second);
    recorder::end(second);
    assert_eq!(recorder::current(), 0);
    for _ in 0..100 {
        recorder::begin_raw(name, Lang::Python);
    }
    assert_ne!(
        recorder::current(),
        0,
        "deeper than the stack: the outer spans stay current"
    );
    recorder::close();
}

#[test]
fn cost_of_a_span() {
    let (_alone, _file) = start("cost", Options::default());
    let open = recorder::bench_spans(2_000_000);
    recorder::close();
    let closed = recorder::bench_spans(2_000_000);
    println!("begin + end: {open:.1} ns, with no file open: {closed:.1} ns");
    assert!(closed < open);
}
