//! What the trace says about one crossing: its name, who calls, what is called.
//!
//! Threads: needs the GIL to look at Python objects; interning does not.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use symphony_core::recorder::{self, NameId};
use symphony_core::sites;

/// Name and both ends of a crossing; the ends are `file:line` or empty.
pub struct Crossing {
    pub name: String,
    pub caller: String,
    pub callee: String,
}

impl Crossing {
    /// A call of `callable`: the callee is where its code begins, when it is written in Python.
    pub fn of_callable(name: String, caller: &str, callable: &Bound<'_, PyAny>) -> Self {
        let callee = if recorder::is_open() {
            source_of(callable).unwrap_or_default()
        } else {
            String::new()
        };
        Self {
            name,
            caller: caller.to_owned(),
            callee,
        }
    }

    /// The crossing's number in the trace; 0 when nothing is recorded.
    pub fn intern(&self) -> NameId {
        if !recorder::is_open() {
            return 0;
        }
        recorder::intern(&self.name, &self.caller, &self.callee)
    }
}

/// What runs a script, with the script's path as its first argument.
const RUNNERS: [&str; 2] = [
    "symphony_bridge._runner.run_script",
    "symphony_bridge._debug.run_script",
];

/// What people call the crossing: the run of a script by its file, everything else by its own name.
pub fn title(name: String, args: &Bound<'_, PyTuple>) -> String {
    if !RUNNERS.contains(&name.as_str()) {
        return name;
    }
    let script = args.get_item(0).and_then(|path| path.extract::<String>());
    match script.as_deref().map(|path| Path::new(path).file_name()) {
        Ok(Some(file)) => format!("run {}", file.to_string_lossy()),
        _ => name,
    }
}

/// The number of a call of `callable` in the trace; 0, and nothing done for it, when nothing is recorded.
pub fn name_of(name: String, caller: &str, callable: &Bound<'_, PyAny>) -> NameId {
    if !recorder::is_open() {
        return 0;
    }
    // Looking at the callable and interning texts takes longer than the rest of a call.
    let key = (
        callable.as_ptr() as usize,
        hash_of(caller),
        hash_of(&name) as u32,
    );
    sites::cached(key, || {
        Crossing::of_callable(name, caller, callable).intern()
    })
}

fn hash_of(text: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish() as usize
}

fn source_of(callable: &Bound<'_, PyAny>) -> Option<String> {
    let function = callable.getattr("__func__").unwrap_or(callable.clone());
    let code = function.getattr("__code__").ok()?;
    let file: String = code.getattr("co_filename").ok()?.extract().ok()?;
    let line: u32 = code.getattr("co_firstlineno").ok()?.extract().ok()?;
    Some(format!("{file}:{line}"))
}
