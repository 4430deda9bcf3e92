//! A closure for the other side: called once, or dropped.
//!
//! Threads: any; what it needs is its maker's. Must not know what it is for.

use std::ffi::c_void;
use std::ptr::null_mut;

use crate::panics::caught;
use crate::Object;

/// Takes a Python object that is lent, gives one that is owned; either may be null.
#[repr(C)]
pub struct Callback {
    state: *mut c_void,
    run: unsafe extern "C" fn(*mut c_void, *mut Object) -> *mut Object,
    drop: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: the closure inside is.
unsafe impl Send for Callback {}

impl Callback {
    /// `body` must not panic: that reads as null without an exception.
    pub fn new<F: FnOnce(*mut Object) -> *mut Object + Send + 'static>(body: F) -> Self {
        unsafe extern "C" fn run<F: FnOnce(*mut Object) -> *mut Object>(
            state: *mut c_void,
            input: *mut Object,
        ) -> *mut Object {
            // SAFETY: `state` is the box made below, given back once.
            let body = unsafe { Box::from_raw(state.cast::<F>()) };
            caught(|| body(input)).unwrap_or(null_mut())
        }
        unsafe extern "C" fn drop<F>(state: *mut c_void) {
            // SAFETY: as above.
            let body = unsafe { Box::from_raw(state.cast::<F>()) };
            let _ = caught(|| std::mem::drop(body));
        }
        Self {
            state: Box::into_raw(Box::new(body)).cast(),
            run: run::<F>,
            drop: drop::<F>,
        }
    }

    /// # Safety
    /// `input` is what its maker expects: null, or an object.
    pub unsafe fn call(self, input: *mut Object) -> *mut Object {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: the state is the maker's, and is given back here instead of in `drop`.
        unsafe { (this.run)(this.state, input) }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        // SAFETY: `call` did not take the state.
        unsafe { (self.drop)(self.state) };
    }
}
