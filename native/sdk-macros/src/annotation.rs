//! A type of Rust as Python annotates it. By its name alone: a macro knows no more.

use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// For instance `dict[str, int | None]`; a name that is not known stands for itself.
pub fn of(kind: &Type) -> String {
    match kind {
        Type::Tuple(tuple) if tuple.elems.is_empty() => "None".into(),
        Type::Tuple(tuple) => {
            let items: Vec<_> = tuple.elems.iter().map(of).collect();
            format!("tuple[{}]", items.join(", "))
        }
        Type::Array(array) => format!("list[{}]", of(&array.elem)),
        Type::Path(path) => match path.path.segments.last() {
            Some(segment) if is_bytes(segment) => "bytes".into(),
            Some(segment) => named(&segment.ident.to_string(), &arguments(&segment.arguments)),
            None => "object".into(),
        },
        _ => "object".into(),
    }
}

/// PyO3 makes `bytes` of a vector of bytes.
fn is_bytes(segment: &PathSegment) -> bool {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return false;
    };
    let item = arguments.args.first();
    let is_byte =
        matches!(item, Some(GenericArgument::Type(Type::Path(item))) if item.path.is_ident("u8"));
    segment.ident == "Vec" && is_byte
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
