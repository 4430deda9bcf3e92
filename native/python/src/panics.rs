//! What a panic said, and where: for the error that tells of it.
//!
//! Threads: any. Must not know Python. The hook of the process still prints what it always did.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::site::source_path;

thread_local! {
    static LAST: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// A panic that was caught.
pub struct Panic {
    pub message: String,
    /// File, from the project's root, and line.
    pub place: Option<(String, u32)>,
}

/// Runs `body`; a panic in it becomes a value.
#[inline]
pub fn caught<T>(body: impl FnOnce() -> T) -> Result<T, Panic> {
    watch();
    panic::catch_unwind(AssertUnwindSafe(body)).map_err(|payload| Panic {
        message: message_of(&*payload),
        place: LAST.take(),
    })
}

/// What a panic said, from the value it carried.
pub fn message_of(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "its own words are on stderr".to_owned())
}

/// Notes the line of each panic of this thread before the usual hook reports it.
fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info
                .location()
                .map(|line| (source_path(line.file()), line.line()));
            // A thread that ends has no such place any more.
            let _ = LAST.try_with(|last| last.replace(place));
            before(info);
        }));
    });
}
