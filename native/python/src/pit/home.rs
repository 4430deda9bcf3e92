//! The class `Pit`: the five components over one home.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use pyo3::prelude::*;
use symphony_pit::{Place, Result, Rooms};
use tokio::runtime::Handle;

use super::arbitration::Arbitration;
use super::artifacts::Artifacts;
use super::dag::Dag;
use super::operation::{blocking, operation, Awaitable, Operation};
use super::pool::Pool;
use super::stale::Stale;
use crate::aio;

static FLUSH: Operation = operation!("home", "flush");
static INTEGRITY: Operation = operation!("home", "integrity");

/// The Pit behind the classes of one Python `Pit`.
pub struct Core {
    /// Always there until dropped.
    pit: Option<symphony_pit::Pit>,
    /// Its number, of this one alone in the life of the process.
    pub serial: u64,
}

impl Core {
    fn new(pit: symphony_pit::Pit) -> Arc<Core> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Arc::new(Core {
            pit: Some(pit),
            serial: NEXT.fetch_add(1, Ordering::Relaxed),
        })
    }
}

impl Deref for Core {
    type Target = symphony_pit::Pit;

    fn deref(&self) -> &symphony_pit::Pit {
        self.pit.as_ref().expect("a Pit that is still held")
    }
}

/// The end of a Pit waits until everything is on disk, which nobody does while holding the GIL.
impl Drop for Core {
    fn drop(&mut self) {
        let pit = self.pit.take();
        if Handle::try_current().is_ok() {
            // A thread of Tokio, which has no GIL and must not wait for it.
            drop(pit);
        } else {
            let mut pit = Some(pit);
            let release = |py: Python<'_>| py.detach(|| drop(pit.take()));
            // Without an interpreter there is no GIL either.
            Python::try_attach(release).unwrap_or(());
        }
    }
}

/// The Pit of one home. Opens the home when an operation first needs it.
#[pyclass(frozen, module = "symphony_bridge.pit")]
pub struct Pit {
    core: Arc<Core>,
    #[pyo3(get)]
    pool: Py<Pool>,
    #[pyo3(get)]
    dag: Py<Dag>,
    #[pyo3(get)]
    artifacts: Py<Artifacts>,
    #[pyo3(get)]
    arbitration: Py<Arbitration>,
    #[pyo3(get)]
    stale: Py<Stale>,
}

#[pymethods]
impl Pit {
    #[new]
    #[pyo3(signature = (home = None))]
    fn new(py: Python<'_>, home: Option<PathBuf>) -> PyResult<Pit> {
        let runtime = aio::runtime().handle().clone();
        let core = Core::new(match home {
            Some(home) => symphony_pit::Pit::new(place(home), runtime),
            None => symphony_pit::Pit::at(default_place, runtime),
        });
        Ok(Pit {
            pool: Py::new(py, Pool::new(&core))?,
            dag: Py::new(py, Dag::new(core.clone()))?,
            artifacts: Py::new(py, Artifacts::new(core.clone()))?,
            arbitration: Py::new(py, Arbitration::new(core.clone()))?,
            stale: Py::new(py, Stale::new(core.clone()))?,
            core,
        })
    }

    #[getter]
    fn home(&self) -> PathBuf {
        match self.core.place() {
            Place::Memory => MEMORY.into(),
            Place::Folder(folder) => folder,
        }
    }

    #[getter]
    fn is_open(&self) -> bool {
        self.core.open_rooms().is_some()
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.core.clone();
        FLUSH.detach(py, || Ok(move || flush(&core)), |_, ()| Ok(()))
    }

    fn flush_async<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        let core = self.core.clone();
        FLUSH.offload(py, || Ok(move || flush(&core)), |py, ()| Ok(py.None()))
    }

    fn integrity(&self, py: Python<'_>) -> PyResult<String> {
        let core = self.core.clone();
        let work = move || core.rooms()?.home.integrity();
        INTEGRITY.detach(py, || Ok(work), |_, text| Ok(text))
    }

    fn integrity_async<'py>(&self, py: Python<'py>) -> Awaitable<'py> {
        let core = self.core.clone();
        let work = move || core.rooms()?.home.integrity();
        INTEGRITY.offload(
            py,
            || Ok(work),
            |py, text| Ok(text.into_pyobject(py)?.into_any().unbind()),
        )
    }
}

const MEMORY: &str = ":memory:";

fn place(home: PathBuf) -> Place {
    if home.as_os_str() == MEMORY {
        Place::Memory
    } else {
        Place::Folder(home)
    }
}

/// The home that the environment names, else `.symphony` in the current folder.
fn default_place() -> Place {
    match std::env::var_os("SYMPHONY_PIT_HOME") {
        Some(home) if !home.is_empty() => place(home.into()),
        _ => {
            let here = std::env::current_dir().unwrap_or_default();
            Place::Folder(here.join(".symphony"))
        }
    }
}

fn flush(core: &Core) -> Result<()> {
    match core.open_rooms() {
        Some(rooms) => rooms.home.flush(),
        None => Ok(()),
    }
}

/// The components of the home, for futures: opening it the first time blocks on the disk.
pub async fn rooms(core: &Arc<Core>) -> Result<Arc<Rooms>> {
    if let Some(rooms) = core.open_rooms() {
        return Ok(rooms);
    }
    let core = core.clone();
    blocking(move || core.rooms()).await
}
