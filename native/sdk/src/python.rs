//! Python functions and coroutines, called from async Rust.
//!
//! Threads: a call may be made on any thread, without the GIL; Python runs on the bridge's threads, and
//! a coroutine on the conductor's event loop. Must not know operations.

use std::fmt::{self, Display, Formatter};
use std::future::{pending, Future};
use std::panic::Location;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex};

use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{BoundObject, IntoPyObjectExt};
use symphony_abi::panics;
use symphony_abi::{Callback, RawFuture, RawOperation, Text};

use crate::host::{self, lock};

/// Something of Python's that can be called. Take it as an argument: it converts by itself.
#[derive(Clone)]
pub struct PythonFunction {
    callable: Arc<Py<PyAny>>,
    name: Arc<str>,
}

impl PythonFunction {
    /// The function that a module has under a name, which may lead through classes: `("ranker", "Judge.score")`.
    ///
    /// # Errors
    /// What the import raises, `AttributeError`, and `TypeError` for what cannot be called.
    pub fn import(py: Python<'_>, module: &str, path: &str) -> PyResult<Self> {
        let mut found = py.import(module)?.into_any();
        for name in path.split('.') {
            found = found.getattr(name)?;
        }
        found.extract()
    }

    /// Calls it, in a copy of the context (`contextvars`) of the code that called the operation; what it gives
    /// is awaited if it can be, and converted. Dropping the future cancels the call: a coroutine at the place
    /// where it waits, a function by `KeyboardInterrupt`.
    ///
    /// # Errors
    /// [`PythonError`] for what Python raised, also while arguments or result were converted.
    #[track_caller]
    pub fn call<A, R>(
        &self,
        args: A,
    ) -> impl Future<Output = Result<R, PythonError>> + Send + 'static
    where
        A: for<'py> IntoPyObject<'py, Target = PyTuple> + Send + 'static,
        R: for<'py> FromPyObjectOwned<'py> + Send + 'static,
    {
        self.begin(args, None::<NoKeywords>, pending())
    }

    /// As [`PythonFunction::call`], with keyword arguments.
    ///
    /// # Errors
    /// As [`PythonFunction::call`].
    #[track_caller]
    pub fn call_with<A, K, R>(
        &self,
        args: A,
        kwargs: K,
    ) -> impl Future<Output = Result<R, PythonError>> + Send + 'static
    where
        A: for<'py> IntoPyObject<'py, Target = PyTuple> + Send + 'static,
        K: for<'py> IntoPyObject<'py, Target = PyDict> + Send + 'static,
        R: for<'py> FromPyObjectOwned<'py> + Send + 'static,
    {
        self.begin(args, Some(kwargs), pending())
    }

