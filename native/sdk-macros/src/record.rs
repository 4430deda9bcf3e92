//! The code behind `#[derive(Record)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Fields, Ident, Lit, LitStr, Member, Variant};

use crate::{annotation, keywords};

pub fn derive(input: &DeriveInput) -> Result<TokenStream, Error> {
    if !input.generics.params.is_empty() {
        let message = "a Record has no generics: Python has one class for it";
        return Err(Error::new(input.generics.span(), message));
    }
    let options = Options::of(&input.attrs)?;
    let parts = match &input.data {
        Data::Struct(data) => of_struct(&input.ident, &data.fields)?,
        Data::Enum(data)
            if data
                .variants
                .iter()
                .all(|variant| variant.fields.is_empty()) =>
        {
            of_enum(data.variants.iter())?
        }
        Data::Enum(data) if options.class.is_none() => {
            of_union(&input.ident, data.variants.iter())?
        }
        Data::Enum(_) => {
            let message = "an enum with fields has classes of its own";
            return Err(Error::new(input.ident.span(), message));
        }
        Data::Union(_) => return Err(Error::new(input.span(), "a union cannot be a Record")),
    };
    Ok(implementation(input, &options, &parts))
}

/// What differs between the kinds.
struct Parts {
    /// A `record::Kind`.
    kind: TokenStream,
    /// `self` to a `PyResult<Bound<PyAny>>`.
    into: TokenStream,
    /// `object` to a `PyResult<Self>`.
    from: TokenStream,
}

fn implementation(input: &DeriveInput, options: &Options, parts: &Parts) -> TokenStream {
    let (ident, name) = (&input.ident, name_of(&input.ident));
    let (doc, frozen) = (doc_of(&input.attrs), options.frozen);
    let Parts { kind, into, from } = parts;
    let kind = match &options.class {
        Some(class) => quote!(record::Kind::Foreign(#class, &#kind)),
        None => kind.clone(),
    };
    quote! {
        const _: () = {
            use ::symphony_sdk::pyo3 as pyo3;
            use ::symphony_sdk::record;
            use pyo3::prelude::*;

            static SHAPE: record::Shape =
                record::Shape::new(#name, #doc, env!("CARGO_CRATE_NAME"), #frozen, #kind);

            impl ::symphony_sdk::Record for #ident {
                fn shape() -> &'static record::Shape {
                    &SHAPE
                }
            }

            impl<'py> IntoPyObject<'py> for #ident {
                type Target = PyAny;
                type Output = Bound<'py, PyAny>;
                type Error = PyErr;

                fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
                    #into
                }
            }

            impl<'a, 'py> FromPyObject<'a, 'py> for #ident {
                type Error = PyErr;

                fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
                    let object: &Bound<'py, PyAny> = &object;
                    #from
                }
            }
        };
    }
}

