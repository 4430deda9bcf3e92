//! Segments → `bytes`.

use pyo3::prelude::*;
use symphony_core::pack::Owner;

use super::failure::Outcome;
use crate::room::Room;

/// The `bytes` that the segment was received in, or else a copy.
pub fn bytes<'py>(
    py: Python<'py>,
    segment: &[u8],
    owner: Option<&Owner>,
) -> Outcome<Bound<'py, PyAny>> {
    if let Some(room) = owner.and_then(|owner| owner.downcast_ref::<Room>()) {
        return Ok(room.object(py));
    }
    // Not `PyBytes::new`: there would be no time to ask for large pages.
    let mut room = Room::new(py, segment.len())?;
    room.bytes_mut().copy_from_slice(segment);
    Ok(room.object(py))
}
