//! `pit.artifacts`: content from Python into the store and back.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::IntoPyObjectExt;
use symphony_pit::artifacts::{Artifact, Artifacts as Store};
use symphony_pit::{Op, PitError};
use uuid::Uuid;

use super::content::NewArtifactArgs;
use super::convert::{id_from, id_to_py};
use super::home::{rooms, Core};
use super::operation::{blocking, operation, Awaitable, Operation, Work};
use super::records;

static STORE: Operation = operation!("artifacts", "store");
static RETRIEVE: Operation = operation!("artifacts", "retrieve");
static METADATA: Operation = operation!("artifacts", "metadata");
static EXISTS: Operation = operation!("artifacts", "exists");
static DELETE: Operation = operation!("artifacts", "delete");

#[pyclass(frozen, module = "symphony_bridge.pit")]
pub struct Artifacts {
    core: Arc<Core>,
}

impl Artifacts {
    pub fn new(core: Arc<Core>) -> Artifacts {
        Artifacts { core }
    }
}

#[pymethods]
impl Artifacts {
    #[pyo3(signature = (content, *, content_type = None, metadata = None, tags = None, parents = None, name = None))]
    fn store(
        &self,
        content: &Bound<'_, PyAny>,
        content_type: Option<String>,
        metadata: Option<&Bound<'_, PyAny>>,
        tags: Option<&Bound<'_, PyAny>>,
        parents: Option<&Bound<'_, PyAny>>,
        name: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let given = NewArtifactArgs {
            content,
            content_type,
            metadata,
            tags,
            parents,
            name,
        };
        let core = self.core.clone();
        let read = || {
            let (content, new) = given.read(STORE.op)?;
            Ok(move || {
                let store = &core.rooms()?.artifacts;
                store.put(content.stage(store)?, new)?.wait()
            })
        };
        STORE.detach(content.py(), read, id_to_py)
    }

    #[pyo3(signature = (content, *, content_type = None, metadata = None, tags = None, parents = None, name = None))]
    fn store_async<'py>(
        &self,
        content: &Bound<'py, PyAny>,
        content_type: Option<String>,
        metadata: Option<&Bound<'py, PyAny>>,
        tags: Option<&Bound<'py, PyAny>>,
        parents: Option<&Bound<'py, PyAny>>,
        name: Option<String>,
    ) -> Awaitable<'py> {
        let given = NewArtifactArgs {
            content,
            content_type,
            metadata,
            tags,
            parents,
            name,
        };
        let core = self.core.clone();
        let make = |_| {
            let (content, new) = given.read(STORE.op)?;
            Ok(async move {
                let store = rooms(&core).await?.artifacts.clone();
                let staging = store.clone();
                let staged = blocking(move || content.stage(&staging)).await?;
                store.put(staged, new)?.done().await
            })
        };
        STORE.spawn(content.py(), make, id_to_py)
    }

    fn retrieve(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        RETRIEVE.detach(py, || self.content(id), bytes_to_py)
    }

    fn retrieve_async<'py>(&self, py: Python<'py>, id: &Bound<'_, PyAny>) -> Awaitable<'py> {
        RETRIEVE.offload(py, || self.content(id), bytes_to_py)
    }

    fn metadata(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        METADATA.detach(py, || self.description(id), records::artifact)
    }

    fn metadata_async<'py>(&self, py: Python<'py>, id: &Bound<'_, PyAny>) -> Awaitable<'py> {
        METADATA.offload(py, || self.description(id), records::artifact)
    }

    fn exists(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<bool> {
        EXISTS.detach(py, || self.presence(id), |_, known| Ok(known))
    }

    fn exists_async<'py>(&self, py: Python<'py>, id: &Bound<'_, PyAny>) -> Awaitable<'py> {
        EXISTS.offload(py, || self.presence(id), |py, known| known.into_py_any(py))
    }

    fn delete(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<u64> {
        DELETE.detach(py, || self.deletion(id), |_, freed| Ok(freed))
    }

    fn delete_async<'py>(&self, py: Python<'py>, id: &Bound<'_, PyAny>) -> Awaitable<'py> {
        let core = self.core.clone();
        let make = |_| {
            let id = id_from(DELETE.op, "id", id)?;
            Ok(async move { rooms(&core).await?.artifacts.delete(id).done().await })
        };
        DELETE.spawn(py, make, |py, freed| freed.into_py_any(py))
    }
}

impl Artifacts {
    fn content(&self, id: &Bound<'_, PyAny>) -> PyResult<impl Work<Vec<u8>>> {
        self.on(id, RETRIEVE.op, Store::retrieve)
    }

    fn description(&self, id: &Bound<'_, PyAny>) -> PyResult<impl Work<Artifact>> {
        self.on(id, METADATA.op, Store::metadata)
    }

    fn presence(&self, id: &Bound<'_, PyAny>) -> PyResult<impl Work<bool>> {
        self.on(id, EXISTS.op, Store::exists)
    }

    fn deletion(&self, id: &Bound<'_, PyAny>) -> PyResult<impl Work<u64>> {
        self.on(id, DELETE.op, |store, id| store.delete(id).wait())
    }

    /// `work` on the artifact of `id`.
    fn on<T: 'static>(
        &self,
        id: &Bound<'_, PyAny>,
        op: Op,
        work: fn(&Store, Uuid) -> Result<T, PitError>,
    ) -> PyResult<impl Work<T>> {
        let core = self.core.clone();
        let id = id_from(op, "id", id)?;
        Ok(move || work(&core.rooms()?.artifacts, id))
    }
}

fn bytes_to_py(py: Python<'_>, content: Vec<u8>) -> PyResult<Py<PyAny>> {
    Ok(PyBytes::new(py, &content).into_any().unbind())
}