    /// As [`PythonFunction::call`], until `stop` is over: that cancels the call, which then ends when Python has
    /// cleaned up. What a future that is dropped cannot do: it does not wait.
    ///
    /// # Errors
    /// As [`PythonFunction::call`]; a call that was cancelled is the exception by which it ended.
    #[track_caller]
    pub fn call_until<A, R>(
        &self,
        args: A,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = Result<R, PythonError>> + Send + 'static
    where
        A: for<'py> IntoPyObject<'py, Target = PyTuple> + Send + 'static,
        R: for<'py> FromPyObjectOwned<'py> + Send + 'static,
    {
        self.begin(args, None::<NoKeywords>, stop)
    }

    /// Calls it for what it does; what it gives is awaited if it can be, and dropped.
    ///
    /// # Errors
    /// As [`PythonFunction::call`].
    #[track_caller]
    pub fn run<A>(&self, args: A) -> impl Future<Output = Result<(), PythonError>> + Send + 'static
    where
        A: for<'py> IntoPyObject<'py, Target = PyTuple> + Send + 'static,
    {
        let call = self.call::<A, Ignored>(args);
        async move { call.await.map(drop) }
    }

    #[track_caller]
    fn begin<A, K, R>(
        &self,
        args: A,
        kwargs: Option<K>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = Result<R, PythonError>> + Send + 'static
    where
        A: for<'py> IntoPyObject<'py, Target = PyTuple> + Send + 'static,
        K: for<'py> IntoPyObject<'py, Target = PyDict> + Send + 'static,
        R: for<'py> FromPyObjectOwned<'py> + Send + 'static,
    {
        let place = Location::caller();
        let function = self.clone();
        async move {
            let (name, site) = (
                function.name.clone(),
                host::place(place.file(), place.line()),
            );
            let outcome: Arc<Mutex<Option<Result<R, PythonError>>>> = Arc::default();
            let slot = outcome.clone();
            let prepare = Callback::new(move |_| {
                Python::attach(|py| host::give(py, function.prepared(py, args, kwargs)))
            });
            let finish = Callback::new(move |value| {
                Python::attach(|py| {
                    // SAFETY: the value is lent, or null with an exception.
                    let value = unsafe { Bound::from_borrowed_ptr_or_err(py, value.cast()) };
                    let converted = value.and_then(|value| extracted(&value));
                    *lock(&slot) = Some(converted.map_err(|error| PythonError::of(py, error)));
                });
                null_mut()
            });
            let operation = RawOperation {
                key: 0,
                title: Text::of(&name),
                site: Text::of(&site),
            };
            let stop = RawFuture::new(stop);
            // SAFETY: callbacks, texts and future are whole for the time of the call.
            let running = unsafe { (host::table().call)(prepare, finish, operation, stop) };
            running.await;
            let outcome = lock(&outcome).take();
            outcome.unwrap_or_else(|| Err(PythonError::ended()))
        }
    }

    /// The callable itself.
    pub fn as_python<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.callable.bind(py)
    }

    /// A tuple of callable, arguments and keywords, as the bridge takes it.
    fn prepared<A, K>(&self, py: Python<'_>, args: A, kwargs: Option<K>) -> PyResult<Py<PyAny>>
    where
        A: for<'py> IntoPyObject<'py, Target = PyTuple>,
        K: for<'py> IntoPyObject<'py, Target = PyDict>,
    {
        let args = args.into_pyobject(py).map_err(Into::into)?;
        let kwargs = match kwargs {
            Some(kwargs) => Some(kwargs.into_pyobject(py).map_err(Into::into)?.into_bound()),
            None => None,
        };
        (self.callable.bind(py), args.into_bound(), kwargs).into_py_any(py)
    }
}

/// The type of keyword arguments that are not there.
type NoKeywords = Py<PyDict>;

/// Any result, read as nothing.
struct Ignored;

impl<'a, 'py> FromPyObject<'a, 'py> for Ignored {
    type Error = std::convert::Infallible;

    fn extract(_: Borrowed<'a, 'py, PyAny>) -> Result<Self, Self::Error> {
        Ok(Self)
    }
}

/// A conversion of the user's may panic: that is an error of the call.
fn extracted<R: for<'py> FromPyObjectOwned<'py>>(value: &Bound<'_, PyAny>) -> PyResult<R> {
    let read = panics::caught(|| value.extract::<R>().map_err(Into::into));
    read.unwrap_or_else(|panic| Err(crate::error::panicked(value.py(), &panic.message, &panic)))
}

impl<'a, 'py> FromPyObject<'a, 'py> for PythonFunction {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        host::find(object.py())?;
        if !object.is_callable() {
            let kind = object.get_type().qualname()?;
            return Err(PyTypeError::new_err(format!("{kind} cannot be called")));
        }
        let name = object
            .getattr("__qualname__")
            .and_then(|name| name.extract::<String>())
            .or_else(|_| object.get_type().qualname().map(|name| name.to_string()))?;
        Ok(Self {
            callable: Arc::new(object.to_owned().unbind()),
            name: name.into(),
        })
    }
}

impl<'py> IntoPyObject<'py> for PythonFunction {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = std::convert::Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Self::Error> {
        Ok(self.callable.bind(py).clone())
    }
}

/// What Python raised. As the cause of an [`Error`](crate::Error), Python gets the same exception back.
#[derive(Debug)]
pub struct PythonError {
    /// The exception's class, with its module unless that is `builtins`.
    pub kind: String,
    /// What it says.
    pub message: String,
    /// Outermost first, over all languages.
    pub frames: Vec<Frame>,
    exception: Option<Box<PyErr>>,
}

/// A line of a traceback.
#[derive(Debug, Clone, PartialEq, Eq, FromPyObject)]
#[pyo3(from_item_all)]
pub struct Frame {
    pub language: String,
    pub function: String,
    pub file: String,
    pub line: u32,
}

impl PythonError {
    /// The exception itself.
    pub fn exception(&self, py: Python<'_>) -> PyErr {
        match &self.exception {
            Some(exception) => exception.clone_ref(py),
            None => pyo3::exceptions::PyRuntimeError::new_err(self.message.clone()),
        }
    }

    fn of(py: Python<'_>, exception: PyErr) -> Self {
        let told = || -> PyResult<(String, String, Vec<Frame>)> {
            let value = exception.value(py);
            value.setattr("__traceback__", exception.traceback(py))?;
            let told = py
                .import("symphony_bridge._error_payload")?
                .call_method1("describe", (value,))?;
            Ok((
                told.get_item("type")?.extract()?,
                told.get_item("message")?.extract()?,
                told.get_item("frames")?.extract()?,
            ))
        };
        let (kind, message, frames) =
            told().unwrap_or_else(|_| ("Exception".into(), exception.to_string(), Vec::new()));
        Self {
            kind,
            message,
            frames,
            exception: Some(Box::new(exception)),
        }
    }

    fn ended() -> Self {
        Self {
            kind: "symphony_bridge.errors.BridgeClosed".into(),
            message: "the bridge is closed".into(),
            frames: Vec::new(),
            exception: None,
        }
    }
}

impl Display for PythonError {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for PythonError {}
