//! `#[derive(Record)]`: see `symphony_sdk::record` for what it makes.

mod annotation;
mod keywords;
mod record;

use proc_macro::TokenStream;
use syn::{parse_macro_input, DeriveInput};

/// Makes a struct or enum convertible to and from a class of Python's, both ways.
///
/// - A struct is a dataclass; fields of a tuple struct are `_0`, `_1` … A field cannot have the name of a
///   keyword of Python's.
/// - An enum without fields is an `enum.Enum`; an explicit number is the member's value, else its name is.
/// - An enum with fields is a base class with one dataclass per variant.
///
/// `#[record(frozen)]` makes the dataclasses hashable and unchangeable; `#[record(class = "module:Name")]`
/// uses a dataclass or enum that Python defines instead of making one.
#[proc_macro_derive(Record, attributes(record))]
pub fn record(input: TokenStream) -> TokenStream {
    record::derive(&parse_macro_input!(input as DeriveInput))
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}