fn of_struct(ident: &Ident, fields: &Fields) -> Result<Parts, Error> {
    let described = described(fields)?;
    let values = fields.members();
    let read = read(&quote!(Self), &name_of(ident), fields);
    Ok(Parts {
        kind: quote!(record::Kind::Struct(&#described)),
        into: quote! {
            let fields: Vec<Bound<'py, PyAny>> = vec![#(record::item(py, self.#values)?),*];
            SHAPE.instance(py, fields)
        },
        from: quote! {
            SHAPE.check(object)?;
            Ok(#read)
        },
    })
}

fn of_enum<'a>(variants: impl Iterator<Item = &'a Variant> + Clone) -> Result<Parts, Error> {
    let members = variants.clone().map(|variant| {
        let name = name_of(&variant.ident);
        let value = match &variant.discriminant {
            Some((_, value)) => quote!(Some(#value)),
            None => quote!(None),
        };
        quote!((#name, #value))
    });
    let kind = quote!(record::Kind::Enum(&[#(#members),*]));
    let patterns: Vec<_> = variants.map(|variant| &variant.ident).collect();
    let index = 0..patterns.len();
    let indices = index.clone();
    Ok(Parts {
        kind,
        into: quote! {
            let index = match self { #(Self::#patterns { .. } => #index),* };
            SHAPE.variant(py, index, None)
        },
        from: quote! {
            match SHAPE.variant_of(object)? {
                #(#indices => Ok(Self::#patterns {}),)*
                _ => unreachable!("a variant that the shape does not have"),
            }
        },
    })
}

fn of_union<'a>(
    ident: &Ident,
    variants: impl Iterator<Item = &'a Variant>,
) -> Result<Parts, Error> {
    let (mut kinds, mut into, mut from) = (Vec::new(), Vec::new(), Vec::new());
    for (index, variant) in variants.enumerate() {
        let (case, name) = (&variant.ident, name_of(&variant.ident));
        let described = described(&variant.fields)?;
        kinds.push(quote!((#name, &#described)));
        let members: Vec<_> = variant.fields.members().collect();
        // By number: a field may have the name of something that is used below.
        let bound: Vec<_> = (0..members.len())
            .map(|index| format_ident!("_{index}"))
            .collect();
        into.push(quote! {
            Self::#case { #(#members: #bound),* } => {
                let fields: Vec<Bound<'py, PyAny>> = vec![#(record::item(py, #bound)?),*];
                SHAPE.variant(py, #index, Some(fields))
            }
        });
        let owner = format!("{}.{name}", name_of(ident));
        let read = read(&quote!(Self::#case), &owner, &variant.fields);
        from.push(quote!(#index => Ok(#read)));
    }
    Ok(Parts {
        kind: quote!(record::Kind::Union(&[#(#kinds),*])),
        into: quote!(match self { #(#into)* }),
        from: quote! {
            match SHAPE.variant_of(object)? {
                #(#from,)*
                _ => unreachable!("a variant that the shape does not have"),
            }
        },
    })
}

/// `[("name", "annotation"), …]`
fn described(fields: &Fields) -> Result<TokenStream, Error> {
    let mut rows = Vec::new();
    for (member, field) in fields.members().zip(fields) {
        let (name, kind) = (field_of(&member), annotation::of(&field.ty));
        keywords::refuse(&name, member.span())?;
        rows.push(quote!((#name, #kind)));
    }
    Ok(quote!([#(#rows),*]))
}

/// `Type { field: …, … }`, read from `object`.
fn read(path: &TokenStream, owner: &str, fields: &Fields) -> TokenStream {
    let members = fields.members();
    let names = fields.members().map(|member| field_of(&member));
    quote!(#path { #(#members: record::field(object, #owner, #names)?),* })
}

/// A field's name in Python.
fn field_of(member: &Member) -> String {
    match member {
        Member::Named(name) => name_of(name),
        Member::Unnamed(index) => format!("_{}", index.index),
    }
}

/// A name in Python, which knows no `r#`.
fn name_of(ident: &Ident) -> String {
    ident.unraw().to_string()
}

#[derive(Default)]
struct Options {
    frozen: bool,
    class: Option<String>,
}

impl Options {
    fn of(attributes: &[Attribute]) -> Result<Self, Error> {
        let mut options = Self::default();
        for attribute in attributes
            .iter()
            .filter(|one| one.path().is_ident("record"))
        {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("frozen") {
                    options.frozen = true;
                    return Ok(());
                }
                if meta.path.is_ident("class") {
                    options.class = Some(meta.value()?.parse::<LitStr>()?.value());
                    return Ok(());
                }
                Err(meta.error("known are `frozen` and `class = \"module:Name\"`"))
            })?;
        }
        Ok(options)
    }
}

/// The documentation comment.
fn doc_of(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let value = &attribute.meta.require_name_value().ok()?;
        let Expr::Lit(literal) = &value.value else {
            return None;
        };
        match &literal.lit {
            Lit::Str(text) if value.path.is_ident("doc") => Some(text.value().trim().to_owned()),
            _ => None,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
