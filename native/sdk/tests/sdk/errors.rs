//! Errors and panics on their way to Python, and Python's on their way through Rust.

use std::fmt::{self, Display, Formatter};
use std::{fs, io};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use symphony_sdk::{block, operation, Context, Error, PythonFunction, Result};

use crate::support::{get, run, run_in, with_python};

/// Runs a check in Python on the exception that `outcome` is.
fn check<T>(py: Python<'_>, outcome: PyResult<T>, code: &str) {
    let names = run(py, "from symphony_bridge import errors\nimport traceback");
    let error = outcome.err().expect("an error");
    names.set_item("error", error.into_value(py)).unwrap();
    run_in(py, code, &names);
}

fn refuse(limit: i64) -> Result<()> {
    let error = Error::new("the limit is too low")
        .with("limit", limit)
        .with("allowed", vec![1, 2])
        .hint("Choose another limit.");
    Err(error)
}

#[test]
fn an_error_carries_operation_fields_hint_and_line() {
    with_python(|py| {
        check(
            py,
            operation!("refuse").run(py, |_| refuse(0)),
            "
            assert type(error) is errors.ComponentError, error
            assert (error.component, error.operation) == ('sdk', 'refuse')
            assert error.details == {'limit': 0, 'allowed': [1, 2]}
            assert (error.message, error.hint) == ('the limit is too low', 'Choose another limit.')
            assert error.code == 'component'
            text = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
            assert 'tests/sdk/errors.rs' in text and 'sdk::refuse' in text, text
            ",
        );
    });
}

/// A value that Python gets no form of.
enum Formless {
    Refuses,
    Panics,
}

impl<'py> IntoPyObject<'py> for Formless {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, _py: Python<'py>) -> PyResult<Self::Output> {
        match self {
            Self::Refuses => Err(PyTypeError::new_err("no form")),
            Self::Panics => panic!("planted"),
        }
    }
}

#[test]
fn a_field_without_a_form_does_not_hide_the_error() {
    fn fail() -> Result<()> {
        let error = Error::new("the limit is too low")
            .with("refuses", Formless::Refuses)
            .with("panics", Formless::Panics)
            .with("limit", 3);
        Err(error)
    }
    with_python(|py| {
        let outcomes = [
            operation!("fields").run(py, |_| fail()),
            operation!("fields").detach(py, fail),
            operation!("fields").wait(py, async { fail() }),
        ];
        for outcome in outcomes {
            check(
                py,
                outcome,
                "
                assert type(error) is errors.ComponentError, repr(error)
                assert error.message == 'the limit is too low'
                assert error.details == {
                    'refuses': '<not available: TypeError: no form>',
                    'panics': '<not available: its conversion panicked: planted>',
                    'limit': 3,
                }, error.details
                ",
            );
        }
    });
}

/// An error with a source.
#[derive(Debug)]
struct Torn<E>(E);

impl<E> Display for Torn<E> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str("the list is torn")
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Torn<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// An error that panics when it is asked for its words.
#[derive(Debug)]
struct Speechless;

impl Display for Speechless {
    fn fmt(&self, _out: &mut Formatter<'_>) -> fmt::Result {
        panic!("planted")
    }
}

impl std::error::Error for Speechless {}

#[test]
fn a_cause_that_panics_when_it_is_told_is_a_panic_of_the_operation() {
    with_python(|py| {
        let outcomes: [PyResult<()>; 3] = [
            operation!("tell").run(py, |_| Err(Torn(Speechless).into())),
            operation!("tell").detach(py, || Err(Torn(Speechless).into())),
            operation!("tell").wait(py, async { Err(Torn(Speechless).into()) }),
        ];
        for outcome in outcomes {
            check(
                py,
                outcome,
                "assert type(error) is errors.NativePanic, repr(error)",
            );
        }
    });
}

