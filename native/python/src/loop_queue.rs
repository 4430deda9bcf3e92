//! The inbox of an asyncio event loop: what other threads have to be done on the loop's thread.
//!
//! Threads: posts from any, attached or not; the loop runs all posted closures in one callback, woken by
//! its eventfd. Must not know what the closures do.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use pyo3::exceptions::PyOSError;
use pyo3::intern;
use pyo3::prelude::*;
use symphony_abi::panics;
use symphony_core::inbox::Inbox;

use crate::errors;

type Posted = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>;

/// The inbox of one event loop: closures posted from any thread, run on the loop's thread.
pub struct LoopQueue {
    inbox: Inbox<Posted>,
    event: libc::c_int,
    /// Futures that may still be settled where they are made, before one has to go round.
    allowance: AtomicU32,
}

/// A task that awaits nothing but ready futures lets the others run once in so many.
const ALLOWANCE: u32 = 256;

impl LoopQueue {
    /// The queue of `event_loop`, attached to it on first use. Call on the loop's thread.
    pub fn of(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let attribute = intern!(event_loop.py(), "_symphony_queue");
        if let Ok(reader) = event_loop.getattr(attribute) {
            return Ok(reader.cast::<LoopReader>()?.get().queue.clone());
        }
        let queue = Arc::new(Self {
            inbox: Inbox::default(),
            event: new_event()?,
            allowance: AtomicU32::new(ALLOWANCE),
        });
        let reader = Bound::new(
            event_loop.py(),
            LoopReader {
                queue: queue.clone(),
            },
        )?;
        event_loop.call_method1("add_reader", (queue.event, &reader))?;
        event_loop.setattr(attribute, reader)?;
        Ok(queue)
    }

    /// Whether an awaitable may be given that is over already. Call on the loop's thread.
    pub fn may_settle_now(&self) -> bool {
        let left = self.allowance.load(Ordering::Relaxed);
        let next = left.checked_sub(1).unwrap_or(ALLOWANCE);
        self.allowance.store(next, Ordering::Relaxed);
        left > 0
    }

    /// Queues `action` for the loop's thread. Any thread, with or without the GIL; never blocks.
    pub fn post(&self, action: Posted) {
        self.inbox.post(action, || {
            let one: u64 = 1;
            // SAFETY: `event` is an open eventfd owned by this queue, and the buffer is 8 bytes.
            // A failed write means the counter is already non-zero: the loop is awake.
            unsafe { libc::write(self.event, (&raw const one).cast(), 8) };
        });
    }

    fn run_posted(&self, py: Python<'_>) {
        let posted = self.inbox.take(|| {
            let mut counter: u64 = 0;
            // SAFETY: as in `post`; the descriptor is non-blocking.
            unsafe { libc::read(self.event, (&raw mut counter).cast(), 8) };
        });
        for action in posted {
            // The others of the batch are not to suffer from one that panics.
            let outcome = panics::caught(|| action(py))
                .unwrap_or_else(|panic| Err(errors::panicked(py, "event loop", &panic)));
            if let Err(error) = outcome {
                error.write_unraisable(py, None);
            }
        }
    }
}

impl Drop for LoopQueue {
    fn drop(&mut self) {
        // SAFETY: the descriptor is owned by this queue and closed only here.
        unsafe { libc::close(self.event) };
    }
}

/// The callback that an event loop runs when its queue's eventfd becomes readable.
#[pyclass(frozen)]
struct LoopReader {
    queue: Arc<LoopQueue>,
}

#[pymethods]
impl LoopReader {
    fn __call__(&self, py: Python<'_>) {
        self.queue.run_posted(py);
    }
}

fn new_event() -> PyResult<libc::c_int> {
    // SAFETY: no pointers are passed.
    let event = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
    if event < 0 {
        return Err(PyOSError::new_err(
            std::io::Error::last_os_error().to_string(),
        ));
    }
    Ok(event)
}
