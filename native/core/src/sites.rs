//! A per-thread cache from call sites to interned names.
//!
//! Threads: any; the cache is thread-local and needs no lock. Must not know: how Python or JavaScript find their line.

use crate::recorder::NameId;
use std::cell::Cell;

const CACHE_SLOTS: usize = 512;

/// What tells call sites apart: three numbers that are cheap to get, such as operation, code object and line.
///
/// An address may be reused after its object died; then the cache names the former site. Include something that
/// differs (the operation, the line) and that stays a rare, harmless mislabel.
pub type SiteKey = (usize, usize, u32);

thread_local! {
    static CACHE: [Cell<(SiteKey, NameId)>; CACHE_SLOTS] =
        const { [const { Cell::new(((0, 0, 0), 0)) }; CACHE_SLOTS] };
}

/// The name interned for `key` on this thread, made by `intern` the first time.
#[inline]
pub fn cached(key: SiteKey, intern: impl FnOnce() -> NameId) -> NameId {
    let slot = slot_of(key);
    if let Ok((known, name)) = CACHE.try_with(|cache| cache[slot].get()) {
        if known == key && name != 0 {
            return name;
        }
    }
    let name = intern();
    // Only fails while the thread ends, when there is nothing left to speed up.
    let _ = CACHE.try_with(|cache| cache[slot].set((key, name)));
    name
}

#[inline]
fn slot_of((operation, code, line): SiteKey) -> usize {
    let mixed = (operation ^ code.rotate_left(21) ^ (line as usize).rotate_left(42))
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed >> (usize::BITS - CACHE_SLOTS.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_asks_once_per_key_and_survives_collisions() {
        let mut asked = 0;
        for _ in 0..3 {
            assert_eq!(
                cached((1, 2, 3), || {
                    asked += 1;
                    7
                }),
                7
            );
        }
        assert_eq!(asked, 1);
        for line in 0..5000 {
            assert_eq!(cached((1, 9, line), || line + 1), line + 1);
        }
    }
}
