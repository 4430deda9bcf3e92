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
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// How `eprintln!` panics where nobody reads stderr fast enough: Node lets no write to it wait. PyO3 prints so before it
/// goes on with a panic that has been through Python, and that one is meant.
const UNPRINTED: &str = "failed printing to stderr";

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
    panic::catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let message = message_of(&*payload);
        match LAST.take() {
            Some(last) if message.starts_with(UNPRINTED) => last,
            last => Panic {
                message,
                place: last.and_then(|last| last.place),
            },
        }
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
    let message = panic.message.clone();
    LAST.set(Some(panic));
    panic::resume_unwind(Box::new(message))
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
            note(Panic {
                message: message_of(info.payload()),
                place: info
                    .location()
                    .map(|line| (line.file().to_owned(), line.line())),
            });
            before(info);
        }));
    });
}

fn note(panic: Panic) {
    // A thread that ends has no such place any more.
    let _ = LAST.try_with(|last| {
        let mut last = last.borrow_mut();
        if last.is_none() || !panic.message.starts_with(UNPRINTED) {
            *last = Some(panic);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_tells_its_words_and_line() {
        let line = line!() + 1;
        let panic = caught(|| panic!("on {}", "purpose")).unwrap_err();
        assert_eq!(panic.message, "on purpose");
        assert_eq!(panic.place, Some((file!().to_owned(), line)));
        assert_eq!(caught(|| 5).ok(), Some(5));
    }

    #[test]
    fn a_panic_that_could_not_be_printed_is_still_told() {
        let told = caught(|| {
            // As PyO3 does it: the panic becomes an exception, and goes on later.
            let _ = panic::catch_unwind(|| panic!("the one that is meant"));
            panic!("failed printing to stderr: it is full");
        });
        let panic = told.unwrap_err();
        assert_eq!(panic.message, "the one that is meant");
        assert!(panic.place.is_some_and(|(file, _)| file == file!()));
        let alone = caught(|| panic!("failed printing to stderr: it is full")).unwrap_err();
        assert!(alone.message.starts_with(UNPRINTED));
    }
}
