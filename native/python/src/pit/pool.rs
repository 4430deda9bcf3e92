//! `pit.pool`: registers models and leases them.

use std::sync::Arc;

use pyo3::prelude::*;
use symphony_core::handles;
use symphony_pit::pool::{self as core, ModelSpec, ModelType};
use symphony_pit::Op;

use super::convert::{
    duration_from, id_from, id_to_py, integer_from, key_from, object_from, priority_from,
};
use super::errors::{OrRaise, Raise};
use super::home::Core;
use super::lease::{Lease, LeaseHandles};
use super::loader::{callable, Callables, Loader};
use super::operation::{operation, Operation};
use super::records;
use crate::{aio, host_calls, site};

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
            let loader = Loader::new(Callables {
                load: callable(OP, "load", load)?,
                unload: unload
                    .map(|unload| callable(OP, "unload", unload))
                    .transpose()?,
                invoke: invoke
                    .map(|invoke| callable(OP, "invoke", invoke))
                    .transpose()?,
            });
            let id = self.pool.register(spec, Arc::new(loader)).or_raise(py)?;
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
