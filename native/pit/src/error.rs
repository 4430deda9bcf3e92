//! The one error family of the Pit: what went wrong, in which component and operation, which field was at fault, and
//! what to do next. Remembers the line in this crate that refused, and the error of Rust's that led to it. Knows no
//! Python: language bindings map `Kind` to their own classes and may carry an error of theirs as `foreign`.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use serde_json::Value as Json;
use symphony_abi::panics::Panic;

/// What family of built-in error this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An argument is of the right type but not allowed (zero, NaN, too large, unknown name of a choice, bad graph).
    Invalid,
    /// A well-formed id or name that names nothing.
    NotFound,
    /// The thing exists, but its state refuses this operation, or the name is taken.
    Conflict,
    /// A deadline passed.
    Timeout,
    /// It can never fit the memory limit.
    Capacity,
    /// Disk or database trouble.
    Storage,
    /// The home may not be read or written.
    Denied,
    /// Stored content is not what was stored.
    Damaged,
    /// A callable of the user (loader, step) failed.
    Failed,
    /// The caller or another one cancelled it.
    Cancelled,
    /// A fault of this crate.
    Internal,
}

impl Kind {
    /// The stable code, as every language shows it.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Invalid => "pit-invalid",
            Kind::NotFound => "pit-not-found",
            Kind::Conflict => "pit-conflict",
            Kind::Timeout => "pit-timeout",
            Kind::Capacity => "pit-capacity",
            Kind::Storage => "pit-storage",
            Kind::Denied => "pit-denied",
            Kind::Damaged => "pit-damaged",
            Kind::Failed => "pit-failed",
            Kind::Cancelled => "pit-cancelled",
            Kind::Internal => "pit-internal",
        }
    }
}

/// An error of another language, kept whole so that the binding can give it back.
pub type Foreign = Arc<dyn Any + Send + Sync>;

/// The error of Rust's that led to one of ours. Shared, because one failed commit is told to many.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why a callable of the user failed.
#[derive(Clone)]
pub struct Failure {
    pub message: String,
    pub foreign: Option<Foreign>,
    pub source: Option<Source>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            foreign: None,
            source: None,
        }
    }
}

/// What failed was not the callable but the Pit around it.
impl From<PitError> for Failure {
    fn from(error: PitError) -> Self {
        Failure {
            message: error.message().to_owned(),
            foreign: None,
            source: Some(Arc::new(error)),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Failure").field(&self.message).finish()
    }
}

/// Where an operation belongs; every constructor of errors hangs on it, so that none can forget to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op {
    pub component: &'static str,
    pub name: &'static str,
}

/// The operation `component.name`.
pub const fn op(component: &'static str, name: &'static str) -> Op {
    Op { component, name }
}

impl Op {
    /// `field` has a value that is not allowed; `allowed` says what is.
    #[track_caller]
    pub fn invalid(self, field: &str, value: impl Into<Json>, allowed: &str) -> PitError {
        let value = value.into();
        let shown = short(&value);
        self.error(Kind::Invalid, format!("{field} is {shown}: {allowed}"))
            .detail("field", field)
            .detail("value", value)
            .detail("allowed", allowed)
            .hint(&format!("give {field} as: {allowed}"))
    }

    /// `value` is well formed but names no `what`.
    #[track_caller]
    pub fn not_found(self, what: &str, value: impl fmt::Display) -> PitError {
        self.error(Kind::NotFound, format!("no {what} '{value}'"))
            .detail("field", what)
            .detail("value", value.to_string())
    }

    #[track_caller]
    pub fn error(self, kind: Kind, message: impl Into<String>) -> PitError {
        let place = Location::caller();
        PitError(Box::new(Inner {
            kind,
            op: self,
            message: message.into(),
            details: Vec::new(),
            hint: None,
            file: place.file().into(),
            line: place.line(),
            foreign: None,
            source: None,
        }))
    }

    /// A callable of the user failed: its error stays the cause.
    #[track_caller]
    pub fn failed(self, message: impl Into<String>, failure: Failure) -> PitError {
        let mut error = self.error(Kind::Failed, message);
        error.0.foreign = failure.foreign;
        error.0.source = failure.source;
        error
    }

    /// A fault of this crate: the line is the one that panicked, where that is known.
    #[track_caller]
    pub fn panicked(self, panic: &Panic) -> PitError {
        let message = format!("the Pit panicked: {}", panic.message);
        let mut error = self
            .error(Kind::Internal, message)
            .detail("panic", panic.message.as_str());
        if let Some((file, line)) = &panic.place {
            error.0.file = file.clone().into();
            error.0.line = *line;
        }
        error
    }
}

/// The error of every Pit operation. One pointer wide.
#[derive(Clone)]
pub struct PitError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    op: Op,
    message: String,
    details: Vec<(String, Json)>,
    hint: Option<String>,
    file: Cow<'static, str>,
    line: u32,
    foreign: Option<Foreign>,
    source: Option<Source>,
}

pub type Result<T> = std::result::Result<T, PitError>;

impl PitError {
    pub fn kind(&self) -> Kind {
        self.0.kind
    }
    pub fn op(&self) -> Op {
        self.0.op
    }
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// The field and value at fault, and what else helps.
    pub fn details(&self) -> &[(String, Json)] {
        &self.0.details
    }
    pub fn get_hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
    /// File and line of this crate that made the error.
    pub fn place(&self) -> (&str, u32) {
        (&self.0.file, self.0.line)
    }
    pub fn foreign(&self) -> Option<&Foreign> {
        self.0.foreign.as_ref()
    }

    pub fn detail(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.0.details.push((key.to_owned(), value.into()));
        self
    }
    pub fn hint(mut self, hint: &str) -> Self {
        self.0.hint = Some(hint.to_owned());
        self
    }
    /// Keeps the error of Rust's that led to this one.
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }
    /// Says which public operation an error of shared machinery (the home) belongs to.
    pub fn of(mut self, op: Op) -> Self {
        self.0.op = op;
        self
    }
}

impl fmt::Display for PitError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}.{}: {}",
            self.0.op.component, self.0.op.name, self.0.message
        )?;
        match &self.0.hint {
            Some(hint) => write!(out, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for PitError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = self.place();
        write!(out, "{self} [{}, {file}:{line}]", self.0.kind.code())
    }
}

impl std::error::Error for PitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

fn short(value: &Json) -> String {
    let text = value.to_string();
    if text.chars().count() <= 80 {
        return text;
    }
    text.chars().take(77).chain("...".chars()).collect()
}
