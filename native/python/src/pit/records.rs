//! What the Pit tells Python, as the frozen dataclasses of `symphony_bridge._pit_records`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use symphony_pit::arbitration::{Decision, Policy};
use symphony_pit::artifacts::Artifact;
use symphony_pit::dag::{Event, RunStatus};
use symphony_pit::pool::{ModelStatus, PoolStatus};
use symphony_pit::stale::{Item, Report};

use super::convert::{id_to_py, ids_to_py, json_to_py, map_to_py};

type Made = PyResult<Py<PyAny>>;

pub fn model_status(py: Python<'_>, status: ModelStatus) -> Made {
    let history = status.history.iter().map(|step| {
        let names = (step.from.name(), step.to.name(), step.reason.name());
        make(
            py,
            "Transition",
            (names.0, names.1, names.2, seconds(step.at_us)),
        )
    });
    let history = history.collect::<PyResult<Vec<_>>>()?;
    let fields = (
        id_to_py(py, status.id)?,
        status.name,
        status.version,
        status.state.name(),
        status.status,
        status.leases,
        status.memory_mb,
        status.loads,
        (status.invocations, status.failures, status.mean_seconds),
        status.error,
        PyTuple::new(py, history)?,
    );
    make(py, "model_status", fields)
}

pub fn pool_status(py: Python<'_>, status: PoolStatus) -> Made {
    let models = status
        .models
        .into_iter()
        .map(|model| model_status(py, model));
    let models = PyTuple::new(py, models.collect::<PyResult<Vec<_>>>()?)?;
    let fields = (
        status.memory_limit_mb,
        status.memory_used_mb,
        status.waiting,
        status.leaked,
        models,
    );
    make(py, "PoolStatus", fields)
}

pub fn run_status(py: Python<'_>, status: RunStatus) -> Made {
    let steps = status.steps.into_iter().map(|step| {
        let times = (step.started_us.map(seconds), step.ended_us.map(seconds));
        let fields = (
            step.name,
            step.state.name(),
            step.attempts,
            step.error,
            times.0,
            times.1,
        );
        make(py, "StepStatus", fields)
    });
    let fields = (
        id_to_py(py, status.id)?,
        id_to_py(py, status.workflow)?,
        status.name,
        status.state.name(),
        status.error,
        PyTuple::new(py, steps.collect::<PyResult<Vec<_>>>()?)?,
        seconds(status.created_us),
        status.started_us.map(seconds),
        status.ended_us.map(seconds),
    );
    make(py, "RunStatus", fields)
}

pub fn event(py: Python<'_>, event: Event) -> Made {
    let fields = (
        event.seq,
        event.kind.name(),
        event.step,
        event.attempt,
        event.message,
        event.done,
        event.total,
        seconds(event.at_us),
    );
    make(py, "Event", fields)
}

pub fn artifact(py: Python<'_>, artifact: Artifact) -> Made {
    let fields = (
        id_to_py(py, artifact.id)?,
        artifact.hash,
        artifact.size,
        artifact.stored,
        artifact.content_type,
        artifact.name,
        map_to_py(py, &artifact.metadata)?,
        PyTuple::new(py, artifact.tags)?,
        ids_to_py(py, &artifact.parents)?,
        seconds(artifact.created_us),
    );
    make(py, "Artifact", fields)
}

/// `options`: the caller's own objects, None to make them from what the log keeps.
pub fn decision(py: Python<'_>, decision: Decision, options: Option<Bound<'_, PyAny>>) -> Made {
    let options = match options {
        Some(options) => options,
        None => json_to_py(py, &decision.options)?.into_bound(py),
    };
    let fields = (
        id_to_py(py, decision.id)?,
        options.get_item(decision.choice)?,
        decision.choice,
        decision.confidence,
        decision.reasoning,
        decision.policy,
        decision.context_type,
        json_to_py(py, &decision.data)?,
        options
            .try_iter()?
            .collect::<PyResult<Vec<_>>>()
            .and_then(|list| PyTuple::new(py, list))?,
        seconds(decision.created_us),
    );
    make(py, "Decision", fields)
}

pub fn policy(py: Python<'_>, policy: &Policy) -> Made {
    let weights = pyo3::types::PyDict::new(py);
    for (criterion, weight) in &policy.rules.weights {
        weights.set_item(criterion, weight)?;
    }
    let fields = (
        id_to_py(py, policy.id)?,
        policy.name.as_str(),
        weights,
        policy.rules.max_cost,
        policy.rules.min_score,
        seconds(policy.created_us),
    );
    make(py, "Policy", fields)
}

pub fn stale_report(py: Python<'_>, report: Report) -> Made {
    let items = |items: Vec<Item>| -> PyResult<Bound<'_, PyTuple>> {
        let made = items.into_iter().map(|item| {
            let fields = (
                id_to_py(py, item.id)?,
                item.kind.name(),
                item.reason,
                item.bytes,
            );
            make(py, "StaleItem", fields)
        });
        PyTuple::new(py, made.collect::<PyResult<Vec<_>>>()?)
    };
    let fields = (
        items(report.items)?,
        items(report.kept)?,
        report.bytes_freed,
        report.seconds,
        report.dry_run,
    );
    make(py, "StaleReport", fields)
}

fn seconds(microseconds: i64) -> f64 {
    microseconds as f64 / 1e6
}

fn make<'py>(
    py: Python<'py>,
    class: &str,
    fields: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
) -> Made {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || {
        py.import("symphony_bridge._pit_records").map(Bound::unbind)
    })?;
    let fields = fields.into_pyobject(py)?;
    module
        .bind(py)
        .getattr(class)?
        .call1(fields)
        .map(Bound::unbind)
}
