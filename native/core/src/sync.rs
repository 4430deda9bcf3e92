//! What every user of a lock or of numbered tables needs.
//!
//! Threads: any. Knows nothing of what is locked or numbered.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard};

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
