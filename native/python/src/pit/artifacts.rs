//! `pit.artifacts`: content from Python into the store and back.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString};
use symphony_pit::artifacts::NewArtifact;
use symphony_pit::home::Staged;
use symphony_pit::{artifacts as core, PitError};

use super::convert::{id_from, id_to_py, object_from, shown};
use super::errors::Raise;
use super::home::{rooms, Core};
use super::operation::{operation, Operation};
use super::records;
use crate::aio;

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
    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (content, *, content_type = None, metadata = None, tags = None, parents = None, name = None))]
    fn store(
        &self,
        py: Python<'_>,
        content: &Bound<'_, PyAny>,
        content_type: Option<String>,
        metadata: Option<&Bound<'_, PyAny>>,
        tags: Option<&Bound<'_, PyAny>>,
        parents: Option<&Bound<'_, PyAny>>,
        name: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let core = self.core.clone();
        let read = || {
            let (content, new) = read_new(content, content_type, metadata, tags, parents, name)?;
            Ok(move || {
                let artifacts = &core.rooms()?.artifacts;
                artifacts.put(content.stage(artifacts)?, new)?.wait()
            })
        };
        STORE.detach(py, read, id_to_py)
    }

    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (content, *, content_type = None, metadata = None, tags = None, parents = None, name = None))]
    fn store_async<'py>(
        &self,
        py: Python<'py>,
        content: &Bound<'py, PyAny>,
        content_type: Option<String>,
        metadata: Option<&Bound<'py, PyAny>>,
        tags: Option<&Bound<'py, PyAny>>,
        parents: Option<&Bound<'py, PyAny>>,
        name: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let make = |_| {
            let (content, new) = read_new(content, content_type, metadata, tags, parents, name)?;
            Ok(async move {
                let artifacts = rooms(&core).await?.artifacts.clone();
                let staging = artifacts.clone();
                let task = aio::runtime().spawn_blocking(move || content.stage(&staging));
                let staged = match task.await {
                    Ok(staged) => staged?,
                    Err(ended) => std::panic::resume_unwind(ended.into_panic()),
                };
                let id = artifacts.put(staged, new)?.done().await?;
                Ok::<_, PitError>(id)
            })
        };
        STORE.spawn(py, make, id_to_py)
    }

    fn retrieve(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(RETRIEVE.op, "id", id)?;
            Ok(move || core.rooms()?.artifacts.retrieve(id))
        };
        RETRIEVE.detach(py, read, bytes_to_py)
    }

    fn retrieve_async<'py>(
        &self,
        py: Python<'py>,
        id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(RETRIEVE.op, "id", id)?;
            Ok(move || core.rooms()?.artifacts.retrieve(id))
        };
        RETRIEVE.offload(py, read, bytes_to_py)
    }

    fn metadata(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(METADATA.op, "id", id)?;
            Ok(move || core.rooms()?.artifacts.metadata(id))
        };
        METADATA.detach(py, read, records::artifact)
    }

    fn metadata_async<'py>(
        &self,
        py: Python<'py>,
        id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(METADATA.op, "id", id)?;
            Ok(move || core.rooms()?.artifacts.metadata(id))
        };
        METADATA.offload(py, read, records::artifact)
    }

    fn exists(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<bool> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(EXISTS.op, "id", id)?;
            Ok(move || core.rooms()?.artifacts.exists(id))
        };
        EXISTS.detach(py, read, |_, known| Ok(known))
    }

    fn exists_async<'py>(
        &self,
        py: Python<'py>,
        id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(EXISTS.op, "id", id)?;
            Ok(move || core.rooms()?.artifacts.exists(id))
        };
        EXISTS.offload(py, read, |py, known| {
            Ok(known.into_pyobject(py)?.to_owned().into_any().unbind())
        })
    }

    fn delete(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<u64> {
        let core = self.core.clone();
        let read = || {
            let id = id_from(DELETE.op, "id", id)?;
            Ok(move || core.rooms()?.artifacts.delete(id).wait())
        };
        DELETE.detach(py, read, |_, freed| Ok(freed))
    }

    fn delete_async<'py>(
        &self,
        py: Python<'py>,
        id: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = self.core.clone();
        let make = |_| {
            let id = id_from(DELETE.op, "id", id)?;
            Ok(async move { rooms(&core).await?.artifacts.delete(id).done().await })
        };
        DELETE.spawn(py, make, |py, freed| {
            Ok(freed.into_pyobject(py)?.into_any().unbind())
        })
    }
}

