//! Measures the recorder itself; the benchmark suite calls it through the Python module.

use super::file::Options;
use super::layout::Lang;
use super::{begin_raw, clock, end, intern};
use std::hint::black_box;
use std::time::Instant;

/// Nanoseconds per begin + end, as the best of many short runs over `spans` spans in all. Means something only with a file open.
///
/// A ring's worth of spans goes first, uncounted: it touches the pages.
pub fn bench_spans(spans: u32) -> f64 {
    let name = intern("bench.span", "", "");
    for _ in 0..Options::default().ring_events {
        end(begin_raw(name, Lang::Rust));
    }
    best(spans, || end(black_box(begin_raw(name, Lang::Rust))))
}

/// Nanoseconds of the two looks at the clock in a begin + end, measured like them: what no span can do without.
pub fn bench_clock(pairs: u32) -> f64 {
    let clock = clock::choose();
    best(pairs, || {
        black_box(clock::ticks(clock));
        black_box(clock::ticks(clock));
    })
}

/// Nanoseconds of one `work`, as the best of many short runs over `count` in all.
fn best(count: u32, work: impl Fn()) -> f64 {
    const RUNS: u32 = 64;
    let each = (count / RUNS).max(1);
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let started = Instant::now();
        for _ in 0..each {
            work();
        }
        let cost = started.elapsed().as_nanos() as f64 / f64::from(each);
        best = best.min(cost);
    }
    best
}
