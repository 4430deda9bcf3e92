//! Measures the recorder itself; the benchmark suite calls it through the Python module.

use super::layout::Lang;
use super::{begin_raw, end, intern};
use std::time::Instant;

/// Nanoseconds per begin + end, as the best of several runs over `spans` spans in all. Needs an open file to mean anything.
///
/// The first run also touches the ring's pages and is not counted.
pub fn bench_spans(spans: u32) -> f64 {
    const RUNS: u32 = 8;
    let name = intern("bench.span", "", "");
    let each = (spans / RUNS).max(1);
    let mut best = f64::INFINITY;
    for run in 0..=RUNS {
        let started = Instant::now();
        for _ in 0..each {
            end(std::hint::black_box(begin_raw(name, Lang::Rust)));
        }
        let cost = started.elapsed().as_nanos() as f64 / f64::from(each);
        if run > 0 {
            best = best.min(cost);
        }
    }
    best
}
