//! A Python object that exports memory with a format: its own copy of bytes, or JavaScript's memory during a call.
//!
//! The limited API of 3.8 has no slots for this: the type is made by hand, and 3.8's is patched.
//! Threads: attached.

use std::ffi::{c_int, c_void, CString};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::buffer::{HeldBuffer, RawBuffer, PYBUF_FORMAT, PYBUF_ND, PYBUF_STRIDES, PYBUF_WRITABLE};

/// How memory is to be read.
pub struct Layout {
    /// A format of `struct`, as memoryviews have it.
    pub format: CString,
    pub itemsize: usize,
    pub shape: Vec<ffi::Py_ssize_t>,
    pub strides: Vec<ffi::Py_ssize_t>,
    pub readonly: bool,
}

/// Memory that an exporter lends.
pub enum Memory {
    Own(Vec<u8>),
    /// Not ours: whoever makes it watches that no view outlives it; see [`super::views`].
    Lent {
        data: *mut u8,
        length: usize,
    },
}

struct Exporter {
    memory: Memory,
    layout: Layout,
    /// Views of it that are not released.
    exports: AtomicUsize,
}

#[repr(C)]
struct Object {
    head: ffi::PyObject,
    exporter: *mut Exporter,
}

impl Layout {
    /// The layout of `length` bytes. `order` F: the first index moves fastest.
    ///
    /// # Errors
    /// `ValueError` when shape and size differ.
    pub fn new(
        format: &str,
        itemsize: usize,
        shape: Vec<usize>,
        fortran: bool,
        readonly: bool,
        length: usize,
    ) -> PyResult<Self> {
        let broken = || PyValueError::new_err("a buffer's shape and size differ");
        let items = shape
            .iter()
            .try_fold(1usize, |n, &side| n.checked_mul(side));
        let bytes = items.and_then(|items| items.checked_mul(itemsize));
        if itemsize == 0 || bytes != Some(length) || shape.len() > 64 {
            return Err(broken());
        }
        let mut strides = vec![0; shape.len()];
        let mut stride = itemsize;
        let mut place = |axis: usize| {
            strides[axis] = stride as ffi::Py_ssize_t;
            // Fits: a side of 0 makes the whole empty, all others make up at most `length`.
            stride = stride.saturating_mul(shape[axis].max(1));
        };
        if fortran {
            (0..shape.len()).for_each(&mut place);
        } else {
            (0..shape.len()).rev().for_each(&mut place);
        }
        Ok(Self {
            format: CString::new(format).map_err(|_| broken())?,
            itemsize,
            shape: shape
                .into_iter()
                .map(|side| side as ffi::Py_ssize_t)
                .collect(),
            strides,
            readonly,
        })
    }
}

/// A new object that exports this memory.
pub fn export(py: Python<'_>, memory: Memory, layout: Layout) -> PyResult<Bound<'_, PyAny>> {
    let class = class(py)?;
    // SAFETY: our own type; `tp_alloc` gives zeroed memory of its basic size.
    let object = unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(class.as_ptr().cast(), 0))
    }?;
    let exporter = Box::new(Exporter {
        memory,
        layout,
        exports: AtomicUsize::new(0),
    });
    // SAFETY: an object of our type, that nobody else has seen.
    unsafe { (*object.as_ptr().cast::<Object>()).exporter = Box::into_raw(exporter) };
    Ok(object)
}

/// How many views of an exporter are not released.
pub fn exports(exporter: &Bound<'_, PyAny>) -> usize {
    // SAFETY: the callers pass what `export` made.
    unsafe {
        (*(*exporter.as_ptr().cast::<Object>()).exporter)
            .exports
            .load(Ordering::Relaxed)
    }
}

fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || make_class(py))?;
    Ok(class.bind(py))
}

/// `Py_bf_getbuffer` and `Py_bf_releasebuffer`; 3.8 takes them for other things.
const SLOT_GET: c_int = 1;
const SLOT_RELEASE: c_int = 2;
/// Where a type of 3.8 keeps the pointer to its two buffer functions, on 64 bits.
const AS_BUFFER_3_8: usize = 160;

fn make_class(py: Python<'_>) -> PyResult<Py<PyType>> {
    let slot = |slot, function: *mut c_void| ffi::PyType_Slot {
        slot,
        pfunc: function,
    };
    let has_slots = py.version_info() >= (3, 9);
    let mut slots = vec![slot(ffi::Py_tp_dealloc, deallocate as *mut c_void)];
    if has_slots {
        slots.push(slot(SLOT_GET, get_buffer as *mut c_void));
        slots.push(slot(SLOT_RELEASE, release_buffer as *mut c_void));
    }
    slots.push(slot(0, null_mut()));
    let mut spec = ffi::PyType_Spec {
        name: c"symphony_bridge.Memory".as_ptr(),
        basicsize: std::mem::size_of::<Object>() as c_int,
        itemsize: 0,
        flags: ffi::Py_TPFLAGS_DEFAULT as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: name and slots live as long as the call, the functions for ever.
    let class = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec)) }?;
    if !has_slots {
        // SAFETY: a type of 3.8 on 64 bits, whose buffer functions stand in its own memory.
        unsafe {
            let functions = *class
                .as_ptr()
                .byte_add(AS_BUFFER_3_8)
                .cast::<*mut [*mut c_void; 2]>();
            *functions = [get_buffer as *mut c_void, release_buffer as *mut c_void];
        }
    }
    Ok(class.cast_into::<PyType>()?.unbind())
}

