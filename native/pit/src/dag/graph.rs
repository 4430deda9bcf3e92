//! Definition of a workflow and its validation. Pure. Validation collects every error; nothing here recurses, so a chain
//! of any length is safe.

use std::collections::{BTreeSet, HashMap};

use serde_json::{json, Map, Value as Json};

use crate::error::{Kind, Op, PitError, Result};

/// The one built-in kind of step: a callable of the host language.
pub const CALLABLE: &str = "callable";

/// What becomes of the run when a step has failed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The run fails; running steps are cancelled.
    Fail,
    /// The step counts as skipped: what depends hard on it is skipped too, the rest goes on.
    Skip,
}

#[derive(Debug, Clone)]
pub struct StepSpec {
    pub name: String,
    pub kind: String,
    pub configuration: Map<String, Json>,
    pub on_failure: OnFailure,
    /// How often a failed step is tried again at once.
    pub retries: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyKind {
    /// Runs only when the upstream step has completed; skipped otherwise.
    Hard,
    /// Waits until the upstream step has ended in any way; its result is an input when it completed.
    Soft,
    /// As soft, and the upstream step need not exist.
    Optional,
}

#[derive(Debug, Clone)]
pub struct Dependency {
    pub from: String,
    pub to: String,
    pub kind: DependencyKind,
}

#[derive(Debug, Clone)]
pub struct Definition {
    pub name: String,
    pub version: String,
    pub steps: Vec<StepSpec>,
    pub dependencies: Vec<Dependency>,
}

/// One thing that is wrong, or odd, with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `cycle`, `unknown-step`, `self-edge`, `duplicate-step`, `duplicate-edge`, `bad-kind`, `bad-name`, `empty`, `orphan`.
    pub code: &'static str,
    pub message: String,
    /// The steps concerned; for a cycle its path, the first step again at the end.
    pub steps: Vec<String>,
}

/// A valid definition, ready to run.
#[derive(Debug)]
pub struct Plan {
    /// By step: (upstream step, kind).
    pub upstream: Vec<Vec<(usize, DependencyKind)>>,
    pub downstream: Vec<Vec<usize>>,
    /// What is odd but not wrong.
    pub warnings: Vec<Problem>,
}

/// Checks the whole definition; all errors come in one `PitError`, in `details` under `problems`.
pub fn validate(op: Op, definition: &Definition) -> Result<Plan> {
    let mut check = Check::new(definition);
    check.names();
    check.edges();
    check.cycles();
    if check.problems.is_empty() {
        return Ok(check.into_plan());
    }
    Err(refusal(op, definition, &check.problems))
}

fn refusal(op: Op, definition: &Definition, problems: &[Problem]) -> PitError {
    let lines: Vec<&str> = problems
        .iter()
        .map(|problem| problem.message.as_str())
        .take(5)
        .collect();
    let more = problems.len().saturating_sub(5);
    let tail = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    let listed: Vec<Json> =
        problems.iter().map(|problem| json!({ "code": problem.code, "message": problem.message, "steps": problem.steps })).collect();
    op.error(
        Kind::Invalid,
        format!(
            "workflow '{}' has {} problem(s): {}{tail}",
            definition.name,
            problems.len(),
            lines.join("; ")
        ),
    )
    .detail("field", "steps")
    .detail("problems", listed)
    .hint("details['problems'] lists all of them")
}