/// Content as it came from Python, readable without the GIL.
enum Content {
    Bytes(PyBackedBytes),
    Text(String),
    File(PathBuf),
}

impl Content {
    fn stage(&self, artifacts: &core::Artifacts) -> Result<Staged, PitError> {
        match self {
            Content::Bytes(bytes) => artifacts.stage(bytes),
            Content::Text(text) => artifacts.stage(text.as_bytes()),
            Content::File(path) => artifacts.stage_file(path),
        }
    }
}

fn read_content(content: &Bound<'_, PyAny>) -> PyResult<(Content, &'static str)> {
    const ALLOWED: &str = "bytes, any object with a buffer, str, or a path of a file (os.PathLike)";
    const BINARY: &str = "application/octet-stream";
    let py = content.py();
    let refuse = || {
        STORE
            .op
            .invalid("content", shown(content), ALLOWED)
            .raise(py)
    };
    if let Ok(text) = content.cast::<PyString>() {
        let text = text.to_cow().map_err(|_| {
            STORE
                .op
                .invalid(
                    "content",
                    "text with lone surrogates",
                    "text that UTF-8 can hold",
                )
                .raise(py)
        })?;
        return Ok((
            Content::Text(text.into_owned()),
            "text/plain; charset=utf-8",
        ));
    }
    if let Ok(bytes) = content.extract::<PyBackedBytes>() {
        return Ok((Content::Bytes(bytes), BINARY));
    }
    if content.hasattr("__fspath__")? {
        return Ok((Content::File(content.extract()?), BINARY));
    }
    let view = py
        .import("builtins")?
        .getattr("memoryview")?
        .call1((content,));
    let copy = view.map_err(|_| refuse())?.call_method0("tobytes")?;
    Ok((Content::Bytes(copy.extract()?), BINARY))
}

fn read_new(
    content: &Bound<'_, PyAny>,
    content_type: Option<String>,
    metadata: Option<&Bound<'_, PyAny>>,
    tags: Option<&Bound<'_, PyAny>>,
    parents: Option<&Bound<'_, PyAny>>,
    name: Option<String>,
) -> PyResult<(Content, NewArtifact)> {
    let op = STORE.op;
    let py = content.py();
    let (content, usual) = read_content(content)?;
    let tags = items(tags, "tags")?.into_iter().map(|tag| {
        let text = tag.cast::<PyString>();
        text.map(|text| text.to_string_lossy().into_owned())
            .map_err(|_| op.invalid("tags", shown(&tag), "texts").raise(py))
    });
    let tags = tags.collect::<PyResult<Vec<_>>>()?;
    let parents = items(parents, "parents")?
        .iter()
        .map(|parent| id_from(op, "parents", parent))
        .collect::<PyResult<Vec<_>>>()?;
    let new = NewArtifact {
        content_type: content_type.unwrap_or_else(|| usual.to_owned()),
        metadata: object_from(op, "metadata", metadata)?,
        tags,
        parents,
        name,
    };
    Ok((content, new))
}

/// The items of an iterable that is not a text: a text would be read letter by letter.
fn items<'py>(value: Option<&Bound<'py, PyAny>>, field: &str) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(Vec::new());
    };
    let refuse = || {
        STORE
            .op
            .invalid(field, shown(value), "a list")
            .raise(value.py())
    };
    if value.is_instance_of::<PyString>() {
        return Err(refuse());
    }
    value.try_iter().map_err(|_| refuse())?.collect()
}

fn bytes_to_py(py: Python<'_>, content: Vec<u8>) -> PyResult<Py<PyAny>> {
    Ok(PyBytes::new(py, &content).into_any().unbind())
}