/// # Safety
/// Python's: `object` is an exporter, attached.
unsafe extern "C" fn get_buffer(
    object: *mut ffi::PyObject,
    view: *mut RawBuffer,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    let exporter = unsafe { &mut *(*object.cast::<Object>()).exporter };
    let Layout {
        format,
        itemsize,
        shape,
        strides,
        readonly,
    } = &mut exporter.layout;
    let contiguous = strides.is_empty()
        || shape
            .iter()
            .rev()
            .zip(strides.iter().rev())
            .try_fold(*itemsize as isize, |next, (&side, &stride)| {
                (side <= 1 || stride == next).then_some(next * side.max(1))
            })
            .is_some();
    let wants = |flag| flags & flag == flag;
    let refused = if wants(PYBUF_WRITABLE) && *readonly {
        Some("this memory is read-only")
    } else if !contiguous && !wants(PYBUF_STRIDES) {
        Some("this memory does not lie in C order")
    } else {
        None
    };
    // SAFETY: the caller gives room for a view.
    let view = unsafe {
        view.write(RawBuffer::default());
        &mut *view
    };
    if let Some(reason) = refused {
        // SAFETY: attached.
        Python::attach(|py| PyBufferError::new_err(reason).restore(py));
        return -1;
    }
    let (data, length) = match &mut exporter.memory {
        Memory::Own(bytes) => (bytes.as_mut_ptr(), bytes.len()),
        Memory::Lent { data, length } => (*data, *length),
    };
    view.buf = data.cast();
    view.len = length as ffi::Py_ssize_t;
    view.itemsize = *itemsize as ffi::Py_ssize_t;
    view.readonly = c_int::from(*readonly);
    view.ndim = shape.len() as c_int;
    if wants(PYBUF_FORMAT) {
        view.format = format.as_ptr().cast_mut();
    }
    if wants(PYBUF_ND) {
        view.shape = shape.as_mut_ptr();
    }
    if wants(PYBUF_STRIDES) {
        view.strides = strides.as_mut_ptr();
    }
    exporter.exports.fetch_add(1, Ordering::Relaxed);
    // SAFETY: a live object; the view owns a reference.
    unsafe { ffi::Py_INCREF(object) };
    view.obj = object;
    0
}

/// # Safety
/// Python's: `object` is an exporter that gave `view`, attached.
unsafe extern "C" fn release_buffer(object: *mut ffi::PyObject, _view: *mut RawBuffer) {
    // SAFETY: the caller's promise.
    let exporter = unsafe { &*(*object.cast::<Object>()).exporter };
    exporter.exports.fetch_sub(1, Ordering::Relaxed);
}

/// # Safety
/// Python's: nobody refers to `object` any more.
unsafe extern "C" fn deallocate(object: *mut ffi::PyObject) {
    // SAFETY: an exporter; its memory was boxed by `export`, and its type is freed as Python frees instances of types
    // made at run time, each of which holds a reference to its type.
    unsafe {
        let class = ffi::Py_TYPE(object);
        let exporter = (*object.cast::<Object>()).exporter;
        if !exporter.is_null() {
            drop(Box::from_raw(exporter));
        }
        ffi::PyObject_Free(object.cast());
        ffi::Py_DECREF(class.cast());
    }
}

/// A memoryview of its own copy of `data`. Raises `ValueError` when shape and size differ.
#[pyfunction]
pub(super) fn _view_of<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    format: &str,
    shape: Vec<usize>,
    order: &str,
    readonly: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let data = HeldBuffer::of(data)?.bytes().to_vec();
    let itemsize = item_size(py, format, &shape, data.len())?;
    let layout = Layout::new(format, itemsize, shape, order == "F", readonly, data.len())?;
    view_of(&export(py, Memory::Own(data), layout)?)
}

/// A memoryview of an exporter.
pub fn view_of<'py>(exporter: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: gives a new reference or sets an error.
    unsafe {
        let view = ffi::PyMemoryView_FromObject(exporter.as_ptr());
        Bound::from_owned_ptr_or_err(exporter.py(), view)
    }
}

/// Bytes of one item: by what is there, or, where nothing is, by the format.
pub fn item_size(py: Python<'_>, format: &str, shape: &[usize], length: usize) -> PyResult<usize> {
    let items = shape
        .iter()
        .try_fold(1usize, |n, &side| n.checked_mul(side));
    if let Some(size) = items.and_then(|items| length.checked_div(items)) {
        return Ok(size);
    }
    let sized = py.import("struct")?.call_method1("calcsize", (format,));
    // Formats that only NumPy knows have no size there.
    Ok(sized.and_then(|size| size.extract()).unwrap_or(1))
}
