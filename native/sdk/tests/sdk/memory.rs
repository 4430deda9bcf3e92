//! Memory of Python's as numbers and bytes of Rust's, and back. PyO3's `PyBuffer` is not for components: the stable
//! interface to Python has buffers only from 3.11 on. Threads: with the GIL.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyTuple};

/// Into the Rust form and back; None for a type that is no memory.
pub fn through<'py>(value: &Bound<'py, PyAny>, form: &str) -> Option<PyResult<Bound<'py, PyAny>>> {
    Some(match form {
        "array.array" => array(value),
        "memoryview" => view(value),
        "numpy.ndarray" => nd_array(value),
        _ => return None,
    })
}

/// Numbers of one type.
fn array<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    macro_rules! numbers {
        ($code:expr, $($of:literal $type:ty),+) => {
            match $code {
                $($of => {
                    let numbers: Vec<$type> = value.call_method0("tolist")?.extract()?;
                    value.get_type().call1(($of, numbers))
                })+
                code => panic!("which numbers has an array of {code:?}?"),
            }
        };
    }
    let code: char = value.getattr("typecode")?.extract()?;
    numbers!(code, 'b' i8, 'B' u8, 'h' i16, 'H' u16, 'i' i32, 'I' u32, 'q' i64, 'Q' u64, 'f' f32, 'd' f64)
}

/// Bytes, and what they mean.
fn view<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let bytes: Vec<u8> = value.call_method0("tobytes")?.extract()?;
    let format: String = value.getattr("format")?.extract()?;
    let shape: Vec<usize> = value.getattr("shape")?.extract()?;
    let readonly: bool = value.getattr("readonly")?.extract()?;

    let made = value.get_type().call1((owner(value, &bytes, readonly),))?;
    match shape.len() {
        1 => made.call_method1("cast", (format,)),
        _ => made.call_method1("cast", (format, shape)),
    }
}

/// Bytes in the order of memory, and what they mean; what NumPy calls the type stays with Python.
fn nd_array<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let is = |flag: &str| value.getattr("flags")?.getattr(flag)?.extract::<bool>();
    let by_rows = is("c_contiguous")?;
    // A copy has no gaps.
    if !by_rows && !is("f_contiguous")? {
        return Ok(value.clone());
    }
    let order = if by_rows { "C" } else { "F" };
    let bytes: Vec<u8> = value.call_method1("tobytes", ("A",))?.extract()?;
    let shape: Vec<usize> = value.getattr("shape")?.extract()?;
    let dtype: Py<PyAny> = value.getattr("dtype")?.extract()?;

    let memory = owner(value, &bytes, !is("writeable")?);
    let shape = PyTuple::new(value.py(), shape)?;
    let args = (shape, dtype, memory, 0, value.py().None(), order);
    value.get_type().call1(args)
}

/// An object of Python's that has the bytes.
fn owner<'py>(near: &Bound<'py, PyAny>, bytes: &[u8], readonly: bool) -> Bound<'py, PyAny> {
    match readonly {
        true => PyBytes::new(near.py(), bytes).into_any(),
        false => PyByteArray::new(near.py(), bytes).into_any(),
    }
}
