//! Where Python is: the line of the script that called into Rust.
//!
//! Threads: attached ones. Frames of `symphony_bridge` itself are passed over, so that a thin Python
//! wrapper never hides the line that used it. Must not know what the call does.

use std::cell::RefCell;
use std::ffi::{c_int, c_void, CStr};
use std::rc::Rc;
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use symphony_core::recorder::NameId;
use symphony_core::sites;

/// Key of the cache entries that say whether a code object is ours; no operation has this address.
const OWN: usize = 1;
const IS_OWN: NameId = 1;
const IS_FOREIGN: NameId = 2;

/// The calling Python line.
pub struct Caller<'py> {
    frame: Bound<'py, PyAny>,
    code: Bound<'py, PyAny>,
    /// Tells places in one code object apart. Finding the line takes longer, so that waits until it is wanted.
    place: u32,
}

/// The innermost line of Python that is not ours; `None` when no Python code runs on this thread.
pub fn caller(py: Python<'_>) -> Option<Caller<'_>> {
    // SAFETY: attached; the frame is borrowed, so a reference of our own is taken.
    let mut frame = unsafe {
        Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast::<ffi::PyObject>())
    }?;
    loop {
        let code = code_of(&frame)?;
        if !is_own(&code) {
            let place = place_of(&frame);
            return Some(Caller { frame, code, place });
        }
        frame = frame
            .getattr("f_back")
            .ok()
            .filter(|back| !back.is_none())?;
    }
}

/// The name interned for a call of `key` from here; `intern` gets the caller as `file:line`.
pub fn cached(py: Python<'_>, key: usize, intern: impl FnOnce(&str) -> NameId) -> NameId {
    match caller(py) {
        Some(caller) => sites::cached((key, caller.address(), caller.place), || {
            intern(&caller.text())
        }),
        None => sites::cached((key, 0, 0), || intern("")),
    }
}

/// The caller as `file:line`, empty when there is none. Repeated calls from one line share the text.
pub fn text(py: Python<'_>) -> Rc<str> {
    type Entry = (usize, u32, Option<Rc<str>>);
    const SLOTS: usize = 64;
    thread_local! {
        static TEXTS: RefCell<[Entry; SLOTS]> = const { RefCell::new([const { (0, 0, None) }; SLOTS]) };
    }
    let Some(caller) = caller(py) else {
        return Rc::from("");
    };
    let address = caller.address();
    let slot = ((address >> 4) ^ caller.place as usize) % SLOTS;
    TEXTS.with_borrow_mut(|texts| {
        let (known, place, text) = &mut texts[slot];
        match text {
            Some(text) if (*known, *place) == (address, caller.place) => text.clone(),
            _ => {
                let made: Rc<str> = caller.text().into();
                texts[slot] = (address, caller.place, Some(made.clone()));
                made
            }
        }
    })
}

impl Caller<'_> {
    fn address(&self) -> usize {
        self.code.as_ptr() as usize
    }

    fn text(&self) -> String {
        format!("{}:{}", file_of(&self.code), line_of(&self.frame))
    }
}

fn is_own(code: &Bound<'_, PyAny>) -> bool {
    let own = sites::cached((OWN, code.as_ptr() as usize, 0), || {
        if file_of(code).starts_with(package_folder(code.py())) {
            IS_OWN
        } else {
            IS_FOREIGN
        }
    });
    own == IS_OWN
}

fn file_of(code: &Bound<'_, PyAny>) -> String {
    code.getattr("co_filename")
        .and_then(|name| name.extract())
        .unwrap_or_default()
}

/// Folder of the Python package, with its separator.
fn package_folder(py: Python<'_>) -> &str {
    static FOLDER: PyOnceLock<String> = PyOnceLock::new();
    FOLDER.get_or_init(py, || {
        let file = py
            .import("symphony_bridge")
            .and_then(|package| package.getattr("__file__"))
            .and_then(|file| file.extract::<String>())
            .unwrap_or_default();
        file[..file.rfind('/').map_or(0, |at| at + 1)].to_owned()
    })
}

fn code_of<'py>(frame: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    type GetCode = unsafe extern "C" fn(*mut c_void) -> *mut ffi::PyObject;
    static GET_CODE: OnceLock<Option<GetCode>> = OnceLock::new();
    let get_code = GET_CODE.get_or_init(|| {
        // From 3.9 on, but not in the limited API of 3.8.
        let symbol = find(c"PyFrame_GetCode");
        // SAFETY: the symbol, where it exists, is the C function of this signature.
        (!symbol.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, GetCode>(symbol) })
    });
    match get_code {
        // SAFETY: `frame` is a frame object; the result is a new reference, never null.
        Some(get_code) => unsafe {
            Bound::from_owned_ptr_or_opt(frame.py(), get_code(frame.as_ptr().cast()))
        },
        None => frame.getattr("f_code").ok(),
    }
}

fn line_of(frame: &Bound<'_, PyAny>) -> c_int {
    // SAFETY: `frame` is a frame object.
    unsafe { PyFrame_GetLineNumber(frame.as_ptr().cast()) }
}

fn place_of(frame: &Bound<'_, PyAny>) -> u32 {
    type GetLasti = unsafe extern "C" fn(*mut c_void) -> c_int;
    static GET_LASTI: OnceLock<Option<GetLasti>> = OnceLock::new();
    let get_lasti = GET_LASTI.get_or_init(|| {
        // From 3.11 on, and not in the limited API.
        let symbol = find(c"PyFrame_GetLasti");
        // SAFETY: the symbol, where it exists, is the C function of this signature.
        (!symbol.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, GetLasti>(symbol) })
    });
    match get_lasti {
        // SAFETY: `frame` is a frame object.
        Some(get_lasti) => unsafe { get_lasti(frame.as_ptr().cast()) as u32 },
        None => line_of(frame) as u32,
    }
}

fn find(name: &CStr) -> *mut c_void {
    // SAFETY: the name is a C string; the handle is the one for all that is loaded.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

extern "C" {
    // Exported by every CPython; in the limited API only from 3.10 on.
    fn PyFrame_GetLineNumber(frame: *mut c_void) -> c_int;
}

/// The path from the project's root: the compiler gives it from the workspace's.
pub fn source_path(file: &str) -> String {
    if file.starts_with('/') {
        file.to_owned()
    } else {
        format!("native/{file}")
    }
}
