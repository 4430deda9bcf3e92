//! `pit.stale`: marking what is no longer needed, and cleaning it up.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use symphony_pit::stale::Report;

use super::convert::{duration_from, id_from};
use super::home::Core;
use super::operation::{blocking, operation, Awaitable, Operation, Work};
use super::records;

static MARK: Operation = operation!("stale", "mark_stale");
static CLEANUP: Operation = operation!("stale", "cleanup_stale");
static RETENTION: Operation = operation!("stale", "min_retention");
static SET_RETENTION: Operation = operation!("stale", "set_min_retention");

#[pyclass(frozen, module = "symphony_bridge.pit")]
pub struct Stale {
    core: Arc<Core>,
}

impl Stale {
    pub fn new(core: Arc<Core>) -> Stale {
        Stale { core }
    }
}

#[pymethods]
impl Stale {
    fn mark_stale(&self, py: Python<'_>, id: &Bound<'_, PyAny>, reason: &str) -> PyResult<()> {
        MARK.detach(py, || self.marking(id, reason), |_, ()| Ok(()))
    }

    fn mark_stale_async<'py>(
        &self,
        py: Python<'py>,
        id: &Bound<'_, PyAny>,
        reason: &str,
    ) -> Awaitable<'py> {
        MARK.offload(py, || self.marking(id, reason), |py, ()| Ok(py.None()))
    }

    #[pyo3(signature = (older_than, dry_run = false))]
    fn cleanup_stale(
        &self,
        py: Python<'_>,
        older_than: &Bound<'_, PyAny>,
        dry_run: bool,
    ) -> PyResult<Py<PyAny>> {
        // Waits for the unloading of models, which Python does.
        let make = |_| Ok(blocking(self.cleanup(older_than, dry_run)?));
        CLEANUP.wait(py, make, records::stale_report)
    }

    #[pyo3(signature = (older_than, dry_run = false))]
    fn cleanup_stale_async<'py>(
        &self,
        py: Python<'py>,
        older_than: &Bound<'_, PyAny>,
        dry_run: bool,
    ) -> Awaitable<'py> {
        CLEANUP.offload(
            py,
            || self.cleanup(older_than, dry_run),
            records::stale_report,
        )
    }

    /// Seconds.
    fn min_retention(&self, py: Python<'_>) -> PyResult<f64> {
        let core = self.core.clone();
        let work = move || core.rooms()?.stale.min_retention();
        RETENTION.detach(py, || Ok(work), |_, age: Duration| Ok(age.as_secs_f64()))
    }

    fn set_min_retention(&self, py: Python<'_>, age: &Bound<'_, PyAny>) -> PyResult<()> {
        SET_RETENTION.detach(py, || self.retention(age), |_, ()| Ok(()))
    }

    fn set_min_retention_async<'py>(
        &self,
        py: Python<'py>,
        age: &Bound<'_, PyAny>,
    ) -> Awaitable<'py> {
        SET_RETENTION.offload(py, || self.retention(age), |py, ()| Ok(py.None()))
    }
}

impl Stale {
    fn marking(&self, id: &Bound<'_, PyAny>, reason: &str) -> PyResult<impl Work<()>> {
        let core = self.core.clone();
        let id = id_from(MARK.op, "id", id)?;
        let reason = reason.to_owned();
        Ok(move || {
            let marked = core.rooms()?.stale.mark_stale(id, &reason)?;
            marked.wait().map(drop)
        })
    }

    fn cleanup(&self, older_than: &Bound<'_, PyAny>, dry_run: bool) -> PyResult<impl Work<Report>> {
        let core = self.core.clone();
        let age = duration_from(CLEANUP.op, "older_than", older_than)?;
        Ok(move || core.rooms()?.stale.cleanup_stale(age, dry_run))
    }

    fn retention(&self, age: &Bound<'_, PyAny>) -> PyResult<impl Work<()>> {
        let core = self.core.clone();
        let age = duration_from(SET_RETENTION.op, "age", age)?;
        Ok(move || core.rooms()?.stale.set_min_retention(age).wait())
    }
}
