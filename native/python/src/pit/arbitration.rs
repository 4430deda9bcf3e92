//! `pit.arbitration`: choices among options, and the policies they follow.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;
use symphony_pit::arbitration::{Decision, Policy};
use symphony_pit::PitError;

use super::convert::{id_from, integer_in, key_from, object_from};
use super::home::Core;
use super::operation::{operation, Awaitable, Operation, Work};
use super::question::read_question;
use super::records;

static SUBMIT: Operation = operation!("arbitration", "submit_decision");
static CREATE: Operation = operation!("arbitration", "create_policy");
static GET: Operation = operation!("arbitration", "get_policy");
static DECISION: Operation = operation!("arbitration", "decision");
static AUDIT: Operation = operation!("arbitration", "audit");

#[pyclass(frozen, module = "symphony_bridge.pit")]
pub struct Arbitration {
    core: Arc<Core>,
}

impl Arbitration {
    pub fn new(core: Arc<Core>) -> Arbitration {
        Arbitration { core }
    }
}

#[pymethods]
impl Arbitration {
    fn submit_decision(&self, py: Python<'_>, request: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        SUBMIT.detach(py, || self.choice(request), choice_to_py)
    }

    fn submit_decision_async<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'_, PyAny>,
    ) -> Awaitable<'py> {
        SUBMIT.offload(py, || self.choice(request), choice_to_py)
    }

    #[pyo3(signature = (name, rules = None))]
    fn create_policy(
        &self,
        py: Python<'_>,
        name: &str,
        rules: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        CREATE.detach(py, || self.creation(name, rules), policy_to_py)
    }

    #[pyo3(signature = (name, rules = None))]
    fn create_policy_async<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        rules: Option<&Bound<'_, PyAny>>,
    ) -> Awaitable<'py> {
        CREATE.offload(py, || self.creation(name, rules), policy_to_py)
    }

    fn get_policy(&self, py: Python<'_>, policy: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        GET.detach(py, || self.policy(policy), policy_to_py)
    }

    fn get_policy_async<'py>(&self, py: Python<'py>, policy: &Bound<'_, PyAny>) -> Awaitable<'py> {
        GET.offload(py, || self.policy(policy), policy_to_py)
    }

    fn decision(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        DECISION.detach(py, || self.recorded(id), decision_to_py)
    }

    fn decision_async<'py>(&self, py: Python<'py>, id: &Bound<'_, PyAny>) -> Awaitable<'py> {
        DECISION.offload(py, || self.recorded(id), decision_to_py)
    }

    #[pyo3(signature = (limit = None))]
    fn audit(&self, py: Python<'_>, limit: Option<&Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        AUDIT.detach(py, || self.newest(limit), decisions_to_py)
    }

    #[pyo3(signature = (limit = None))]
    fn audit_async<'py>(
        &self,
        py: Python<'py>,
        limit: Option<&Bound<'_, PyAny>>,
    ) -> Awaitable<'py> {
        AUDIT.offload(py, || self.newest(limit), decisions_to_py)
    }
}

impl Arbitration {
    fn choice(&self, request: &Bound<'_, PyAny>) -> PyResult<impl Work<(Decision, Py<PyList>)>> {
        let core = self.core.clone();
        let (question, options) = read_question(SUBMIT.op, request)?;
        let options = options.unbind();
        Ok(move || {
            let decision = core.rooms()?.arbitration.submit_decision(question)?;
            Ok::<_, PitError>((decision, options))
        })
    }

    fn creation(
        &self,
        name: &str,
        rules: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<impl Work<Arc<Policy>>> {
        let core = self.core.clone();
        let rules = object_from(CREATE.op, "rules", rules)?;
        let name = name.to_owned();
        Ok(move || {
            let created = core.rooms()?.arbitration.create_policy(&name, &rules)?;
            created.wait()
        })
    }

    fn policy(&self, policy: &Bound<'_, PyAny>) -> PyResult<impl Work<Arc<Policy>>> {
        let core = self.core.clone();
        let key = key_from(GET.op, "policy", policy)?;
        Ok(move || core.rooms()?.arbitration.get_policy(&key))
    }

    fn recorded(&self, id: &Bound<'_, PyAny>) -> PyResult<impl Work<Decision>> {
        let core = self.core.clone();
        let id = id_from(DECISION.op, "id", id)?;
        Ok(move || core.rooms()?.arbitration.decision(id))
    }

    fn newest(&self, limit: Option<&Bound<'_, PyAny>>) -> PyResult<impl Work<Vec<Decision>>> {
        let core = self.core.clone();
        let limit = limit.map_or(Ok(100), |value| {
            integer_in(AUDIT.op, "limit", value, 1..=100_000)
        })?;
        Ok(move || core.rooms()?.arbitration.audit(limit as usize))
    }
}

/// Shows the options as the caller's own objects.
fn choice_to_py(
    py: Python<'_>,
    (decision, options): (Decision, Py<PyList>),
) -> PyResult<Py<PyAny>> {
    records::decision(py, decision, Some(options.into_bound(py).into_any()))
}

fn decision_to_py(py: Python<'_>, decision: Decision) -> PyResult<Py<PyAny>> {
    records::decision(py, decision, None)
}

fn policy_to_py(py: Python<'_>, policy: Arc<Policy>) -> PyResult<Py<PyAny>> {
    records::policy(py, &policy)
}

fn decisions_to_py(py: Python<'_>, decisions: Vec<Decision>) -> PyResult<Py<PyAny>> {
    let list = decisions
        .into_iter()
        .map(|decision| decision_to_py(py, decision))
        .collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, list)?.into_any().unbind())
}
