//! The buffer protocol, which the limited API has only from 3.11 on: every CPython exports it all the same.
//!
//! Threads: attached. The layout of `Py_buffer` has been the same since 3.0.

use std::ffi::{c_char, c_int, c_void, CStr};
use std::mem::{transmute, MaybeUninit};
use std::ptr::null_mut;
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// C's `Py_buffer`.
#[repr(C)]
pub struct RawBuffer {
    pub buf: *mut c_void,
    /// A new reference to the exporter.
    pub obj: *mut ffi::PyObject,
    pub len: ffi::Py_ssize_t,
    pub itemsize: ffi::Py_ssize_t,
    pub readonly: c_int,
    pub ndim: c_int,
    pub format: *mut c_char,
    pub shape: *mut ffi::Py_ssize_t,
    pub strides: *mut ffi::Py_ssize_t,
    pub suboffsets: *mut ffi::Py_ssize_t,
    pub internal: *mut c_void,
}

pub const PYBUF_WRITABLE: c_int = 1;
pub const PYBUF_FORMAT: c_int = 4;
pub const PYBUF_ND: c_int = 8;
pub const PYBUF_STRIDES: c_int = 0x10 | PYBUF_ND;
const PYBUF_SIMPLE: c_int = 0;

/// The bytes of an object, which cannot move or go as long as this is held.
pub struct HeldBuffer(Box<RawBuffer>);

impl HeldBuffer {
    /// # Errors
    /// What the object says when its bytes do not lie in a row or it has none.
    pub fn of(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut raw = Box::new(MaybeUninit::<RawBuffer>::uninit());
        // SAFETY: a live object, and room for what is filled in.
        let status = unsafe { (api().get)(value.as_ptr(), raw.as_mut_ptr(), PYBUF_SIMPLE) };
        if status != 0 {
            return Err(PyErr::fetch(value.py()));
        }
        // SAFETY: filled in, as the status says; boxes of the two have the same layout.
        Ok(Self(unsafe { Box::from_raw(Box::into_raw(raw).cast()) }))
    }

    pub fn bytes(&self) -> &[u8] {
        if self.0.len == 0 {
            return &[];
        }
        // SAFETY: the exporter promises these bytes until the buffer is released.
        unsafe { std::slice::from_raw_parts(self.0.buf.cast(), self.0.len as usize) }
    }
}

impl AsRef<[u8]> for HeldBuffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

// SAFETY: the bytes can be read from anywhere, and the release attaches to Python.
unsafe impl Send for HeldBuffer {}
// SAFETY: as above.
unsafe impl Sync for HeldBuffer {}

impl Drop for HeldBuffer {
    fn drop(&mut self) {
        // Without Python there is nobody to give it back to.
        Python::try_attach(|_| {
            // SAFETY: got by `of`, released once; attached.
            unsafe { (api().release)(&mut *self.0) }
        });
    }
}

/// A bytes object whose bytes are read where they are.
pub struct HeldBytes(pub Py<PyBytes>);

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: a bytes object that is held; its bytes never change or move, so no GIL is needed to read them.
        unsafe {
            let data = ffi::PyBytes_AsString(self.0.as_ptr());
            std::slice::from_raw_parts(data.cast(), ffi::PyBytes_Size(self.0.as_ptr()) as usize)
        }
    }
}

struct Api {
    get: unsafe extern "C" fn(*mut ffi::PyObject, *mut RawBuffer, c_int) -> c_int,
    release: unsafe extern "C" fn(*mut RawBuffer),
}

fn api() -> &'static Api {
    static FOUND: OnceLock<Api> = OnceLock::new();
    FOUND.get_or_init(|| {
        // SAFETY: the symbols are C functions of these signatures in every CPython since 3.0.
        unsafe {
            Api {
                get: transmute::<
                    *mut c_void,
                    unsafe extern "C" fn(*mut ffi::PyObject, *mut RawBuffer, c_int) -> c_int,
                >(symbol(c"PyObject_GetBuffer")),
                release: transmute::<*mut c_void, unsafe extern "C" fn(*mut RawBuffer)>(symbol(
                    c"PyBuffer_Release",
                )),
            }
        }
    })
}

fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: a look-up of a symbol by its name.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    assert!(
        !symbol.is_null(),
        "this interpreter is no CPython: it lacks {name:?}"
    );
    symbol
}

impl Default for RawBuffer {
    fn default() -> Self {
        Self {
            buf: null_mut(),
            obj: null_mut(),
            len: 0,
            itemsize: 1,
            readonly: 1,
            ndim: 1,
            format: null_mut(),
            shape: null_mut(),
            strides: null_mut(),
            suboffsets: null_mut(),
            internal: null_mut(),
        }
    }
}
