//! Names that Python refuses for fields: found here, they are errors of the compiler, not of an import.

use proc_macro2::Span;
use syn::Error;

/// Keywords of every Python from 3.8 on. `match`, `case` and `type` are none: they may be names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// An error for a field whose name no dataclass can have.
pub fn refuse(field: &str, place: Span) -> Result<(), Error> {
    if !KEYWORDS.contains(&field) {
        return Ok(());
    }
    let message = format!(
        "`{field}` is a keyword of Python's, so no dataclass can have a field of this name: \
         rename it, for instance to `{field}_`"
    );
    Err(Error::new(place, message))
}

#[cfg(test)]
mod tests {
    use crate::record::derive;

    #[test]
    fn a_field_with_the_name_of_a_keyword_is_refused() {
        let refused = [
            ("struct Mail { to: String, from: String }", "`from`"),
            ("struct Lesson { r#in: u8 }", "`in`"),
            ("enum Term { Zero, Function { lambda: u8 } }", "`lambda`"),
        ];
        for (code, name) in refused {
            let told = derive(&syn::parse_str(code).unwrap()).expect_err(code);
            let told = told.to_string();
            assert!(told.contains(name) && told.contains("rename it"), "{told}");
        }
        let code = "struct Rule { r#type: u8, r#match: u8 }";
        derive(&syn::parse_str(code).unwrap()).expect("names like others");
    }

    #[test]
    fn what_python_is_told_has_no_escapes() {
        let inputs = [
            "struct r#final { r#type: u8 }",
            "enum r#final { r#static, Other }",
            "enum r#final { r#static { r#type: u8 }, Other }",
        ];
        for input in inputs {
            let code = derive(&syn::parse_str(input).unwrap()).unwrap().to_string();
            assert!(!code.contains("\"r#") && !code.contains(".r#"), "{code}");
        }
    }
}
