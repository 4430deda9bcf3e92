//! `pit.arbitration`: choices among options, and the policies they follow.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyList, PyMapping, PyString};
use symphony_pit::arbitration::{Decision, Policy, Question};
use symphony_pit::{Op, PitError};

use super::convert::{id_from, integer_from, json_from, key_from, object_from, shown};
use super::errors::Raise;
use super::home::Core;
use super::operation::{operation, Operation};
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
        let core = self.core.clone();
        let mut given = None;
        let read = || {
            let (question, options) = read_question(request)?;
            given = Some(options);
            Ok(move || core.rooms()?.arbitration.submit_decision(question))
        };
        let decision: Decision = SUBMIT.detach(py, read, |_, decision| Ok(decision))?;
        records::decision(py, decision, given.map(Bound::into_any))
    }

    fn submit_decision_async<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let read = || {
            let (question, options) = read_question(request)?;
            let options = options.unbind();
            Ok(move || {
                let decision = core.rooms()?.arbitration.submit_decision(question)?;
                Ok::<_, PitError>((decision, options))
            })
        };
        SUBMIT.offload(py, read, |py, (decision, options)| {
            records::decision(py, decision, Some(options.into_bound(py).into_any()))
        })
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
        rules: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        CREATE.offload(py, || self.creation(name, rules), policy_to_py)
    }

    fn get_policy(&self, py: Python<'_>, policy: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let core = self.core.clone();
        let read = || {
            let key = key_from(GET.op, "policy", policy)?;
            Ok(move || core.rooms()?.arbitration.get_policy(&key))
        };
        GET.detach(py, read, policy_to_py)
    }

    fn get_policy_async<'py>(
        &self,
        py: Python<'py>,
        policy: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let read = || {
            let key = key_from(GET.op, "policy", policy)?;
            Ok(move || core.rooms()?.arbitration.get_policy(&key))
        };
        GET.offload(py, read, policy_to_py)
    }

    fn decision(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(DECISION.op, "id", id)?;
            Ok(move || core.rooms()?.arbitration.decision(id))
        };
        DECISION.detach(py, read, |py, found| records::decision(py, found, None))
    }

    fn decision_async<'py>(
        &self,
        py: Python<'py>,
        id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(DECISION.op, "id", id)?;
            Ok(move || core.rooms()?.arbitration.decision(id))
        };
        DECISION.offload(py, read, |py, found| records::decision(py, found, None))
    }

    #[pyo3(signature = (limit = None))]
    fn audit(&self, py: Python<'_>, limit: Option<&Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        AUDIT.detach(py, || self.newest(limit), decisions_to_py)
    }

    #[pyo3(signature = (limit = None))]
    fn audit_async<'py>(
        &self,
        py: Python<'py>,
        limit: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        AUDIT.offload(py, || self.newest(limit), decisions_to_py)
    }
}

impl Arbitration {
    fn creation(
        &self,
        name: &str,
        rules: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<impl FnOnce() -> Result<Arc<Policy>, PitError> + Send + 'static> {
        let core = self.core.clone();
        let rules = object_from(CREATE.op, "rules", rules)?;
        let name = name.to_owned();
        Ok(move || {
            core.rooms()?
                .arbitration
                .create_policy(&name, &rules)?
                .wait()
        })
    }

    fn newest(
        &self,
        limit: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<impl FnOnce() -> Result<Vec<Decision>, PitError> + Send + 'static> {
        const ALLOWED: &str = "a whole number from 1 to 100000";
        let core = self.core.clone();
        let limit = limit.map_or(Ok(100), |value| {
            let number = integer_from(AUDIT.op, "limit", value, ALLOWED)?;
            let fitting = usize::try_from(number)
                .ok()
                .filter(|number| (1..=100_000).contains(number));
            fitting.ok_or_else(|| AUDIT.op.invalid("limit", number, ALLOWED).raise(value.py()))
        })?;
        Ok(move || core.rooms()?.arbitration.audit(limit))
    }
}

/// Reads `{context_type, data, options, policy}`; the options also as the caller's own objects.
fn read_question<'py>(request: &Bound<'py, PyAny>) -> PyResult<(Question, Bound<'py, PyList>)> {
    const OP: Op = symphony_pit::op("arbitration", "submit_decision");
    const ALLOWED: &str = "a mapping with context_type, options, and perhaps data and policy";
    let py = request.py();
    let mapping = request
        .cast::<PyMapping>()
        .map_err(|_| OP.invalid("request", shown(request), ALLOWED).raise(py))?;
    let mut context_type = None;
    let mut data = serde_json::Value::Null;
    let mut options = None;
    let mut policy = None;
    for pair in mapping.items()?.iter() {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
        match key.extract::<String>().unwrap_or_default().as_str() {
            "context_type" => {
                let text = value.cast::<PyString>().map_err(|_| {
                    OP.invalid("context_type", shown(&value), "a text that is not empty")
                        .raise(py)
                })?;
                context_type = Some(text.to_string_lossy().into_owned());
            }
            "data" => data = json_from(OP, "data", &value)?,
            "options" => {
                let refuse = || {
                    OP.invalid("options", shown(&value), "a list of options")
                        .raise(py)
                };
                if value.is_instance_of::<PyString>() {
                    return Err(refuse());
                }
                let list = value.try_iter().map_err(|_| refuse())?;
                options = Some(PyList::new(py, list.collect::<PyResult<Vec<_>>>()?)?);
            }
            "policy" if value.is_none() => {}
            "policy" => policy = Some(key_from(OP, "policy", &value)?),
            _ => return Err(OP.invalid("request", shown(&key), ALLOWED).raise(py)),
        }
    }
    let missing = |field| {
        OP.invalid(field, serde_json::Value::Null, ALLOWED)
            .raise(py)
    };
    let options = options.ok_or_else(|| missing("options"))?;
    let read = options
        .iter()
        .enumerate()
        .map(|(index, option)| json_from(OP, &format!("options[{index}]"), &option));
    let question = Question {
        context_type: context_type.ok_or_else(|| missing("context_type"))?,
        data,
        options: read.collect::<PyResult<Vec<_>>>()?,
        policy,
    };
    Ok((question, options))
}

fn policy_to_py(py: Python<'_>, policy: Arc<Policy>) -> PyResult<Py<PyAny>> {
    records::policy(py, &policy)
}

fn decisions_to_py(py: Python<'_>, decisions: Vec<Decision>) -> PyResult<Py<PyAny>> {
    let list = decisions
        .into_iter()
        .map(|decision| records::decision(py, decision, None))
        .collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, list)?.into_any().unbind())
}
