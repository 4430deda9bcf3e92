//! Reads what Python gives the store: the content itself, and what is said about it.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyString;
use symphony_pit::artifacts::{Artifacts, NewArtifact};
use symphony_pit::home::Staged;
use symphony_pit::{Op, PitError};

use super::convert::{id_from, items_from, object_from, shown, text_from};
use super::errors::Raise;

/// The arguments of `store`.
pub struct NewArtifactArgs<'a, 'py> {
    pub content: &'a Bound<'py, PyAny>,
    pub content_type: Option<String>,
    pub metadata: Option<&'a Bound<'py, PyAny>>,
    pub tags: Option<&'a Bound<'py, PyAny>>,
    pub parents: Option<&'a Bound<'py, PyAny>>,
    pub name: Option<String>,
}

impl NewArtifactArgs<'_, '_> {
    pub fn read(self, op: Op) -> PyResult<(Content, NewArtifact)> {
        let (content, usual) = read_content(op, self.content)?;
        let tags = items(op, "tags", self.tags)?
            .iter()
            .map(|tag| text_from(op, "tags", tag, "texts"))
            .collect::<PyResult<Vec<_>>>()?;
        let parents = items(op, "parents", self.parents)?
            .iter()
            .map(|parent| id_from(op, "parents", parent))
            .collect::<PyResult<Vec<_>>>()?;
        let new = NewArtifact {
            content_type: self.content_type.unwrap_or_else(|| usual.to_owned()),
            metadata: object_from(op, "metadata", self.metadata)?,
            tags,
            parents,
            name: self.name,
        };
        Ok((content, new))
    }
}

/// Content as it came from Python, readable without the GIL.
pub enum Content {
    Bytes(PyBackedBytes),
    Text(String),
    File(PathBuf),
}

impl Content {
    pub fn stage(&self, store: &Artifacts) -> Result<Staged, PitError> {
        match self {
            Content::Bytes(bytes) => store.stage(bytes),
            Content::Text(text) => store.stage(text.as_bytes()),
            Content::File(path) => store.stage_file(path),
        }
    }
}

/// The content, and its type when nothing else is said.
fn read_content(op: Op, content: &Bound<'_, PyAny>) -> PyResult<(Content, &'static str)> {
    const ALLOWED: &str = "bytes, any object with a buffer, str, or a path of a file (os.PathLike)";
    const BINARY: &str = "application/octet-stream";
    const TEXT: &str = "text/plain; charset=utf-8";
    let py = content.py();
    if let Ok(text) = content.cast::<PyString>() {
        let text = text.to_cow().map_err(|_| {
            let value = "text with lone surrogates";
            op.invalid("content", value, "text that UTF-8 can hold")
                .raise(py)
        })?;
        return Ok((Content::Text(text.into_owned()), TEXT));
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
    let view = view.map_err(|_| op.invalid("content", shown(content), ALLOWED).raise(py))?;
    let copy = view.call_method0("tobytes")?;
    Ok((Content::Bytes(copy.extract()?), BINARY))
}

fn items<'py>(
    op: Op,
    field: &str,
    value: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    match value.filter(|value| !value.is_none()) {
        None => Ok(Vec::new()),
        Some(value) => items_from(op, field, value, "a list"),
    }
}
