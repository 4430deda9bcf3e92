//! A type of Rust as Python annotates it. By its name alone: a macro knows no more.

use syn::ext::IdentExt;
use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// For instance `dict[str, int | None]`; a name that is not known stands for itself.
pub fn of(kind: &Type) -> String {
    match kind {
        Type::Tuple(tuple) if tuple.elems.is_empty() => "None".into(),
        Type::Tuple(tuple) => {
            let items: Vec<_> = tuple.elems.iter().map(of).collect();
            format!("tuple[{}]", items.join(", "))
        }
        Type::Array(array) if is_byte(&array.elem) => "bytes".into(),
        Type::Array(array) => format!("list[{}]", of(&array.elem)),
        Type::Path(path) => match path.path.segments.last() {
            Some(segment) if is_bytes(segment) => "bytes".into(),
            Some(segment) => {
                let name = segment.ident.unraw().to_string();
                named(&name, &arguments(&segment.arguments))
            }
            None => "object".into(),
        },
        _ => "object".into(),
    }
}

/// PyO3 makes `bytes` of a vector of bytes, as it does of an array.
fn is_bytes(segment: &PathSegment) -> bool {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return false;
    };
    let item = arguments.args.first();
    segment.ident == "Vec" && matches!(item, Some(GenericArgument::Type(item)) if is_byte(item))
}

fn is_byte(kind: &Type) -> bool {
    matches!(kind, Type::Path(path) if path.path.is_ident("u8"))
}

fn named(name: &str, arguments: &[String]) -> String {
    let plain = match name {
        "String" | "char" => "str",
        "bool" => "bool",
        "f32" | "f64" => "float",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128"
        | "usize" | "BigInt" | "BigUint" => "int",
        "Complex" => "complex",
        "PathBuf" => "pathlib.Path",
        "Duration" | "TimeDelta" => "datetime.timedelta",
        "SystemTime" | "NaiveDateTime" | "DateTime" => "datetime.datetime",
        "NaiveDate" => "datetime.date",
        "NaiveTime" => "datetime.time",
        "BigDecimal" | "Decimal" => "decimal.Decimal",
        "Uuid" => "uuid.UUID",
        "Py" | "PyAny" => "object",
        _ => "",
    };
    match (plain, name, arguments) {
        (_, "Vec" | "VecDeque", [item]) => format!("list[{item}]"),
        (_, "Option", [some]) => format!("{some} | None"),
        (_, "HashMap" | "BTreeMap", [key, value]) => format!("dict[{key}, {value}]"),
        (_, "HashSet" | "BTreeSet", [item]) => format!("set[{item}]"),
        ("", other, _) => other.into(),
        (known, ..) => known.into(),
    }
}

fn arguments(arguments: &PathArguments) -> Vec<String> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(kind) => Some(of(kind)),
        _ => None,
    });
    types.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn bytes_are_what_pyo3_makes_bytes_of() {
        for kind in [parse_quote!(Vec<u8>), parse_quote!([u8; 32])] {
            assert_eq!(of(&kind), "bytes");
        }
        assert_eq!(of(&parse_quote!([u16; 2])), "list[int]");
        assert_eq!(of(&parse_quote!(Option<[u8; 4]>)), "bytes | None");
    }

    #[test]
    fn a_type_with_an_escaped_name_is_known_without_the_escape() {
        assert_eq!(of(&parse_quote!(Vec<r#final>)), "list[final]");
    }
}
