//! PyO3 module `_native`: everything that Python gets from Rust.
//!
//! Loads unchanged in the embedded interpreter, in the child, under pytest and under plain `python`
//! (stable ABI, CPython 3.8 and newer). This file only composes the modules.

mod aio;
mod callback;
mod child;
mod codec;
mod components;
mod context;
mod control;
mod crossing;
mod deadlock;
mod dispatch;
mod errors;
mod fast_call;
mod host_calls;
mod host_ref;
mod inside;
mod job;
mod js;
mod kept_errors;
mod loop_queue;
mod module;
mod objects;
mod pit;
#[cfg(feature = "plants")]
mod plants;
mod probes;
mod refs;
mod resolve;
mod room;
mod session;
mod sessions;
mod site;
mod stacks;
mod sync_call;
mod table;
mod thread_names;
mod waits;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<host_ref::HostRef>()?;
    module.add_class::<host_ref::HostFunction>()?;
    module.add_function(wrap_pyfunction!(child::connect_socket, module)?)?;
    module.add_function(wrap_pyfunction!(control::control_main, module)?)?;
    module.add_function(wrap_pyfunction!(stacks::prepare_stacks, module)?)?;
    module.add_function(wrap_pyfunction!(dispatch::worker_main, module)?)?;
    module.add_function(wrap_pyfunction!(dispatch::serve_main_thread, module)?)?;
    module.add_function(wrap_pyfunction!(host_calls::host_call, module)?)?;
    module.add_function(wrap_pyfunction!(host_calls::host_call_async, module)?)?;
    module.add_function(wrap_pyfunction!(deadlock::js_step, module)?)?;
    module.add_function(wrap_pyfunction!(kept_errors::keep_error, module)?)?;
    module.add_function(wrap_pyfunction!(kept_errors::kept_error, module)?)?;
    module::register(module)?;
    fast_call::register(module)?;
    codec::register(module)?;
    components::register(module)?;
    pit::register(module)?;
    #[cfg(feature = "plants")]
    plants::register(module)?;
    probes::register(module)?;
    table::register(module)
}
