//! What every user of a lock or of numbered tables needs.
//!
//! Threads: any. Knows nothing of what is locked or numbered. Built with `--cfg loom`, locks, atomics and waits are
//! those of the models (`models`), which try the orders in which threads can take their steps.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

#[cfg(loom)]
pub use crate::models::world::{spin_for, wait_at_most, Condvar, Moment, Mutex, MutexGuard};
#[cfg(not(loom))]
pub use system::{spin_for, wait_at_most, Condvar, Moment, Mutex, MutexGuard};

/// Numbers that threads share.
pub mod atomic {
    #[cfg(loom)]
    pub use loom::sync::atomic::{fence, AtomicBool, AtomicU64, AtomicUsize, Ordering};
    #[cfg(not(loom))]
    pub use std::sync::atomic::{fence, AtomicBool, AtomicU64, AtomicUsize, Ordering};
}

/// Locks, whether or not a thread has panicked with the lock: every critical section here only moves values, so what a
/// panic leaves behind is still consistent.
#[inline]
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A map by numbers that are counted up.
pub type NumberMap<V> = HashMap<u32, V, BuildHasherDefault<ByNumber>>;

/// Counted numbers spread well by themselves: no hash that resists attacks is needed.
#[derive(Default)]
pub struct ByNumber(u64);

impl Hasher for ByNumber {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        // The upper bits tell buckets apart, the lower ones choose them.
        self.0 = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(not(loom))]
mod system {
    use std::hint::spin_loop;
    pub use std::sync::{Condvar, Mutex, MutexGuard};
    use std::time::{Duration, Instant};

    /// Pauses between two looks at the clock.
    const PAUSES: u32 = 16;

    /// A point in time.
    #[derive(Clone, Copy)]
    pub struct Moment(Instant);

    impl Moment {
        /// The present.
        pub fn now() -> Self {
            Self(Instant::now())
        }

        /// Whether less than `time` has passed since.
        pub fn is_within(self, time: Duration) -> bool {
            self.0.elapsed() < time
        }
    }

    /// Waits, without the lock, until it is notified or `time` is over; says whether the latter ended it.
    pub fn wait_at_most<'a, T>(
        condvar: &Condvar,
        _mutex: &'a Mutex<T>,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> (MutexGuard<'a, T>, bool) {
        let (guard, timeout) = condvar
            .wait_timeout(guard, time)
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        (guard, timeout.timed_out())
    }

    /// Looks again and again, without sleeping, until `came` or until `time` is over.
    pub fn spin_for(time: Duration, came: impl Fn() -> bool) {
        let began = Moment::now();
        while !came() && began.is_within(time) {
            for _ in 0..PAUSES {
                spin_loop();
            }
        }
    }
}
