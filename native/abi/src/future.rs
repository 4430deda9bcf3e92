//! A future for the other side. It has no output: that is its maker's to keep.
//!
//! Threads: polled and dropped on any. Must not know who runs it.

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::panics::caught;

#[repr(C)]
pub struct RawFuture {
    state: *mut c_void,
    /// True when it is over; it is not polled again.
    poll: unsafe extern "C" fn(*mut c_void, RawWaker) -> bool,
    drop: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: the future inside is.
unsafe impl Send for RawFuture {}

impl RawFuture {
    /// `future` must not panic: that reads as its end.
    pub fn new<F: Future<Output = ()> + Send + 'static>(future: F) -> Self {
        unsafe extern "C" fn poll<F: Future<Output = ()>>(
            state: *mut c_void,
            waker: RawWaker,
        ) -> bool {
            // SAFETY: `state` is the box made below, which nobody else uses during a poll or moves.
            let future = unsafe { Pin::new_unchecked(&mut *state.cast::<F>()) };
            let waker = Waker::from(Arc::new(waker));
            caught(|| future.poll(&mut Context::from_waker(&waker)).is_ready()).unwrap_or(true)
        }
        unsafe extern "C" fn drop<F>(state: *mut c_void) {
            // SAFETY: `state` is the box made below, given back once.
            let future = unsafe { Box::from_raw(state.cast::<F>()) };
            let _ = caught(|| std::mem::drop(future));
        }
        Self {
            state: Box::into_raw(Box::new(future)).cast(),
            poll: poll::<F>,
            drop: drop::<F>,
        }
    }
}

impl Future for RawFuture {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // SAFETY: the state is its maker's until the drop, and `&mut self` makes this the only poll.
        let is_over = unsafe { (self.poll)(self.state, RawWaker::of(context.waker())) };
        if is_over {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for RawFuture {
    fn drop(&mut self) {
        // SAFETY: the state is given back once.
        unsafe { (self.drop)(self.state) };
    }
}

/// A waker of the other side.
#[repr(C)]
struct RawWaker {
    waker: *mut c_void,
    wake: unsafe extern "C" fn(*const c_void),
    drop: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: the waker inside is.
unsafe impl Send for RawWaker {}
// SAFETY: as above.
unsafe impl Sync for RawWaker {}

impl RawWaker {
    fn of(waker: &Waker) -> Self {
        unsafe extern "C" fn wake(waker: *const c_void) {
            // SAFETY: the box made below, until `drop`.
            let waker = unsafe { &*waker.cast::<Waker>() };
            let _ = caught(|| waker.wake_by_ref());
        }
        unsafe extern "C" fn drop(waker: *mut c_void) {
            // SAFETY: the box made below, given back once.
            std::mem::drop(unsafe { Box::from_raw(waker.cast::<Waker>()) });
        }
        Self {
            waker: Box::into_raw(Box::new(waker.clone())).cast(),
            wake,
            drop,
        }
    }
}

impl Wake for RawWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // SAFETY: the waker lives as long as this.
        unsafe { (self.wake)(self.waker) };
    }
}

impl Drop for RawWaker {
    fn drop(&mut self) {
        // SAFETY: given back once.
        unsafe { (self.drop)(self.waker) };
    }
}
