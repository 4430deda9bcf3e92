//! What operations do between their awaits: wait and compute.
//!
//! Threads: any, inside an operation. A component has no Tokio of its own here: the bridge's is asked.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use symphony_abi::panics::{self, Panic};
use symphony_abi::Callback;

use crate::host::{self, lock};

/// Is over after `duration`.
pub async fn sleep(duration: Duration) {
    let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    (host::table().sleep)(nanoseconds).await;
}

/// Runs `work` on a thread of the bridge's that may block; `Stop` tells when nobody waits any more.
///
/// # Panics
/// When `work` does.
pub async fn block<T: Send + 'static>(work: impl FnOnce(&Stop) -> T + Send + 'static) -> T {
    let stop = Stop::default();
    let _stop_on_drop = StopOnDrop(stop.clone());
    let outcome: Arc<Mutex<Option<Result<T, Panic>>>> = Arc::default();
    let place = outcome.clone();
    let work = Callback::new(move |_| {
        let output = panics::caught(|| work(&stop));
        *lock(&place) = Some(output);
        null_mut()
    });
    // SAFETY: the callback is whole.
    unsafe { (host::table().block)(work) }.await;
    let outcome = lock(&outcome).take();
    match outcome {
        Some(Ok(value)) => value,
        Some(Err(panic)) => panics::resume(panic),
        None => panic!("the bridge has ended"),
    }
}

/// Whether blocking work is still wanted.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// True once the operation was cancelled: end soon.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0 .0.store(true, Ordering::Release);
    }
}
