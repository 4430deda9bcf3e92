//! Structs and enums of Rust as dataclasses and enums of Python, both ways: what each is, by hand.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use symphony_sdk::{add_record, Record};

use crate::support::{run_in, with_python};

/// What somebody has ordered.
#[derive(Record, Debug, Clone)]
pub struct Order {
    pub id: u64,
    pub title: String,
    pub prices: Vec<f64>,
    pub note: Option<String>,
    pub counts: BTreeMap<String, i64>,
    pub total: i128,
    pub exact: BigInt,
    pub raw: Vec<u8>,
    pub pair: (bool, char),
    pub status: Status,
    pub shape: Shape,
    pub parts: Vec<Order>,
    pub r#type: u8,
    pub by_name: BTreeMap<String, Shape>,
    pub corner: Option<Point>,
    pub colors: Vec<Color>,
    pub rights: Permission,
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
pub enum Status {
    Open,
    Shipped = 7,
    Lost,
}

/// A figure.
#[derive(Record, Debug, Clone, PartialEq)]
#[record(frozen)]
pub enum Shape {
    Circle { radius: f64 },
    Line(f64, Option<f64>),
    Group(Vec<Shape>),
    Nothing,
}

#[derive(Record, Debug, Clone, PartialEq)]
struct Metres(f64);

#[derive(Record, Debug, Clone, PartialEq)]
struct Label(String);

#[derive(Record, Debug, Clone, PartialEq)]
struct Marker;

#[derive(Record, Debug, Clone, PartialEq)]
#[allow(non_camel_case_types)]
enum r#final {
    r#static { r#type: u8, digest: [u8; 2] },
    r#move,
}

#[derive(Record, Debug, Clone, PartialEq)]
#[record(class = "types_table:Point")]
pub struct Point {
    pub x: i64,
    pub y: f64,
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
#[record(class = "types_table:Color")]
// The member's name in Python.
#[allow(clippy::upper_case_acronyms)]
pub enum Color {
    RED,
}

/// Flags of Python's: any combination is a number.
#[derive(Record, Debug, Clone, Copy, PartialEq)]
#[record(class = "types_table:Permission")]
pub struct Permission {
    pub value: u32,
}

/// The names of a module with the records, as Python would import it.
pub fn names(py: Python<'_>) -> Bound<'_, PyDict> {
    // Not a `Once`: a test would wait for it with the GIL, which the test that adds them needs.
    static ADDED: PyOnceLock<()> = PyOnceLock::new();
    let modules = py.import("sys").unwrap().getattr("modules").unwrap();
    ADDED.get_or_init(py, || {
        let module = PyModule::new(py, "shop").unwrap();
        add_record::<Order>(&module).unwrap();
        add_record::<Status>(&module).unwrap();
        add_record::<Shape>(&module).unwrap();
        add_record::<Metres>(&module).unwrap();
        add_record::<Label>(&module).unwrap();
        add_record::<Marker>(&module).unwrap();
        add_record::<r#final>(&module).unwrap();
        modules.set_item("shop", module).unwrap();
    });
    let names = PyDict::new(py);
    run_in(
        py,
        "from shop import *\nimport copy, dataclasses, enum, pickle, sys",
        &names,
    );
    names
}

#[test]
fn python_sees_real_dataclasses_and_enums() {
    with_python(|py| {
        run_in(
            py,
            "
            assert dataclasses.is_dataclass(Order) and Order.__module__ == 'shop'
            assert Order.__doc__ == 'What somebody has ordered.'
            types = {field.name: field.type for field in dataclasses.fields(Order)}
            assert types['note'] == 'str | None' and types['counts'] == 'dict[str, int]', types
            assert types['raw'] == 'bytes' and types['parts'] == 'list[Order]', types
            assert 'type' in types and types['pair'] == 'tuple[bool, str]'

            assert issubclass(Status, enum.Enum) and Status('Open') is Status.Open
            assert [member.value for member in Status] == ['Open', 7, 'Lost']
            assert pickle.loads(pickle.dumps(Status.Lost)) is Status.Lost

            circle = Shape.Circle(radius=2.0)
            assert isinstance(circle, Shape) and circle == Shape.Circle(2.0) != Shape.Line(1.0, None)
            assert len({circle, Shape.Circle(2.0), Shape.Nothing(), Shape.Nothing()}) == 2
            assert repr(circle) == 'Shape.Circle(radius=2.0)'
            assert pickle.loads(pickle.dumps(Shape.Group([circle]))) == Shape.Group([circle])
            assert Metres(1.5)._0 == 1.5 and Marker() == Marker()
            if sys.version_info >= (3, 10):
                assert Shape.Line.__match_args__ == ('_0', '_1')
            ",
            &names(py),
        );
    });
}

#[test]
fn names_that_rust_has_to_escape_are_plain_in_python() {
    with_python(|py| {
        let names = names(py);
        run_in(
            py,
            "
            assert repr(final.static(type=1, digest=b'ab')) == \"final.static(type=1, digest=b'ab')\"
            types = {field.name: field.type for field in dataclasses.fields(final.static)}
            assert types == {'type': 'int', 'digest': 'bytes'}, types
            values = [final.static(1, b'ab'), final.move()]
            ",
            &names,
        );
        let values: Vec<r#final> = crate::support::get(&names, "values");
        let digest = *b"ab";
        assert_eq!(
            values,
            [r#final::r#static { r#type: 1, digest }, r#final::r#move]
        );
        names.set_item("back", values).unwrap();
        run_in(py, "assert back == values", &names);
    });
}

#[test]
fn what_is_no_such_value_is_refused_by_name() {
    with_python(|py| {
        let names = names(py);
        let refused = |code: &str, expected: &str, read: fn(&Bound<'_, PyAny>) -> PyErr| {
            run_in(py, &format!("value = {code}"), &names);
            let error = read(&names.get_item("value").unwrap().unwrap());
            assert!(error.to_string().contains(expected), "{error}");
        };
        refused("3", "expected shop.Shape, got int", |v| {
            v.extract::<Shape>().unwrap_err()
        });
        refused("Marker()", "expected shop.Metres, got shop.Marker", |v| {
            v.extract::<Metres>().unwrap_err()
        });
        refused("Metres('x')", "Metres._0: ", |v| {
            v.extract::<Metres>().unwrap_err()
        });
        // Rust's text has no lone surrogates, and the class of Python's error is not made of a message.
        refused(
            "Label('\\ud800')",
            "UnicodeError: Label._0: 'utf-8' codec can't encode",
            |v| v.extract::<Label>().unwrap_err(),
        );
        refused(
            "Shape.Group([Shape.Circle('x')])",
            "Shape.Circle.radius: ",
            |v| v.extract::<Shape>().unwrap_err(),
        );
        refused("Shape()", "is no variant of Shape", |v| {
            v.extract::<Shape>().unwrap_err()
        });
        refused("'Open'", "expected shop.Status, got str", |v| {
            v.extract::<Status>().unwrap_err()
        });
    });
}

#[test]
fn classes_of_pythons_own_are_used() {
    with_python(|py| {
        let names = names(py);
        names.set_item("point", Point { x: 1, y: 2.5 }).unwrap();
        names.set_item("color", Color::RED).unwrap();
        run_in(
            py,
            "
            import types_table
            assert point == types_table.Point(1, 2.5) and color is types_table.Color.RED
            ",
            &names,
        );
        let point: Point = crate::support::get(&names, "point");
        let color: Color = crate::support::get(&names, "color");
        assert_eq!((point, color), (Point { x: 1, y: 2.5 }, Color::RED));
    });
}