struct Check<'a> {
    definition: &'a Definition,
    index: HashMap<&'a str, usize>,
    upstream: Vec<Vec<(usize, DependencyKind)>>,
    downstream: Vec<Vec<usize>>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn new(definition: &'a Definition) -> Check<'a> {
        let count = definition.steps.len();
        Check {
            definition,
            index: HashMap::with_capacity(count),
            upstream: vec![Vec::new(); count],
            downstream: vec![Vec::new(); count],
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn report(&mut self, code: &'static str, message: String, steps: &[&str]) {
        self.problems.push(Problem {
            code,
            message,
            steps: steps.iter().map(|&step| step.to_owned()).collect(),
        });
    }

    fn names(&mut self) {
        let definition = self.definition;
        if definition.name.trim().is_empty() || definition.version.trim().is_empty() {
            self.report(
                "bad-name",
                "name and version of a workflow must not be empty".into(),
                &[],
            );
        }
        if definition.steps.is_empty() {
            self.report("empty", "there is no step".into(), &[]);
        }
        for (position, step) in definition.steps.iter().enumerate() {
            let name = step.name.as_str();
            if name.trim().is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
                self.report(
                    "bad-name",
                    format!(
                        "step {}: a name is 1 to 200 bytes of text without control characters",
                        position + 1
                    ),
                    &[name],
                );
            }
            if step.kind != CALLABLE {
                self.report(
                    "bad-kind",
                    format!(
                        "step '{name}' is of the unknown kind '{}': only '{CALLABLE}' is known",
                        step.kind
                    ),
                    &[name],
                );
            }
            if self.index.contains_key(name) {
                self.report(
                    "duplicate-step",
                    format!("step '{name}' is defined twice"),
                    &[name],
                );
            } else {
                self.index.insert(name, position);
            }
        }
    }

    fn edges(&mut self) {
        let definition = self.definition;
        let mut seen = BTreeSet::new();
        for edge in &definition.dependencies {
            let (from, to) = (edge.from.as_str(), edge.to.as_str());
            if from == to {
                self.report(
                    "self-edge",
                    format!("step '{from}' depends on itself"),
                    &[from],
                );
                continue;
            }
            let ends = (self.index.get(from).copied(), self.index.get(to).copied());
            if ends.1.is_none() {
                self.report(
                    "unknown-step",
                    format!("'{to}', which depends on '{from}', is not a step"),
                    &[to],
                );
            }
            if ends.0.is_none() {
                let message = format!("step '{to}' depends on '{from}', which is not a step");
                if edge.kind != DependencyKind::Optional {
                    self.report("unknown-step", message, &[from]);
                }
            }
            let (Some(upper), Some(lower)) = ends else {
                continue;
            };
            if !seen.insert((upper, lower)) {
                self.report(
                    "duplicate-edge",
                    format!("step '{to}' depends on '{from}' twice"),
                    &[from, to],
                );
                continue;
            }
            self.upstream[lower].push((upper, edge.kind));
            self.downstream[upper].push(lower);
        }
    }

    /// Takes steps away from the front until none is left; what remains has cycles, one of which is reported per knot.
    fn cycles(&mut self) {
        let count = self.upstream.len();
        let mut waiting: Vec<usize> = self.upstream.iter().map(Vec::len).collect();
        let mut free: Vec<usize> = (0..count).filter(|&step| waiting[step] == 0).collect();
        let mut gone = vec![false; count];
        while let Some(step) = free.pop() {
            gone[step] = true;
            for &next in &self.downstream[step] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    free.push(next);
                }
            }
        }
        let mut seen = gone.clone();
        for start in 0..count {
            if seen[start] {
                continue;
            }
            // Every step that is left has an upstream step that is left: walking up must come round.
            let mut path = Vec::new();
            let mut place = HashMap::new();
            let mut step = start;
            let closed = loop {
                if let Some(&at) = place.get(&step) {
                    break Some(at);
                }
                if seen[step] {
                    break None;
                }
                place.insert(step, path.len());
                path.push(step);
                match self.upstream[step]
                    .iter()
                    .map(|edge| edge.0)
                    .find(|&upper| !gone[upper])
                {
                    Some(upper) => step = upper,
                    None => break None,
                }
            };
            for &step in &path {
                seen[step] = true;
            }
            if let Some(at) = closed {
                // Collected from below to above; told in the direction of the work, from the first defined step on.
                let mut round: Vec<usize> = path[at..].iter().rev().copied().collect();
                let first = (0..round.len())
                    .min_by_key(|&place| round[place])
                    .unwrap_or(0);
                round.rotate_left(first);
                let mut names: Vec<&str> = round
                    .iter()
                    .map(|&step| self.definition.steps[step].name.as_str())
                    .collect();
                names.push(names[0]);
                self.report(
                    "cycle",
                    format!(
                        "the steps depend on each other in a circle: {}",
                        names.join(" → ")
                    ),
                    &names.clone(),
                );
            }
        }
    }

    fn into_plan(mut self) -> Plan {
        // Steps of which none depends on any other are meant so.
        if self.upstream.iter().any(|upper| !upper.is_empty()) {
            for (position, step) in self.definition.steps.iter().enumerate() {
                if self.upstream[position].is_empty() && self.downstream[position].is_empty() {
                    let message = format!("step '{}' is not connected to any other", step.name);
                    self.warnings.push(Problem {
                        code: "orphan",
                        message,
                        steps: vec![step.name.clone()],
                    });
                }
            }
        }
        Plan {
            upstream: self.upstream,
            downstream: self.downstream,
            warnings: self.warnings,
        }
    }
}

impl DependencyKind {
    pub fn read(op: Op, text: &str) -> Result<DependencyKind> {
        Ok(match text {
            "hard" => DependencyKind::Hard,
            "soft" => DependencyKind::Soft,
            "optional" => DependencyKind::Optional,
            _ => return Err(op.invalid("kind", text, "one of hard, soft, optional")),
        })
    }
    pub fn name(self) -> &'static str {
        match self {
            DependencyKind::Hard => "hard",
            DependencyKind::Soft => "soft",
            DependencyKind::Optional => "optional",
        }
    }
}

impl OnFailure {
    pub fn read(op: Op, text: &str) -> Result<OnFailure> {
        Ok(match text {
            "fail" => OnFailure::Fail,
            "skip" => OnFailure::Skip,
            _ => return Err(op.invalid("on_failure", text, "one of fail, skip")),
        })
    }
    pub fn name(self) -> &'static str {
        match self {
            OnFailure::Fail => "fail",
            OnFailure::Skip => "skip",
        }
    }
}

impl Definition {
    /// The form kept in the home.
    pub fn to_json(&self) -> Json {
        let steps: Vec<Json> = self
            .steps
            .iter()
            .map(|step| json!({ "name": step.name, "kind": step.kind, "configuration": step.configuration, "on_failure": step.on_failure.name(), "retries": step.retries }))
            .collect();
        let edges: Vec<Json> = self
            .dependencies
            .iter()
            .map(|edge| json!({ "from": edge.from, "to": edge.to, "kind": edge.kind.name() }))
            .collect();
        json!({ "name": self.name, "version": self.version, "steps": steps, "dependencies": edges })
    }
}
