//! What a panic said, and where: for the error that tells of it.
//!
//! Threads: any. Must not know Python. The hook of the process still prints what it always did. Each
//! module has a hook of its own, as it has a standard library of its own.

use std::any::Any;
use std::cell::RefCell;
use std::future::{poll_fn, Future};
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

thread_local! {
    static LAST: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// A panic that was caught.
pub struct Panic {
    pub message: String,
    /// File, as its compiler was told, and line.
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

/// The future's output; whoever waits for it learns of a panic, too.
pub async fn catching<F: Future>(future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(future);
    poll_fn(|context| match caught(|| future.as_mut().poll(context)) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Goes on with a panic that was caught on another thread.
pub fn resume(panic: Panic) -> ! {
    LAST.set(panic.place);
    panic::resume_unwind(Box::new(panic.message))
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
                .map(|line| (line.file().to_owned(), line.line()));
            // A thread that ends has no such place any more.
            let _ = LAST.try_with(|last| last.replace(place));
            before(info);
        }));
    });
}
