//! Records of Rust's at random: made by Rust, and by Python. Both make a failing one small.

use std::cell::Cell;

use num_bigint::BigInt;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::records::{names, Color, Order, Permission, Point, Shape, Status};
use crate::support::{least_values, run_in, shrinking, with_python};

#[test]
fn any_record_comes_back_as_it_was() {
    with_python(|py| {
        let names = names(py);
        run_in(py, "from records_random import assert_typed", &names);
        let mut made = 0;
        while made < least_values() {
            let values = Cell::new(0);
            // Each time a new one: a runner that has made its cases makes no more.
            let outcome = TestRunner::default().run(&orders(), |order| {
                values.set(values.get() + size_of(&order));
                let object = order.clone().into_pyobject(py).unwrap();
                let back: Order = object.extract().unwrap();
                // By its text: a NaN is not equal to itself.
                prop_assert_eq!(format!("{order:?}"), format!("{back:?}"));
                names.set_item("order", &object).unwrap();
                run_in(
                    py,
                    "assert_typed(order)\nkept = pickle.loads(pickle.dumps(order))",
                    &names,
                );
                let kept: Order = crate::support::get(&names, "kept");
                prop_assert_eq!(format!("{order:?}"), format!("{kept:?}"));
                Ok(())
            });
            outcome.unwrap_or_else(|failure| panic!("{failure}"));
            made += values.get();
        }
    });
}

#[test]
fn any_record_that_python_makes_comes_back_as_it_was() {
    with_python(|py| {
        names(py);
        shrinking(py, "records_random", through);
    });
}

fn through(args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>> {
    let order: Order = args.get_item(0)?.extract()?;
    order.into_pyobject(args.py()).map(Bound::unbind)
}

/// How many values a record is: itself, its fields, and what is in them.
fn size_of(order: &Order) -> u32 {
    // The figure is counted with what it holds.
    const FIELDS: usize = 16;
    let inside = order.prices.len() + 2 * order.counts.len() + order.colors.len() + 2;
    let shapes = order.by_name.values().map(|shape| 1 + size_of_shape(shape));
    let parts: u32 = order.parts.iter().map(size_of).sum();
    (1 + FIELDS + inside) as u32 + shapes.sum::<u32>() + size_of_shape(&order.shape) + parts
}

fn size_of_shape(shape: &Shape) -> u32 {
    match shape {
        Shape::Group(shapes) => 2 + shapes.iter().map(size_of_shape).sum::<u32>(),
        Shape::Circle { .. } => 2,
        Shape::Line(..) => 3,
        Shape::Nothing => 1,
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
    let last = (
        prop::collection::btree_map(any::<String>(), shapes(), 0..3),
        prop::option::of(any::<(i64, f64)>().prop_map(|(x, y)| Point { x, y })),
        prop::collection::vec(Just(Color::RED), 0..3),
        (0..4u32).prop_map(|value| Permission { value }),
    );
    (plain, rest, last)
        .prop_map(|(plain, (raw, status, shape, parts, r#type), last)| {
            let (by_name, corner, colors, rights) = last;
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
                by_name,
                corner,
                colors,
                rights,
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
