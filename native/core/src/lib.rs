//! Language-neutral core: packs, frames, recorder, handles. Knows neither Python nor Node.

pub mod chunk;
pub mod frame;
pub mod handles;
pub mod huge_pages;
pub mod inbox;
pub mod lane;
#[cfg(loom)]
mod models;
pub mod outbox;
pub mod pack;
pub mod recorder;
pub mod sites;
pub mod sync;
