//! The SDK in an embedded Python, with the real bridge: `npm test -- sdk` builds both and runs this.

mod calls;
mod cancellation;
mod errors;
mod forms;
mod leaves;
mod memory;
mod random_records;
mod records;
mod support;
mod types;
