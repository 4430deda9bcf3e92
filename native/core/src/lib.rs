//! Language-neutral core: packs, frames, recorder, handles. Knows neither Python nor Node.

pub mod handles;
pub mod recorder;
pub mod sites;
