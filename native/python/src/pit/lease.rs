//! A lease as Python holds it: calls of the model, release, and the accounting of both.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use symphony_core::handles::{self, HandleId};
use symphony_core::recorder;
use symphony_pit::pool as core;
use uuid::Uuid;

use super::convert::{id_to_py, shown};
use super::errors::{OrRaise, Raise};
use super::loader::Loaded;
use super::operation::{operation, Awaitable, Operation};
use super::records;
use crate::aio::Ask;
use crate::context::{self, Surroundings};
use crate::{dispatch, host_calls};

static INVOKE: Operation = operation!("pool", "invoke");
static RELEASE: Operation = operation!("pool", "release");
static STATUS: Operation = operation!("pool", "status");

/// The handles of leases that are known by their id.
pub type LeaseHandles = Arc<Mutex<HashMap<Uuid, HandleId>>>;

/// The right to use a model until released. Dropping it unreleased leaves its handle open: a leak,
/// which the run's report and the leak view show with the line that allocated it.
#[pyclass(frozen, module = "symphony_bridge.pit")]
pub struct Lease {
    lease: core::Lease,
    handle: HandleId,
    handles: LeaseHandles,
    pool: core::Pool,
}

#[pymethods]
impl Lease {
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        id_to_py(py, self.known_id())
    }

    #[getter]
    fn name(&self) -> &str {
        self.lease.model_name()
    }

    #[getter]
    fn released(&self) -> bool {
        self.lease.is_released()
    }

    #[getter]
    fn model(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.loaded(py)?.object.clone_ref(py))
    }

    fn status(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        STATUS.run(py, |_| {
            let status = self
                .pool
                .model_status(self.lease.model_name())
                .or_raise(py)?;
            records::model_status(py, status)
        })
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn invoke(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        INVOKE.run(py, |span| {
            let (callable, args) = self.call(py, args)?;
            let invocation = self.lease.begin();
            let outcome = context::enter_span(py, span)
                .and_then(|_inside| callable.bind(py).call(args.bind(py), kwargs))
                .and_then(|value| {
                    if !dispatch::is_awaitable(&value) {
                        return Ok(value.unbind());
                    }
                    host_calls::refuse_deadlock(py, "invoke")?;
                    let give = Py::new(py, Give(value.unbind()))?.into_any();
                    let empty = PyTuple::empty(py).unbind();
                    let (here, name) = (Some(Surroundings::here(py)?), self.name());
                    let waiting = dispatch::call_python(here, give, empty, None, name, span);
                    dispatch::block_on_call(py, waiting)
                });
            invocation.end(outcome.is_ok());
            outcome
        })
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn invoke_async<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> Awaitable<'py> {
        let make = |span| {
            let (callable, args) = self.call(py, args)?;
            let kwargs = kwargs.map(|kwargs| kwargs.clone().unbind());
            let invocation = self.lease.begin();
            let (here, name) = (Some(Surroundings::here(py)?), self.name());
            let running = dispatch::call_python(here, callable, args, kwargs, name, span);
            let ask = running.canceller();
            let work = async move {
                let outcome = running.await;
                invocation.end(outcome.is_ok());
                outcome
            };
            Ok((work, Box::new(ask) as Ask))
        };
        INVOKE.spawn_asking(py, make, |_, value| Ok(value))
    }

    fn release(&self, py: Python<'_>) -> PyResult<bool> {
        RELEASE.run(py, |_| Ok(self.give_back()))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, PyTuple>) -> PyResult<bool> {
        self.release(py)?;
        Ok(false)
    }

    fn __aenter__(slf: Py<Self>) -> Ready {
        Ready(slf.into_any())
    }

    #[pyo3(signature = (*_error))]
    fn __aexit__(&self, py: Python<'_>, _error: &Bound<'_, PyTuple>) -> PyResult<Ready> {
        self.release(py)?;
        Ok(Ready(py.None()))
    }

    fn __repr__(&self) -> String {
        let state = if self.released() { "released" } else { "held" };
        format!("<lease on '{}', {state}>", self.name())
    }
}

impl Lease {
    /// Gives a lease to Python; `site` is the line that allocated it.
    pub fn open(
        lease: core::Lease,
        pool: &core::Pool,
        handles: &LeaseHandles,
        site: &str,
    ) -> Lease {
        let name = lease.model_name();
        let handle = handles::open("lease", name, site, recorder::current(), false);
        Lease {
            lease,
            handle,
            handles: handles.clone(),
            pool: pool.clone(),
        }
    }

    pub fn core(&self) -> &core::Lease {
        &self.lease
    }

    /// The lease's id; from now on the lease can be released by it.
    pub fn known_id(&self) -> Uuid {
        let id = self.lease.id();
        if !self.lease.is_released() {
            self.handles.lock().insert(id, self.handle);
        }
        id
    }

    fn give_back(&self) -> bool {
        let released = self.lease.release();
        if released {
            handles::close(self.handle);
            let mut known = self.handles.lock();
            if !known.is_empty() {
                known.retain(|_, handle| *handle != self.handle);
            }
        }
        released
    }

    fn loaded(&self, py: Python<'_>) -> PyResult<&Loaded> {
        let model = self.lease.model().or_raise(py)?;
        model.get::<Loaded>().ok_or_else(|| {
            let error = INVOKE.op.error(
                symphony_pit::Kind::Internal,
                "a model that Python did not load",
            );
            error.raise(py)
        })
    }

    /// What a call of the model calls, and with what.
    fn call(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
    ) -> PyResult<(Py<PyAny>, Py<PyTuple>)> {
        let loaded = self.loaded(py)?;
        if let Some(invoke) = &loaded.callables.invoke {
            let mut all = vec![loaded.object.clone_ref(py).into_bound(py)];
            all.extend(args.iter());
            return Ok((invoke.clone_ref(py), PyTuple::new(py, all)?.unbind()));
        }
        if !loaded.object.bind(py).is_callable() {
            let value = shown(loaded.object.bind(py));
            let error = INVOKE.op.invalid(
                "model",
                value,
                "a callable, or a model registered with invoke=",
            );
            return Err(error.raise(py));
        }
        Ok((loaded.object.clone_ref(py), args.clone().unbind()))
    }
}

/// A callable that gives what it holds: lets the event loop await what a model returned.
#[pyclass(frozen)]
struct Give(Py<PyAny>);

#[pymethods]
impl Give {
    fn __call__(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.clone_ref(py)
    }
}

/// An awaitable that is ready at once.
#[pyclass(frozen)]
pub struct Ready(Py<PyAny>);

#[pymethods]
impl Ready {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }
    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Err(PyStopIteration::new_err((self.0.clone_ref(py),)))
    }
}
