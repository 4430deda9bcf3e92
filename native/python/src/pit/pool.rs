//! `pit.pool`: models, their loaders written in Python, and leases on them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use symphony_core::handles::{self, HandleId};
use symphony_core::recorder;
use symphony_pit::pool::{self as core, Loading, ModelLoader, ModelSpec, ModelType};
use symphony_pit::{Op, Opaque};
use uuid::Uuid;

use super::convert::{
    duration_from, id_from, id_to_py, integer_from, key_from, map_to_py, object_from,
    priority_from, shown,
};
use super::errors::{OrRaise, Raise};
use super::home::Core;
use super::operation::{operation, Operation};
use super::{records, values};
use crate::{aio, dispatch, host_calls, site};

static REGISTER: Operation = operation!("pool", "register");
static UNREGISTER: Operation = operation!("pool", "unregister");
static UNLOAD: Operation = operation!("pool", "unload");
static ALLOCATE: Operation = operation!("pool", "allocate");
static DEALLOCATE: Operation = operation!("pool", "deallocate");
static INVOKE: Operation = operation!("pool", "invoke");
static RELEASE: Operation = operation!("pool", "release");
static STATUS: Operation = operation!("pool", "status");
static LIMIT: Operation = operation!("pool", "set_memory_limit");

/// The handles of leases that are known by their id.
type LeaseHandles = Arc<Mutex<HashMap<Uuid, HandleId>>>;

#[pyclass(frozen, module = "symphony_bridge.pit")]
pub struct Pool {
    pool: core::Pool,
    handles: LeaseHandles,
}

impl Pool {
    pub fn new(core: &Core) -> Pool {
        Pool {
            pool: core.pool.clone(),
            handles: LeaseHandles::default(),
        }
    }

    fn lease(&self, lease: core::Lease, site: &str) -> Lease {
        let handle = handles::open(
            "lease",
            lease.model_name(),
            site,
            recorder::current(),
            false,
        );
        Lease {
            lease,
            handle,
            handles: self.handles.clone(),
            pool: self.pool.clone(),
        }
    }
}

