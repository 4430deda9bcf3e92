//! What tests and benchmarks see of the codec: whole frames in and out, and timed loops without a transport.

use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use symphony_core::chunk::Chunk;
use symphony_core::frame::{self, Header};
use symphony_core::pack::PackBuf;

use super::{decode, encode, failure, NoRefs};

/// The value as one RESULT frame.
#[pyfunction]
fn _codec_encode<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = value.py();
    Ok(PyBytes::new(py, &to_frame(value)?))
}

/// The value of a frame.
#[pyfunction]
fn _codec_decode(py: Python<'_>, frame: &[u8]) -> PyResult<Py<PyAny>> {
    // A bytes object need not begin where a frame must.
    let aligned = Chunk::copy(frame);
    let frame =
        frame::read_frame(aligned.bytes()).map_err(|error| failure::malformed(py, error))?;
    decode(py, &frame.pack, &NoRefs)
}

/// Nanoseconds of the fastest of `rounds` conversions of a value to a pack.
#[pyfunction]
fn _codec_time_encode(value: &Bound<'_, PyAny>, rounds: u32) -> PyResult<u64> {
    let mut pack = PackBuf::new();
    best(rounds, || {
        pack.clear();
        encode(value, &mut pack, &NoRefs, "value")
    })
}

/// Nanoseconds of the fastest of `rounds` conversions of a value's pack to a value.
#[pyfunction]
fn _codec_time_decode(value: &Bound<'_, PyAny>, rounds: u32) -> PyResult<u64> {
    let mut pack = PackBuf::new();
    encode(value, &mut pack, &NoRefs, "value")?;
    let view = pack.view();
    best(rounds, || decode(value.py(), &view, &NoRefs).map(drop))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(_codec_encode, module)?)?;
    module.add_function(wrap_pyfunction!(_codec_decode, module)?)?;
    module.add_function(wrap_pyfunction!(_codec_time_encode, module)?)?;
    module.add_function(wrap_pyfunction!(_codec_time_decode, module)?)
}

fn to_frame(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut pack = PackBuf::new();
    encode(value, &mut pack, &NoRefs, "value")?;
    let header = Header {
        kind: frame::kind::RESULT,
        ..Header::default()
    };
    let mut bytes = Vec::new();
    frame::write_frame(&mut bytes, &header, &pack)
        .map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))?;
    Ok(bytes)
}

fn best(rounds: u32, mut work: impl FnMut() -> PyResult<()>) -> PyResult<u64> {
    let mut best = u64::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed().as_nanos() as u64);
    }
    Ok(best)
}
