//! Wall-clock time as the database keeps it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970 (UTC).
pub fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_micros() as i64)
}
