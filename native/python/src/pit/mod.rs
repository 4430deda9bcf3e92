//! Bindings of the Pit: what Python sees of the five components.
//!
//! Every operation goes through one door, [`operation::Operation`]: it is a span, its errors become
//! `PitError`s, a panic in it becomes an exception, and what can block runs without the GIL.

mod arbitration;
mod artifacts;
mod content;
mod convert;
mod dag;
mod errors;
mod graph;
mod home;
mod lease;
mod loader;
mod operation;
mod pool;
mod probes;
mod question;
mod records;
mod run;
mod stale;
mod start;
mod step;
mod values;

use pyo3::prelude::*;

pub use operation::parent;

/// Adds the Pit's classes to `_native`.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<home::Pit>()?;
    module.add_class::<pool::Pool>()?;
    module.add_class::<lease::Lease>()?;
    module.add_class::<dag::Dag>()?;
    module.add_class::<step::StepContext>()?;
    module.add_class::<run::Run>()?;
    module.add_class::<run::RunEvents>()?;
    module.add_class::<artifacts::Artifacts>()?;
    module.add_class::<arbitration::Arbitration>()?;
    module.add_class::<stale::Stale>()?;
    probes::register(module)
}