#[pymethods]
impl Pool {
    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (name, load, *, unload = None, invoke = None, version = "1", model_type = "custom", memory_mb = None, cpu_cores = 1.0, configuration = None))]
    fn register(
        &self,
        py: Python<'_>,
        name: &str,
        load: Bound<'_, PyAny>,
        unload: Option<Bound<'_, PyAny>>,
        invoke: Option<Bound<'_, PyAny>>,
        version: &str,
        model_type: &str,
        memory_mb: Option<&Bound<'_, PyAny>>,
        cpu_cores: f64,
        configuration: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        const OP: Op = REGISTER_OP;
        REGISTER.run(py, |_| {
            let memory = memory_mb.map_or(Ok(1), |value| {
                let number = integer_from(OP, "memory_mb", value, "1 or more")?;
                let known = u64::try_from(number).ok().filter(|number| *number > 0);
                known.ok_or_else(|| OP.invalid("memory_mb", number, "1 or more").raise(py))
            })?;
            let spec = ModelSpec {
                name: name.to_owned(),
                version: version.to_owned(),
                model_type: ModelType::read(OP, model_type).or_raise(py)?,
                memory_mb: memory,
                cpu_cores,
                configuration: object_from(OP, "configuration", configuration)?,
            };
            let callables = Callables {
                load: callable(OP, "load", load)?,
                unload: unload
                    .map(|unload| callable(OP, "unload", unload))
                    .transpose()?,
                invoke: invoke
                    .map(|invoke| callable(OP, "invoke", invoke))
                    .transpose()?,
            };
            let loader = Arc::new(Loader(Arc::new(callables)));
            let id = self.pool.register(spec, loader).or_raise(py)?;
            id_to_py(py, id)
        })
    }

    fn unregister(&self, py: Python<'_>, model: &Bound<'_, PyAny>) -> PyResult<()> {
        let pool = self.pool.clone();
        let make = |_| {
            let key = key_from(UNREGISTER.op, "model", model)?;
            Ok(async move { pool.unregister(&key).await })
        };
        UNREGISTER.wait(py, make, |_, ()| Ok(()))
    }

    fn unregister_async<'py>(
        &self,
        py: Python<'py>,
        model: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pool = self.pool.clone();
        let make = |_| {
            let key = key_from(UNREGISTER.op, "model", model)?;
            Ok(async move { pool.unregister(&key).await })
        };
        UNREGISTER.spawn(py, make, |py, ()| Ok(py.None()))
    }

    fn unload(&self, py: Python<'_>, model: &Bound<'_, PyAny>) -> PyResult<()> {
        let pool = self.pool.clone();
        let make = |_| {
            let key = key_from(UNLOAD.op, "model", model)?;
            Ok(async move { pool.unload(&key).await })
        };
        UNLOAD.wait(py, make, |_, ()| Ok(()))
    }

    fn unload_async<'py>(
        &self,
        py: Python<'py>,
        model: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pool = self.pool.clone();
        let make = |_| {
            let key = key_from(UNLOAD.op, "model", model)?;
            Ok(async move { pool.unload(&key).await })
        };
        UNLOAD.spawn(py, make, |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (model, priority = None, deadline = None))]
    fn allocate(
        &self,
        py: Python<'_>,
        model: &Bound<'_, PyAny>,
        priority: Option<&Bound<'_, PyAny>>,
        deadline: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Lease> {
        ALLOCATE.run(py, |span| {
            let key = key_from(ALLOCATE.op, "model", model)?;
            let priority = priority_from(ALLOCATE.op, priority)?;
            let deadline = deadline
                .map(|value| duration_from(ALLOCATE.op, "deadline", value))
                .transpose()?;
            let lease = match self.pool.try_allocate(&key, priority).or_raise(py)? {
                Some(lease) => lease,
                None => {
                    host_calls::refuse_deadlock(py, "allocate")?;
                    let waiting = self.pool.allocate(&key, priority, deadline, span);
                    aio::block_on(py, waiting)?.or_raise(py)?
                }
            };
            Ok(self.lease(lease, &site::text(py)))
        })
    }

    #[pyo3(signature = (model, priority = None, deadline = None))]
    fn allocate_async<'py>(
        slf: &Bound<'py, Self>,
        model: &Bound<'py, PyAny>,
        priority: Option<&Bound<'py, PyAny>>,
        deadline: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let (pool, owner) = (slf.get().pool.clone(), slf.clone().unbind());
        let site = site::text(py).to_string();
        let make = |span| {
            let key = key_from(ALLOCATE.op, "model", model)?;
            let priority = priority_from(ALLOCATE.op, priority)?;
            let deadline = deadline
                .map(|value| duration_from(ALLOCATE.op, "deadline", value))
                .transpose()?;
            Ok(async move {
                let lease = pool.allocate(&key, priority, deadline, span).await?;
                Ok::<_, symphony_pit::PitError>(Unclaimed(Some(lease)))
            })
        };
        ALLOCATE.spawn(py, make, move |py, mut unclaimed| {
            let lease = unclaimed
                .0
                .take()
                .map(|lease| owner.get().lease(lease, &site));
            Ok(lease.into_pyobject(py)?.unbind())
        })
    }

    /// Keeps the lease under its id until `deallocate`.
    fn hold(&self, py: Python<'_>, lease: &Lease) -> PyResult<Py<PyAny>> {
        let id = lease.known_id();
        self.pool.hold(lease.lease.clone());
        id_to_py(py, id)
    }

    fn deallocate(&self, py: Python<'_>, lease: &Bound<'_, PyAny>) -> PyResult<()> {
        DEALLOCATE.run(py, |_| {
            let id = id_from(DEALLOCATE.op, "lease", lease)?;
            self.pool.release_id(id).or_raise(py)?;
            if let Some(handle) = self.handles.lock().remove(&id) {
                handles::close(handle);
            }
            Ok(())
        })
    }

    #[pyo3(signature = (model = None))]
    fn status(&self, py: Python<'_>, model: Option<&Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        STATUS.run(py, |_| match model {
            None => records::pool_status(py, self.pool.status()),
            Some(model) => {
                let key = key_from(STATUS.op, "model", model)?;
                let status = self.pool.model_status(&key).or_raise(py)?;
                records::model_status(py, status)
            }
        })
    }

    fn set_memory_limit(&self, py: Python<'_>, memory_mb: &Bound<'_, PyAny>) -> PyResult<()> {
        LIMIT.run(py, |_| {
            let number = integer_from(LIMIT.op, "memory_mb", memory_mb, "1 or more")?;
            self.pool
                .set_memory_limit(u64::try_from(number).unwrap_or(0))
                .or_raise(py)
        })
    }
}

