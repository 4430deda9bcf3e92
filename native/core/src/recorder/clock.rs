//! Time sources of the recorder: the timestamp counter where it is constant, else CLOCK_MONOTONIC.
//!
//! Threads: any. Must not know: the file. The only place that is specific to processor and operating system.

use super::layout::{CLOCK_MONOTONIC, CLOCK_TSC};
use std::time::{SystemTime, UNIX_EPOCH};

/// One moment on the three clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor {
    pub ticks: u64,
    pub monotonic_ns: u64,
    pub wall_ns: u64,
}

impl Anchor {
    /// Takes the tightest of a few readings, so that ticks and nanoseconds belong together within some 20 ns.
    pub(super) fn take(clock: u32) -> Anchor {
        let mut best: Option<(u64, Anchor)> = None;
        for _ in 0..5 {
            let before = ticks(clock);
            let monotonic = monotonic_ns();
            let after = ticks(clock);
            let width = after.wrapping_sub(before);
            if best.is_none_or(|(narrowest, _)| width < narrowest) {
                let anchor = Anchor {
                    ticks: before + width / 2,
                    monotonic_ns: monotonic,
                    wall_ns: wall_ns(),
                };
                best = Some((width, anchor));
            }
        }
        best.expect("the loop runs").1
    }
}

/// CLOCK_MONOTONIC in nanoseconds: the clock of `process.hrtime` and of a frame's `sent_ns`.
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec for the call to fill.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Current time in ticks of `clock`.
#[inline(always)]
pub(super) fn ticks(clock: u32) -> u64 {
    if clock == CLOCK_TSC {
        timestamp_counter()
    } else {
        monotonic_ns()
    }
}

/// The cheapest clock that is steady on this machine.
pub(super) fn choose() -> u32 {
    if cfg!(target_arch = "x86_64") && counter_is_steady() {
        CLOCK_TSC
    } else {
        CLOCK_MONOTONIC
    }
}

fn wall_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}

fn counter_is_steady() -> bool {
    let Ok(text) = std::fs::read_to_string("/proc/cpuinfo") else {
        return false;
    };
    let Some(flags) = text.lines().find(|line| line.starts_with("flags")) else {
        return false;
    };
    ["constant_tsc", "nonstop_tsc"]
        .iter()
        .all(|flag| flags.split_whitespace().any(|word| word == *flag))
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn timestamp_counter() -> u64 {
    // SAFETY: RDTSC has no preconditions in user mode on x86-64 Linux.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn timestamp_counter() -> u64 {
    monotonic_ns()
}
