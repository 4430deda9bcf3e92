//! The recorder as a reader of its file sees it: kill -9, many threads, ring reuse, switching files, fork.
//!
//! The recorder is one per process, so tests that open it take `ALONE` or run in a child process of their own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use symphony_core::recorder::{self, layout::*, Options};

static ALONE: Mutex<()> = Mutex::new(());

const SMALL: Options = Options {
    ring_events: 64,
    rings: 4,
    strings_bytes: 8192,
};

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
    let spans: std::collections::HashSet<u64> = events
        .iter()
        .filter(|event| event.kind == KIND_BEGIN)
        .map(|event| event.span)
        .collect();
    assert_eq!(
        spans.len(),
        events
            .iter()
            .filter(|event| event.kind == KIND_BEGIN)
            .count(),
        "ids are not reused"
    );
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

#[test]
fn switching_files_takes_the_names_along() {
    let (_alone, first) = start("switch", SMALL);
    let name = recorder::intern("before", "a.py:1", "");
    recorder::begin(name, Lang::Rust).end();
    let second = first.with_extension("second");
    recorder::open_with(&second, SMALL).expect("second file");
    recorder::begin(name, Lang::Rust).end();
    recorder::close();
    assert_eq!(recorder::begin_raw(name, Lang::Rust), 0, "closed");
    for file in [&first, &second] {
        let trace = Trace::read(file);
        let begins: Vec<Event> = trace
            .events_of(0)
            .into_iter()
            .filter(|event| event.kind == KIND_BEGIN)
            .collect();
        assert_eq!(begins.len(), 1);
        assert_eq!(trace.text(begins[0].name), "before\u{1f}a.py:1\u{1f}");
    }
    std::fs::remove_file(second).expect("cleaned");
}

#[test]
fn messages_without_bound_leave_room_for_call_sites() {
    let file = scratch("messages");
    let status = child_test("child_records_many_messages", &file)
        .wait()
        .expect("ran");
    assert!(status.success());
    assert!(Trace::read(&file).lost_strings > 0);
    std::fs::remove_file(file).expect("cleaned");
}

/// Body of the child of `messages_without_bound_leave_room_for_call_sites`: it fills the process's string table.
#[test]
fn child_records_many_messages() {
    let Some(file) = std::env::var_os("RECORDER_TEST_FILE") else {
        return;
    };
    recorder::open_with(Path::new(&file), SMALL).expect("opens");
    let name = recorder::intern("x", "", "");
    for number in 0..1000 {
        recorder::begin(name, Lang::Rust)
            .fail(&format!("a message that differs each time: {number}"));
    }
    assert_ne!(recorder::intern("late call site", "late.py:1", ""), 0);
}

#[test]
fn refuses_what_it_cannot_write() {
    let path = std::env::temp_dir()
        .join("no-such-directory")
        .join("x.symtrace");
    let error = recorder::open(&path).expect_err("no directory").to_string();
    assert!(error.contains("no-such-directory"), "{error}");
    let options = Options {
        ring_events: 100,
        ..SMALL
    };
    assert!(recorder::open_with(&path, options).is_err());
}

#[test]
fn the_last_event_is_exact_after_kill_9() {
    let file = scratch("killed");
    let mut child = child_test("child_records_until_killed", &file);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let last_span = loop {
        let line = lines.next().expect("the child speaks").expect("utf-8");
        if let Some(span) = line.strip_prefix("last ") {
            break span.parse::<u64>().expect("a number");
        }
    };
    child.kill().expect("SIGKILL");
    child.wait().expect("reaped");
    let trace = Trace::read(&file);
    assert!(!trace.closed);
    let last = trace.events_of(0).pop().expect("events");
    assert_eq!((last.kind, last.span), (KIND_BEGIN, last_span));
    assert_eq!(
        trace.text(last.name),
        "the last moment\u{1f}crash.py:9\u{1f}"
    );
    std::fs::remove_file(file).expect("cleaned");
}

/// Body of the child of `the_last_event_is_exact_after_kill_9`.
#[test]
fn child_records_until_killed() {
    let Some(file) = std::env::var_os("RECORDER_TEST_FILE") else {
        return;
    };
    recorder::open_with(Path::new(&file), SMALL).expect("opens");
    let name = recorder::intern("x", "", "");
    for _ in 0..5000 {
        recorder::begin(name, Lang::Rust).end();
    }
    let last = recorder::begin_raw(
        recorder::intern("the last moment", "crash.py:9", ""),
        Lang::Python,
    );
    println!("\nlast {last}");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_forked_child_leaves_the_parents_file_alone() {
    let file = scratch("forked");
    let status = child_test("child_forks", &file).wait().expect("ran");
    assert!(status.success());
    let trace = Trace::read(&file);
    let begins = trace
        .events_of(0)
        .into_iter()
        .filter(|event| event.kind == KIND_BEGIN)
        .count();
    assert_eq!((trace.rings_used, begins), (1, 1));
    std::fs::remove_file(file).expect("cleaned");
}

/// Body of the child of `a_forked_child_leaves_the_parents_file_alone`.
#[test]
fn child_forks() {
    let Some(file) = std::env::var_os("RECORDER_TEST_FILE") else {
        return;
    };
    recorder::open_with(Path::new(&file), SMALL).expect("opens");
    let name = recorder::intern("x", "", "");
    recorder::begin(name, Lang::Rust).end();
    // SAFETY: the child only records (atomics, no allocation while locked) and leaves without destructors.
    match unsafe { libc::fork() } {
        0 => {
            let refused = !recorder::is_open() && recorder::begin_raw(name, Lang::Rust) == 0;
            // SAFETY: ends the forked child at once.
            unsafe { libc::_exit(i32::from(!refused)) };
        }
        child => {
            let mut status = -1;
            // SAFETY: `child` is ours and `status` is valid.
            unsafe { libc::waitpid(child, &mut status, 0) };
            assert_eq!(status, 0);
        }
    }
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

fn in_thread(body: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(body).join().expect("no panic");
    });
}

fn child_test(name: &str, file: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", name, "--nocapture"])
        .env("RECORDER_TEST_FILE", file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// A file of this test's own, removed when the guard drops.
struct Scratch {
    _alone: MutexGuard<'static, ()>,
    file: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        recorder::close();
        let _ = std::fs::remove_file(&self.file);
    }
}

fn start(name: &str, options: Options) -> (Scratch, PathBuf) {
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

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("recorder-{name}-{}.symtrace", std::process::id()))
}

struct Event {
    ticks: u64,
    name: u32,
    kind: u8,
    lang: u8,
    span: u64,
    arg: u64,
}

/// The least reader that can check a file.
struct Trace {
    bytes: Vec<u8>,
    strings: Vec<String>,
    closed: bool,
    rings_used: usize,
    lost_events: u64,
    lost_strings: u64,
}

impl Trace {
    fn read(path: &Path) -> Trace {
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

    fn text(&self, name: u32) -> &str {
        &self.strings[name as usize]
    }

    fn events_of(&self, ring: usize) -> Vec<Event> {
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
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
