//! What tests see of the door of the Pit's operations: work that panics, by each way in.
//!
//! Threads: those of the operations.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use symphony_pit::PitError;

use super::operation::{blocking, operation, Operation};

static PANIC: Operation = operation!("home", "panic");

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(_pit_panic, module)?)
}

/// Panics inside an operation of the Pit; `way` says where. `spawn`, `offload` and `converting` give an awaitable.
#[pyfunction]
fn _pit_panic(py: Python<'_>, way: &str) -> PyResult<Py<PyAny>> {
    let none = |py: Python<'_>, ()| Ok(py.None());
    let awaitable = match way {
        "run" => return PANIC.run(py, |_| planted()),
        "detach" => return PANIC.detach(py, || Ok(planted::<Done>), none),
        "wait" => return PANIC.wait(py, |_| Ok(async { planted::<Done>() }), none),
        "wait-blocking" => return PANIC.wait(py, |_| Ok(blocking(planted::<Done>)), none),
        "spawn" => PANIC.spawn(py, |_| Ok(async { planted::<Done>() }), none),
        "offload" => PANIC.offload(py, || Ok(planted::<Done>), none),
        "making" => PANIC.offload(py, planted::<PyResult<fn() -> Done>>, none),
        "converting" => PANIC.spawn(py, |_| Ok(async { Done::Ok(()) }), |_, ()| planted()),
        _ => return Err(PyValueError::new_err(format!("no way is called {way}"))),
    };
    awaitable.map(Bound::unbind)
}

type Done = Result<(), PitError>;

fn planted<T>() -> T {
    panic!("a planted fault of the Pit")
}
