//! What takes a process of its own: kill -9, fork, a full string table.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use symphony_core::recorder::{self, layout::*};

use crate::scratch::{scratch, SMALL};
use crate::trace_file::Trace;

/// The variable that names a child's file.
const FILE: &str = "RECORDER_TEST_FILE";

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
    if !open_as_child() {
        return;
    }
    let name = recorder::intern("x", "", "");
    for number in 0..1000 {
        recorder::begin(name, Lang::Rust)
            .fail(&format!("a message that differs each time: {number}"));
    }
    assert_ne!(recorder::intern("late call site", "late.py:1", ""), 0);
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
    if !open_as_child() {
        return;
    }
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
    assert_eq!((trace.rings_used, trace.begins_of(0).len()), (1, 1));
    std::fs::remove_file(file).expect("cleaned");
}

/// Body of the child of `a_forked_child_leaves_the_parents_file_alone`.
#[test]
fn child_forks() {
    if !open_as_child() {
        return;
    }
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

fn child_test(name: &str, file: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", &format!("processes::{name}"), "--nocapture"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// False when the body of a child runs as one of all the tests.
fn open_as_child() -> bool {
    let Some(file) = std::env::var_os(FILE) else {
        return false;
    };
    recorder::open_with(Path::new(&file), SMALL).expect("opens");
    true
}
