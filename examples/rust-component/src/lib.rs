//! A component for Conductor scripts: an index of the words in source files.
//!
//! It shows everything that a component can do: records that cross as dataclasses, operations that block
//! and operations that are awaited, a Python function and a coroutine that Rust calls, errors with fields.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use pyo3::prelude::*;
use symphony_sdk::{add_record, block, operation, Context, Error, PythonFunction, Record, Result};

/// A line that was found.
#[derive(Record, Clone)]
struct Hit {
    path: PathBuf,
    line: u32,
    text: String,
}

/// What to look for.
#[derive(Record)]
enum Query {
    /// The whole word.
    Word(String),
    /// Any word that begins so.
    Prefix(String),
    /// Both words, at most so many lines apart.
    Near {
        first: String,
        second: String,
        lines: u32,
    },
}

/// In which order hits come.
#[derive(Record)]
enum Order {
    File,
    Shortest,
}

/// Where each word stands.
#[derive(Default)]
struct Words {
    hits: Vec<Hit>,
    /// Numbers of hits.
    of_word: BTreeMap<String, Vec<usize>>,
}

/// The index. Any number of calls may be under way at once.
#[pyclass(frozen)]
#[derive(Default)]
struct Index(Arc<RwLock<Words>>);

#[pymethods]
impl Index {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Reads all Python files of a folder; calls `progress(done, total)` now and then. Returns how many.
    /// Awaitable: cancelling it stops the reading.
    fn add<'py>(
        &self,
        py: Python<'py>,
        folder: PathBuf,
        progress: Option<PythonFunction>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let words = self.0.clone();
        operation!("add").spawn(py, async move {
            let files = python_files(&folder)?;
            for (number, file) in files.iter().cloned().enumerate() {
                let words = words.clone();
                // Off the threads that run futures: reading and splitting take their time.
                block(move |_| read_file(file, &words)).await?;
                if let Some(progress) = progress.as_ref().filter(|_| number % 20 == 0) {
                    progress.run((number + 1, files.len())).await?;
                }
            }
            Ok(files.len())
        })
    }

    /// Finds what the query asks for. Blocks, without the GIL.
    #[pyo3(signature = (query, order = Order::File))]
    fn search(&self, py: Python<'_>, query: Query, order: Order) -> PyResult<Vec<Hit>> {
        operation!("search").detach(py, || Ok(ordered(find(&self.read(), &query)?, &order)))
    }

    /// Asks the coroutine function `judge(hit)` for a number for each hit, and returns the best hit.
    fn best<'py>(
        &self,
        py: Python<'py>,
        query: Query,
        judge: PythonFunction,
    ) -> PyResult<Bound<'py, PyAny>> {
        let hits = find(&self.read(), &query);
        operation!("best").spawn(py, async move {
            let mut best: Option<(f64, Hit)> = None;
            for hit in hits? {
                let score: f64 = judge
                    .call((hit.clone(),))
                    .await
                    .context("the judge failed")?;
                if best.as_ref().is_none_or(|(highest, _)| score > *highest) {
                    best = Some((score, hit));
                }
            }
            Ok(best.map(|(_, hit)| hit))
        })
    }
}

impl Index {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Words> {
        self.0.read().expect("a reader of files has panicked")
    }
}

fn python_files(folder: &PathBuf) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).context("the folder cannot be read");
    let entries = entries.map_err(|error| error.with("folder", folder.clone()))?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "py"));
    files.sort();
    Ok(files)
}

fn read_file(path: PathBuf, words: &RwLock<Words>) -> Result<()> {
    let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
    let mut words = words.write().expect("a reader of files has panicked");
    for (line, text) in (1..).zip(text.lines()) {
        let number = words.hits.len();
        let (path, text) = (path.clone(), text.trim().to_owned());
        for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
            words
                .of_word
                .entry(word.to_owned())
                .or_default()
                .push(number);
        }
        words.hits.push(Hit { path, line, text });
    }
    Ok(())
}

fn find(words: &Words, query: &Query) -> Result<Vec<Hit>> {
    let _span = operation!("look up").span();
    let of = |word: &str| words.of_word.get(word).into_iter().flatten().copied();
    let mut numbers: Vec<usize> = match query {
        Query::Word(word) | Query::Prefix(word) if word.is_empty() => {
            return Err(Error::new("the query is empty").hint("Look for a word."));
        }
        Query::Word(word) => of(word).collect(),
        Query::Prefix(prefix) => {
            let from_prefix = words.of_word.range(prefix.clone()..);
            let matching = from_prefix.take_while(|(word, _)| word.starts_with(prefix));
            matching.flat_map(|(_, numbers)| numbers).copied().collect()
        }
        Query::Near {
            first,
            second,
            lines,
        } => {
            let is_near = |a: &Hit, b: &Hit| a.path == b.path && a.line.abs_diff(b.line) <= *lines;
            let others: Vec<_> = of(second).map(|number| &words.hits[number]).collect();
            of(first)
                .filter(|n| others.iter().any(|hit| is_near(&words.hits[*n], hit)))
                .collect()
        }
    };
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers
        .into_iter()
        .map(|number| words.hits[number].clone())
        .collect())
}

fn ordered(mut hits: Vec<Hit>, order: &Order) -> Vec<Hit> {
    match order {
        Order::File => hits.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line))),
        Order::Shortest => hits.sort_by_key(|hit| hit.text.len()),
    }
    hits
}

#[pymodule]
fn text_index(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_record::<Hit>(module)?;
    add_record::<Query>(module)?;
    add_record::<Order>(module)?;
    module.add_class::<Index>()
}
