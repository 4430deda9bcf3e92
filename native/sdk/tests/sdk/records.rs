//! Structs and enums of Rust as dataclasses and enums of Python, both ways: by hand, and by property tests.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use symphony_sdk::{add_record, Record};

use crate::support::{run_in, shrinking, with_python};

/// What somebody has ordered.
#[derive(Record, Debug, Clone)]
struct Order {
    id: u64,
    title: String,
    prices: Vec<f64>,
    note: Option<String>,
    counts: BTreeMap<String, i64>,
    total: i128,
    exact: BigInt,
    raw: Vec<u8>,
    pair: (bool, char),
    status: Status,
    shape: Shape,
    parts: Vec<Order>,
    r#type: u8,
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
enum Status {
    Open,
    Shipped = 7,
    Lost,
}

/// A figure.
#[derive(Record, Debug, Clone, PartialEq)]
#[record(frozen)]
enum Shape {
    Circle { radius: f64 },
    Line(f64, Option<f64>),
    Group(Vec<Shape>),
    Nothing,
}

#[derive(Record, Debug, Clone, PartialEq)]
struct Metres(f64);

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
struct Point {
    x: i64,
    y: f64,
}

#[derive(Record, Debug, Clone, Copy, PartialEq)]
#[record(class = "types_table:Color")]
// The member's name in Python.
#[allow(clippy::upper_case_acronyms)]
enum Color {
    RED,
}

/// The names of a module with the records, as Python would import it.
fn names(py: Python<'_>) -> Bound<'_, PyDict> {
    // Not a `Once`: a test would wait for it with the GIL, which the test that adds them needs.
    static ADDED: PyOnceLock<()> = PyOnceLock::new();
    let modules = py.import("sys").unwrap().getattr("modules").unwrap();
    ADDED.get_or_init(py, || {
        let module = PyModule::new(py, "shop").unwrap();
        add_record::<Order>(&module).unwrap();
        add_record::<Status>(&module).unwrap();
        add_record::<Shape>(&module).unwrap();
        add_record::<Metres>(&module).unwrap();
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

#[test]
fn any_record_comes_back_as_it_was() {
    with_python(|py| {
        let names = names(py);
        let mut runner = TestRunner::new(Config {
            cases: cases(),
            ..Config::default()
        });
        let outcome = runner.run(&orders(), |order| {
            let object = order.clone().into_pyobject(py).unwrap();
            let back: Order = object.extract().unwrap();
            // By its text: a NaN is not equal to itself.
            prop_assert_eq!(format!("{order:?}"), format!("{back:?}"));
            names.set_item("order", &object).unwrap();
            run_in(
                py,
                "kept = pickle.loads(pickle.dumps(order)); assert type(kept) is Order",
                &names,
            );
            let kept: Order = crate::support::get(&names, "kept");
            prop_assert_eq!(format!("{order:?}"), format!("{kept:?}"));
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    });
}

#[test]
fn any_record_that_python_makes_comes_back_as_it_was() {
    with_python(|py| {
        names(py);
        let through = |args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
            let order: Order = args.get_item(0)?.extract()?;
            order.into_pyobject(args.py()).map(Bound::unbind)
        };
        shrinking(py, "records_random", through);
    });
}

fn cases() -> u32 {
    if std::env::var_os("SYMPHONY_FULL").is_some() {
        50_000
    } else {
        500
    }
}

fn orders() -> impl Strategy<Value = Order> {
    let leaf = order(Just(Vec::new()).boxed());
    leaf.prop_recursive(3, 12, 3, |inner| {
        order(prop::collection::vec(inner, 0..3).boxed())
    })
}

fn order(parts: BoxedStrategy<Vec<Order>>) -> BoxedStrategy<Order> {
    let plain = (
        any::<u64>(),
        any::<String>(),
        prop::collection::vec(any::<f64>(), 0..4),
        any::<Option<String>>(),
        prop::collection::btree_map(any::<String>(), any::<i64>(), 0..4),
        any::<i128>(),
        prop::collection::vec(any::<u8>(), 0..40),
        any::<(bool, char)>(),
    );
    let rest = (any::<Vec<u8>>(), statuses(), shapes(), parts, any::<u8>());
    (plain, rest)
        .prop_map(|(plain, (raw, status, shape, parts, r#type))| {
            let (id, title, prices, note, counts, total, digits, pair) = plain;
            let exact = BigInt::from_signed_bytes_le(&digits);
            Order {
                id,
                title,
                prices,
                note,
                counts,
                total,
                exact,
                raw,
                pair,
                status,
                shape,
                parts,
                r#type,
            }
        })
        .boxed()
}

fn statuses() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::Open),
        Just(Status::Shipped),
        Just(Status::Lost)
    ]
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        any::<f64>().prop_map(|radius| Shape::Circle { radius }),
        any::<(f64, Option<f64>)>().prop_map(|(a, b)| Shape::Line(a, b)),
        Just(Shape::Nothing),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop::collection::vec(inner, 0..3).prop_map(Shape::Group)
    })
}