#[test]
fn an_io_error_keeps_what_it_was_made_of() {
    with_python(|py| {
        let parsed = || "x".parse::<i64>().expect_err("no number");
        let torn = move || io::Error::new(io::ErrorKind::NotFound, Torn(parsed()));
        check(
            py,
            operation!("torn").run(py, |_| Err::<(), _>(torn()).context("no list")),
            "
            told = error.__cause__.__cause__
            assert type(told) is FileNotFoundError and str(told) == 'the list is torn', repr(told)
            assert str(told.__cause__) == 'invalid digit found in string', repr(told.__cause__)
            assert told.__cause__.__cause__ is None
            ",
        );

        let names = run(
            py,
            "thrown = ValueError('bad number')\ndef fails(): raise thrown",
        );
        let fails: PythonFunction = get(&names, "fails");
        let future = async move {
            let error = fails.run(()).await.expect_err("it raises");
            Err::<(), _>(io::Error::other(error).into())
        };
        let raised = operation!("read").wait(py, future).unwrap_err();
        names.set_item("error", raised.into_value(py)).unwrap();
        run_in(
            py,
            "assert isinstance(error.__cause__, OSError) and error.__cause__.__cause__ is thrown",
            &names,
        );
    });
}

#[test]
fn a_chain_becomes_causes_of_pythons_own_kinds() {
    with_python(|py| {
        let future = async {
            fs::read("/nowhere/list.txt").context("cannot read the list")?;
            Ok(())
        };
        check(
            py,
            operation!("read").wait(py, future),
            "
            assert error.message == 'cannot read the list'
            missing = error.__cause__.__cause__
            assert isinstance(missing, FileNotFoundError) and missing.errno == 2, repr(missing)
            ",
        );
        check(
            py,
            operation!("parse").detach(py, || Ok("x".parse::<i64>()?)),
            "assert error.message == 'invalid digit found in string' and error.__cause__ is None",
        );
    });
}

#[test]
fn an_exception_of_python_is_typed_in_rust_and_the_same_object_again() {
    with_python(|py| {
        let names = run(
            py,
            "
            class Broken(ValueError):
                pass

            thrown = Broken('bad number')

            def inner():
                raise thrown

            async def fails(_):
                inner()
            ",
        );
        let fails: PythonFunction = get(&names, "fails");
        let future = async move {
            let error = fails.call::<_, i64>((1,)).await.expect_err("it raises");
            assert_eq!(error.kind.rsplit('.').next(), Some("Broken"));
            assert_eq!(error.message, "bad number");
            let functions: Vec<_> = error.frames.iter().map(|frame| &*frame.function).collect();
            assert_eq!(functions, ["fails", "inner"]);
            assert!(error.frames.iter().all(|frame| frame.language == "python"));
            Err::<(), _>(error).context("the callback failed")
        };
        let raised = operation!("through").wait(py, future).unwrap_err();
        names.set_item("error", raised.into_value(py)).unwrap();
        run_in(py, "assert error.__cause__.__cause__ is thrown", &names);
    });
}

#[test]
fn a_value_of_another_type_is_an_error_of_the_call() {
    with_python(|py| {
        let names = run(py, "def text(): return 'text'");
        let text: PythonFunction = get(&names, "text");
        let future = async move {
            let error = text.call::<_, i64>(()).await.expect_err("no number");
            assert_eq!(error.kind, "TypeError");
            Ok(())
        };
        operation!("convert").wait(py, future).unwrap();
    });
}

#[test]
fn panics_become_errors_with_their_line() {
    with_python(|py| {
        let panics: [PyResult<()>; 4] = [
            operation!("panics").run(py, |_| panic!("planted")),
            operation!("panics").detach(py, || panic!("planted")),
            operation!("panics").wait(py, async { panic!("planted") }),
            operation!("panics").wait(py, async { block(|_| panic!("planted")).await }),
        ];
        for outcome in panics {
            check(
                py,
                outcome,
                "
                assert type(error) is errors.NativePanic, repr(error)
                assert error.message == 'sdk.panics panicked: planted'
                assert (error.component, error.operation) == ('sdk', 'panics')
                assert error.details == {'panic': 'planted'}, error.details
                text = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
                assert 'native/sdk/tests/sdk/errors.rs' in text, text
                ",
            );
        }
    });
}
