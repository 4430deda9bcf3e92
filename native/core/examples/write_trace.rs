//! Writes a small trace of everything the format holds: `write_trace FILE [wrapped]`.
//!
//! The fixtures of the reader and of the trace panel come from here (`test/fixtures/*.trace`); the calls imitate a
//! Conductor run that reads sources, stores artifacts, leases a model, fails once and forgets a lease.

use std::error::Error;
use std::path::Path;
use std::sync::Barrier;
use std::thread::sleep;
use std::time::{Duration, Instant};
use symphony_core::handles;
use symphony_core::recorder::{self, Lang, NameId, Options, SpanId};

const SCRIPT: &str = "examples/tour.conductor.py";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .ok_or("usage: write_trace FILE [wrapped]")?;
    match arguments.next().as_deref() {
        None => write_run(Path::new(&file)),
        Some("wrapped") => write_wrapped(Path::new(&file)),
        Some(other) => Err(format!("unknown form {other:?}; there is `wrapped`").into()),
    }
}

/// Many more spans than the ring holds, and one that began before all of them.
fn write_wrapped(file: &Path) -> Result<(), Box<dyn Error>> {
    recorder::open_with(
        file,
        Options {
            ring_events: 64,
            rings: 2,
            strings_bytes: 4096,
        },
    )?;
    recorder::set_thread_name("busy");
    let outer = recorder::begin(name("outer", 1, ""), Lang::Python);
    for _ in 0..1000 {
        recorder::begin(name("pool.status", 2, "pool"), Lang::Rust).end();
    }
    outer.end();
    recorder::close();
    Ok(())
}

fn write_run(file: &Path) -> Result<(), Box<dyn Error>> {
    recorder::open_with(
        file,
        Options {
            ring_events: 256,
            rings: 8,
            strings_bytes: 8192,
        },
    )?;
    recorder::set_thread_name("conductor-1");
    let run = recorder::begin(
        recorder::intern(
            "run_script",
            "extension/conductor/runScript.ts:41",
            &site(1),
        ),
        Lang::Python,
    );
    recorder::enqueued(run.id(), recorder::monotonic_ns() - 140_000);
    host("editor.progress", 12, 90);
    discover(run.id());
    parse_in_parallel(run.id());
    lease_and_rank();
    host("editor.message", 88, 240);
    fail_to_find(run.id());
    report();
    run.end();
    recorder::begin_child(0, name("watch", 97, ""), Lang::Python);
    recorder::close();
    Ok(())
}

fn discover(run: SpanId) {
    handles::open("python", "module pathlib", &site(9), run, true);
    let discover = recorder::begin(name("dag.run", 21, "dag"), Lang::Rust);
    busy(120);
    for _ in 0..3 {
        let step = recorder::begin(name("discover", 24, "python"), Lang::Python);
        busy(160);
        rust("artifacts.store", 27, 70);
        step.end();
    }
    discover.end();
}

fn parse_in_parallel(run: SpanId) {
    let together = Barrier::new(3);
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let together = &together;
            scope.spawn(move || {
                recorder::set_thread_name(&format!("conductor-{}", worker + 2));
                together.wait();
                for round in 0..6 {
                    let step =
                        recorder::begin_child(run, name("parse_file", 38, "python"), Lang::Python);
                    recorder::enqueued(step, recorder::monotonic_ns() - 30_000);
                    let current = recorder::enter(step);
                    busy(180 + 60 * (round % 3));
                    rust("artifacts.store", 44, 60 + 20 * worker);
                    rust("stale.touch", 46, 25);
                    if round % 3 == 2 {
                        host("editor.progress", 48, 60);
                    }
                    drop(current);
                    recorder::end(step);
                }
            });
        }
        scope.spawn(|| {
            recorder::set_thread_name("conductor-loop");
            together.wait();
            // Two coroutines that take turns: their spans overlap without nesting.
            let first =
                recorder::begin_child(run, name("watch_progress", 55, "python"), Lang::Python);
            busy(300);
            let second =
                recorder::begin_child(run, name("collect_metrics", 61, "python"), Lang::Python);
            busy(500);
            recorder::end(first);
            busy(400);
            recorder::instant(recorder::intern("metrics ready", &site(63), ""), 12);
            recorder::end(second);
        });
    });
}

fn lease_and_rank() {
    let allocate = recorder::begin(name("pool.allocate", 71, "pool"), Lang::Rust);
    let id = allocate.id();
    handles::open("lease", "embedder #1", &site(71), id, false);
    busy(900);
    allocate.end();
    let kept = handles::open("python", "ranker.weights", &site(73), id, false);
    handles::keep(kept, "module cache");
    for _ in 0..4 {
        let invoke = recorder::begin(name("lease.invoke", 76, "pool"), Lang::Rust);
        let rank = recorder::begin(name("rank", 79, "python"), Lang::Python);
        busy(110);
        rank.end();
        invoke.end();
    }
    rust("arbitration.decide", 83, 310);
    let scratch = handles::open("typescript", "onProgress", &site(84), id, false);
    handles::close(scratch);
}

fn fail_to_find(run: SpanId) {
    let load = recorder::begin(name("artifacts.load", 91, "artifacts"), Lang::Rust);
    recorder::link(run, load.id());
    busy(45);
    load.fail("no artifact 7f3a…: it was never stored in this Pit home");
    load.end();
}

fn report() {
    let build = recorder::begin(name("build_report", 93, "python"), Lang::Python);
    busy(420);
    rust("artifacts.store", 94, 130);
    host("editor.open", 95, 520);
    build.end();
    // Waiting for the editor: idle time that the timeline shows as a gap.
    sleep(Duration::from_millis(2));
}

fn rust(operation: &str, line: u32, micros: u64) {
    let component = operation.split('.').next().unwrap_or(operation);
    let span = recorder::begin(name(operation, line, component), Lang::Rust);
    busy(micros);
    span.end();
}

fn host(function: &str, line: u32, micros: u64) {
    let callee = "extension/commands/hostFunctions.ts:18";
    let span = recorder::begin(
        recorder::intern(function, &site(line), callee),
        Lang::TypeScript,
    );
    busy(micros);
    span.end();
}

fn name(name: &str, line: u32, callee: &str) -> NameId {
    let callee = match callee {
        "" => String::new(),
        "python" => site(line + 100),
        component => format!("native/pit/src/{component}.rs:{}", line + 17),
    };
    recorder::intern(name, &site(line), &callee)
}

fn site(line: u32) -> String {
    format!("{SCRIPT}:{line}")
}

/// Works rather than sleeps, so that durations come out close to what was asked for.
fn busy(micros: u64) {
    let until = Instant::now() + Duration::from_micros(micros);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}
