//! Ids are UUIDs. A text of the wrong form is `Invalid`; whether an id names something is each component's question.

use uuid::Uuid;

use crate::error::{Op, Result};

/// A new random id.
pub fn fresh() -> Uuid {
    Uuid::new_v4()
}

/// Reads the text form of an id.
#[track_caller]
pub fn parse(op: Op, field: &str, text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| {
        op.invalid(
            field,
            text,
            "a UUID such as 6fa459ea-ee8a-4ca4-894e-db77e160355e",
        )
    })
}
