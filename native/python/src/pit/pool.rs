//! `pit.pool`: registers models and leases them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::IntoPyObjectExt;
use symphony_core::handles;
use symphony_core::recorder::SpanId;
use symphony_pit::pool::{self as core, ModelSpec, ModelType};
use symphony_pit::PitError;

use super::convert::{
    duration_from, id_from, id_to_py, integer_from, key_from, object_from, priority_from,
};
use super::errors::{OrRaise, Raise};
use super::home::Core;
use super::lease::{Lease, LeaseHandles};
use super::loader::{callable, Callables, Loader};
use super::operation::{operation, Awaitable, Operation};
use super::records;
use crate::{host_calls, site, waits};

static REGISTER: Operation = operation!("pool", "register");
static UNREGISTER: Operation = operation!("pool", "unregister");
static UNLOAD: Operation = operation!("pool", "unload");
static ALLOCATE: Operation = operation!("pool", "allocate");
static DEALLOCATE: Operation = operation!("pool", "deallocate");
static STATUS: Operation = operation!("pool", "status");
static LIMIT: Operation = operation!("pool", "set_memory_limit");

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
        Lease::open(lease, &self.pool, &self.handles, site)
    }
}

#[pymethods]
impl Pool {
    #[allow(
        clippy::too_many_arguments,
        reason = "PyO3 takes each parameter that Python shows as one of its own"
    )]
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
        let op = REGISTER.op;
        REGISTER.run(py, |_| {
            let memory_mb = memory_mb.map_or(Ok(1), |value| {
                let number = integer_from(op, "memory_mb", value, "1 or more")?;
                let known = u64::try_from(number).ok().filter(|number| *number > 0);
                known.ok_or_else(|| op.invalid("memory_mb", number, "1 or more").raise(py))
            })?;
            let spec = ModelSpec {
                name: name.to_owned(),
                version: version.to_owned(),
                model_type: ModelType::read(op, model_type).or_raise(py)?,
                memory_mb,
                cpu_cores,
                configuration: object_from(op, "configuration", configuration)?,
            };
            let optional = |field, value: Option<Bound<'_, PyAny>>| {
                value.map(|value| callable(op, field, value)).transpose()
            };
            let loader = Loader::new(Callables {
                load: callable(op, "load", load)?,
                unload: optional("unload", unload)?,
                invoke: optional("invoke", invoke)?,
            });
            let id = self.pool.register(spec, Arc::new(loader)).or_raise(py)?;
            id_to_py(py, id)
        })
    }

    fn unregister(&self, py: Python<'_>, model: &Bound<'_, PyAny>) -> PyResult<()> {
        UNREGISTER.wait(py, |_| self.unregistering(model), |_, ()| Ok(()))
    }

    fn unregister_async<'py>(&self, py: Python<'py>, model: &Bound<'_, PyAny>) -> Awaitable<'py> {
        UNREGISTER.spawn(py, |_| self.unregistering(model), |py, ()| Ok(py.None()))
    }

    fn unload(&self, py: Python<'_>, model: &Bound<'_, PyAny>) -> PyResult<()> {
        UNLOAD.wait(py, |_| self.unloading(model), |_, ()| Ok(()))
    }

    fn unload_async<'py>(&self, py: Python<'py>, model: &Bound<'_, PyAny>) -> Awaitable<'py> {
        UNLOAD.spawn(py, |_| self.unloading(model), |py, ()| Ok(py.None()))
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
            let wish = Wish::read(model, priority, deadline)?;
            let at_once = self.pool.try_allocate(&wish.key, wish.priority);
            let lease = match at_once.or_raise(py)? {
                Some(lease) => lease,
                None => {
                    host_calls::refuse_deadlock(py, "allocate")?;
                    waits::block_on(py, wish.granted(&self.pool, span))?.or_raise(py)?
                }
            };
            Ok(self.lease(lease, &site::text(py)))
        })
    }

    #[pyo3(signature = (model, priority = None, deadline = None))]
    fn allocate_async<'py>(
        slf: &Bound<'py, Self>,
        model: &Bound<'_, PyAny>,
        priority: Option<&Bound<'_, PyAny>>,
        deadline: Option<&Bound<'_, PyAny>>,
    ) -> Awaitable<'py> {
        let py = slf.py();
        let (pool, owner) = (slf.get().pool.clone(), slf.clone().unbind());
        let site = site::text(py).to_string();
        let make = |span| {
            let wish = Wish::read(model, priority, deadline)?;
            Ok(async move {
                let lease = wish.granted(&pool, span).await?;
                Ok::<_, PitError>(Unclaimed(Some(lease)))
            })
        };
        ALLOCATE.spawn(py, make, move |py, mut unclaimed| {
            let lease = unclaimed.0.take();
            let lease = lease.map(|lease| owner.get().lease(lease, &site));
            lease.into_py_any(py)
        })
    }

    /// Keeps the lease under its id until `deallocate`.
    fn hold(&self, py: Python<'_>, lease: &Lease) -> PyResult<Py<PyAny>> {
        let id = lease.known_id();
        self.pool.hold(lease.core().clone());
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

impl Pool {
    fn unregistering(
        &self,
        model: &Bound<'_, PyAny>,
    ) -> PyResult<impl Future<Output = Result<(), PitError>> + Send + 'static> {
        let pool = self.pool.clone();
        let key = key_from(UNREGISTER.op, "model", model)?;
        Ok(async move { pool.unregister(&key).await })
    }

    fn unloading(
        &self,
        model: &Bound<'_, PyAny>,
    ) -> PyResult<impl Future<Output = Result<(), PitError>> + Send + 'static> {
        let pool = self.pool.clone();
        let key = key_from(UNLOAD.op, "model", model)?;
        Ok(async move { pool.unload(&key).await })
    }
}

/// What an allocation asks for.
struct Wish {
    key: String,
    priority: i32,
    deadline: Option<Duration>,
}

impl Wish {
    fn read(
        model: &Bound<'_, PyAny>,
        priority: Option<&Bound<'_, PyAny>>,
        deadline: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Wish> {
        Ok(Wish {
            key: key_from(ALLOCATE.op, "model", model)?,
            priority: priority_from(ALLOCATE.op, priority)?,
            deadline: deadline
                .map(|value| duration_from(ALLOCATE.op, "deadline", value))
                .transpose()?,
        })
    }

    async fn granted(&self, pool: &core::Pool, span: SpanId) -> Result<core::Lease, PitError> {
        pool.allocate(&self.key, self.priority, self.deadline, span)
            .await
    }
}

/// A lease whose taker may be gone: released quietly when nobody takes it.
struct Unclaimed(Option<core::Lease>);

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(lease) = self.0.take() {
            lease.release();
        }
    }
}
