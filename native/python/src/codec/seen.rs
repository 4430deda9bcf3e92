//! Containers met while writing one pack, so that shared and cyclic ones keep their identity.
//!
//! Only objects that somebody else refers to as well are noted: the rest cannot be met again.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use pyo3::ffi;
use pyo3::prelude::*;
use symphony_core::pack::{tag, PackBuf, KEPT};

#[derive(Default)]
pub struct Seen<'py> {
    met: HashMap<usize, Met<'py>, BuildHasherDefault<ByAddress>>,
}

struct Met<'py> {
    /// Index of the op that began it.
    at: usize,
    /// Its values are still being written.
    open: bool,
    /// Keeps the address from being another object's while the pack is written.
    _alive: Bound<'py, PyAny>,
}

/// What to do with a container.
pub enum Meeting {
    /// Write it; it is noted, so [`Seen::close`] must follow.
    First,
    /// A BACK has been written.
    Again,
    /// It contains itself through something that cannot be made before its items.
    Within,
}

impl<'py> Seen<'py> {
    /// Notes a container whose op comes next, or refers back to it.
    pub fn meet(&mut self, value: &Bound<'py, PyAny>, out: &mut PackBuf) -> Meeting {
        let address = value.as_ptr() as usize;
        let Some(met) = self.met.get(&address) else {
            let met = Met {
                at: out.ops.len(),
                open: true,
                _alive: value.clone(),
            };
            self.met.insert(address, met);
            return Meeting::First;
        };
        let op = &mut out.ops[met.at];
        if met.open {
            match *op as u8 & !KEPT {
                tag::TUPLE | tag::FROZENSET | tag::EXT => return Meeting::Within,
                // Its reader makes the instance before its fields.
                tag::DATACLASS => *op |= 1 << 8,
                _ => {}
            }
        }
        *op |= i32::from(KEPT);
        out.op(tag::BACK, met.at);
        Meeting::Again
    }

    /// All values of a container noted by [`Seen::meet`] are written.
    pub fn close(&mut self, value: &Bound<'py, PyAny>) {
        if let Some(met) = self.met.get_mut(&(value.as_ptr() as usize)) {
            met.open = false;
        }
    }
}

/// True when others refer to `object` besides one owner and `ours`.
#[inline]
pub fn is_shared(object: *mut ffi::PyObject, ours: ffi::Py_ssize_t) -> bool {
    // SAFETY: the callers pass live objects.
    unsafe { ffi::Py_REFCNT(object) > 1 + ours }
}

/// Addresses are multiples of 16: the multiplication spreads them.
#[derive(Default)]
struct ByAddress(u64);

impl Hasher for ByAddress {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = (address as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
