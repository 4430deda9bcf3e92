//! Every row of `docs/types.md` through Rust and back, and the random values of the bridge's own property
//! tests: equal in value and type. `docs/rust.md` names the Rust form of each type.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::forms::{is_reference, Way, FORMS, REFERENCES};
use crate::support::{run, shrinking, with_python};

#[test]
fn every_row_of_the_table_survives_rust() {
    with_python(|py| {
        let names = run(py, "from types_table import *");
        let function = |name| names.get_item(name).unwrap().unwrap();
        let mut met = Met::default();
        let rows = rows();
        for row in &rows {
            let args = PyTuple::new(py, [row]).unwrap();
            let lacks = function("lacks").call1(args.clone()).unwrap();
            assert!(lacks.is_none(), "this Python has no {lacks} for {row}");
            let value = function("make").call1(args).unwrap();
            let (back, way) = Way::of(&value).unwrap_or_else(|error| panic!("{row}: {error}"));
            let args = (value, back, PyDict::new(py)).into_pyobject(py).unwrap();
            let difference = function("difference").call1(args).unwrap();
            assert!(difference.is_none(), "{row}: {difference}");
            met.converted += usize::from(way.by_value > 0);
            met.forms.extend(way.forms);
            met.references.extend(way.references);
        }
        // A form that no row needs is not shown to hold anything, and what no row has needs no decision.
        assert_eq!(named(&met.forms), FORMS);
        assert_eq!(named(&met.references), REFERENCES);
        let Met { converted, .. } = met;
        assert!(
            rows.len() > 100 && converted > 70,
            "{converted} of {}",
            rows.len()
        );
    });
}

#[test]
fn random_values_survive_rust() {
    with_python(|py| {
        let through = |args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
            let (back, _) = Way::of(&args.get_item(0)?)?;
            Ok(back.unbind())
        };
        shrinking(py, "random_types_fixture", through);
    });
}

#[test]
fn a_type_without_a_decision_is_refused_by_name() {
    with_python(|py| {
        let names = run(py, "import collections\nvalue = [collections.Counter('a')]");
        let value: Bound<'_, PyAny> = crate::support::get(&names, "value");
        let refused = Way::of(&value).err().expect("a Counter has no form");
        assert!(
            refused.to_string().contains("collections.Counter"),
            "{refused}"
        );
    });
}

#[test]
fn the_page_names_every_form() {
    let page = fs::read_to_string(project().join("docs/rust.md")).unwrap();
    let forms: BTreeSet<_> = first_cells(&page, "| Python | Rust | PyO3 feature |").collect();
    assert_eq!(named(&forms), FORMS);
    let references: BTreeSet<_> = first_cells(&page, "| Python, by reference | Why |").collect();
    let ours = REFERENCES.iter().filter(|name| is_reference(name));
    assert_eq!(named(&references), ours.copied().collect::<Vec<_>>());
}

/// What the rows of the table were.
#[derive(Default)]
struct Met {
    converted: usize,
    forms: BTreeSet<String>,
    references: BTreeSet<String>,
}

fn named(types: &BTreeSet<String>) -> Vec<&str> {
    types.iter().map(String::as_str).collect()
}

/// The Python expressions of `docs/types.md`.
fn rows() -> Vec<String> {
    let page = fs::read_to_string(project().join("docs/types.md")).unwrap();
    first_cells(&page, "| Python | Way | JavaScript | |").collect()
}

/// The first cell of each row, without its backticks, of the tables that begin so.
fn first_cells<'a>(page: &'a str, head: &'a str) -> impl Iterator<Item = String> + 'a {
    let mut inside = false;
    page.lines().filter_map(move |line| {
        inside = line.starts_with('|') && (inside || line.starts_with(head));
        let cell = line.strip_prefix("| `")?.split("` |").next()?;
        inside.then(|| cell.replace("\\|", "|"))
    })
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