const REGISTER_OP: Op = symphony_pit::op("pool", "register");

/// A lease whose taker may be gone: released quietly when nobody takes it.
struct Unclaimed(Option<core::Lease>);

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(lease) = self.0.take() {
            lease.release();
        }
    }
}

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
            let outcome = callable
                .bind(py)
                .call(args.bind(py), kwargs)
                .and_then(|value| {
                    if !dispatch::is_awaitable(&value) {
                        return Ok(value.unbind());
                    }
                    host_calls::refuse_deadlock(py, "invoke")?;
                    let give = Py::new(py, Give(value.unbind()))?.into_any();
                    let empty = PyTuple::empty(py).unbind();
                    let waiting = dispatch::call_python(give, empty, None, self.name(), span);
                    aio::block_on(py, waiting)?
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
    ) -> PyResult<Bound<'py, PyAny>> {
        let make = |span| {
            let (callable, args) = self.call(py, args)?;
            let kwargs = kwargs.map(|kwargs| kwargs.clone().unbind());
            let invocation = self.lease.begin();
            let running = dispatch::call_python(callable, args, kwargs, self.name(), span);
            Ok(async move {
                let outcome = running.await;
                invocation.end(outcome.is_ok());
                outcome
            })
        };
        INVOKE.spawn(py, make, |_, value| Ok(value))
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
    fn known_id(&self) -> Uuid {
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

struct Callables {
    load: Py<PyAny>,
    unload: Option<Py<PyAny>>,
    invoke: Option<Py<PyAny>>,
}

/// A model in memory.
struct Loaded {
    object: Py<PyAny>,
    callables: Arc<Callables>,
}

struct Loader(Arc<Callables>);

impl ModelLoader for Loader {
    fn load(&self, spec: &ModelSpec, parent: u64) -> Loading<Opaque> {
        let callables = self.0.clone();
        let (name, configuration) = (format!("load {}", spec.name), spec.configuration.clone());
        Box::pin(async move {
            let of_call = callables.clone();
            let (load, none, kwargs) = values::attached(move |py| {
                let kwargs = map_to_py(py, &configuration)
                    .map_err(|error| super::errors::failure(py, error))?;
                Ok((
                    of_call.load.clone_ref(py),
                    PyTuple::empty(py).unbind(),
                    kwargs.unbind(),
                ))
            })
            .await?;
            match dispatch::call_python(load, none, Some(kwargs), &name, parent).await {
                Ok(object) => Ok(Opaque::new(Loaded { object, callables }, None)),
                Err(error) => values::failed(error).await,
            }
        })
    }

    fn unload(&self, model: Opaque) -> Loading<()> {
        let callables = self.0.clone();
        Box::pin(async move {
            let call = values::attached(move |py| {
                let (Some(unload), Some(loaded)) = (&callables.unload, model.get::<Loaded>())
                else {
                    return Ok(None);
                };
                let args = PyTuple::new(py, [loaded.object.bind(py)]);
                let args = args.map_err(|error| super::errors::failure(py, error))?;
                Ok(Some((unload.clone_ref(py), args.unbind())))
            })
            .await?;
            let Some((unload, args)) = call else {
                return Ok(());
            };
            match dispatch::call_python(unload, args, None, "unload", 0).await {
                Ok(_) => Ok(()),
                Err(error) => values::failed(error).await,
            }
        })
    }
}

fn callable(op: Op, field: &str, value: Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if value.is_callable() {
        return Ok(value.unbind());
    }
    Err(op
        .invalid(field, shown(&value), "a callable")
        .raise(value.py()))
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
