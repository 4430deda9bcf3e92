//! The Pit: five components over one home. Knows neither Python nor Node: models, steps and their values are opaque, and
//! what calls into another language stands behind `ModelLoader` and `StepRunner`.

pub mod arbitration;
pub mod artifacts;
pub mod clock;
pub mod dag;
pub mod error;
pub mod home;
pub mod ids;
mod pit;
pub mod pool;
mod process;
pub mod stale;
pub mod value;

pub use error::{op, Failure, Kind, Op, PitError, Result};
pub use pit::{Pit, Place, Rooms};
pub use value::Opaque;
