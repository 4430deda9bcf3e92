//! Models that Python loads: the loader's callables behind the Pit's `ModelLoader`.
//!
//! Threads: loading runs as a job of the dispatcher; this side only waits for it, on Tokio.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use symphony_pit::pool::{Loading, ModelLoader, ModelSpec};
use symphony_pit::{Op, Opaque};

use super::convert::{map_to_py, shown};
use super::errors::Raise;
use super::values;
use crate::dispatch;

/// The callables that a model was registered with.
pub struct Callables {
    pub load: Py<PyAny>,
    pub unload: Option<Py<PyAny>>,
    pub invoke: Option<Py<PyAny>>,
}

/// A model in memory.
pub struct Loaded {
    pub object: Py<PyAny>,
    pub callables: Arc<Callables>,
}

pub struct Loader(Arc<Callables>);

impl Loader {
    pub fn new(callables: Callables) -> Loader {
        Loader(Arc::new(callables))
    }
}

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
            match dispatch::call_python(None, load, none, Some(kwargs), &name, parent).await {
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
            match dispatch::call_python(None, unload, args, None, "unload", 0).await {
                Ok(_) => Ok(()),
                Err(error) => values::failed(error).await,
            }
        })
    }
}

/// `value` when it can be called.
pub fn callable(op: Op, field: &str, value: Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if value.is_callable() {
        return Ok(value.unbind());
    }
    Err(op
        .invalid(field, shown(&value), "a callable")
        .raise(value.py()))
}
