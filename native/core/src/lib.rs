//! Language-neutral core: packs, frames, recorder, handles. Knows neither Python nor Node.
