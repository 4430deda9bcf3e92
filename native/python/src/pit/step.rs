//! A step that Python runs: its callable behind the Pit's `StepRunner`, and the context it is given.
//!
//! Threads: the callable runs as a job of the dispatcher; this side only waits for it, on Tokio.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use symphony_pit::dag::{Running, StepRunner};
use symphony_pit::Opaque;

use super::convert::{id_to_py, map_to_py};
use super::errors::failure;
use super::values;
use crate::context::Surroundings;
use crate::dispatch;

/// A step's callable.
pub struct Step(Arc<Py<PyAny>>);

impl Step {
    pub fn new(callable: Py<PyAny>) -> Step {
        Step(Arc::new(callable))
    }
}

impl StepRunner for Step {
    fn ends_when_stopped(&self) -> bool {
        true
    }

    fn run(&self, context: symphony_pit::dag::StepContext) -> Running {
        let callable = self.0.clone();
        Box::pin(async move {
            let (name, span) = (context.step.clone(), context.parent_span);
            let (stop, caller) = (context.stop.clone(), context.caller.clone());
            let (callable, args) = values::attached(move |py| {
                let args = StepContext::new(py, context)
                    .and_then(|context| PyTuple::new(py, [Bound::new(py, context)?]));
                let args = args.map_err(|error| failure(py, error))?;
                Ok((callable.clone_ref(py), args.unbind()))
            })
            .await?;
            let caller = caller.and_then(|caller| caller.get::<Surroundings>().cloned());
            let call = dispatch::call_python(caller, callable, args, None, &name, span);
            match call.until(stop.cancelled()).await {
                Ok(value) => {
                    values::attached(move |py| Ok::<Opaque, _>(values::to_opaque(value.bind(py))))
                        .await
                }
                Err(error) => values::failed(error).await,
            }
        })
    }
}

/// What a step is told.
#[pyclass(frozen, get_all, module = "symphony_bridge.pit")]
pub struct StepContext {
    run_id: Py<PyAny>,
    step: String,
    attempt: u32,
    inputs: Py<PyDict>,
    variables: Py<PyAny>,
    configuration: Py<PyDict>,
}

impl StepContext {
    fn new(py: Python<'_>, context: symphony_pit::dag::StepContext) -> PyResult<StepContext> {
        let inputs = PyDict::new(py);
        for (name, value) in &context.inputs {
            inputs.set_item(name, values::from_opaque(py, value)?)?;
        }
        let variables = match &context.variables {
            Some(value) => values::from_opaque(py, value)?,
            None => py.None(),
        };
        Ok(StepContext {
            run_id: id_to_py(py, context.run)?,
            step: context.step,
            attempt: context.attempt,
            inputs: inputs.unbind(),
            variables,
            configuration: map_to_py(py, &context.configuration)?.unbind(),
        })
    }
}

#[pymethods]
impl StepContext {
    fn __repr__(&self) -> String {
        format!(
            "<context of step '{}', attempt {}>",
            self.step, self.attempt
        )
    }
}
