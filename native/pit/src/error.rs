//! The one error family of the Pit: what went wrong, in which component and operation, which field was at fault, and
//! what to do next. Remembers the line in this crate that refused. Knows no Python: language bindings map `Kind`
//! to their own classes and may carry a foreign error in `cause`.

use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use serde_json::Value as Json;

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

/// Why a callable of the user failed.
#[derive(Clone)]
pub struct Failure {
    pub message: String,
    pub foreign: Option<Foreign>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            foreign: None,
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
        PitError(Box::new(Inner {
            kind,
            op: self,
            message: message.into(),
            details: Vec::new(),
            hint: None,
            location: Location::caller(),
            foreign: None,
        }))
    }

    /// A callable of the user failed: its error stays the cause.
    #[track_caller]
    pub fn failed(self, message: impl Into<String>, failure: Failure) -> PitError {
        let mut error = self.error(Kind::Failed, message);
        error.0.foreign = failure.foreign;
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
    location: &'static Location<'static>,
    foreign: Option<Foreign>,
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
    /// The line of this crate that made the error.
    pub fn location(&self) -> &'static Location<'static> {
        self.0.location
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
        write!(out, "{self} [{}, {}]", self.0.kind.code(), self.0.location)
    }
}

impl std::error::Error for PitError {}

fn short(value: &Json) -> String {
    let text = value.to_string();
    if text.chars().count() <= 80 {
        return text;
    }
    text.chars().take(77).chain("...".chars()).collect()
}
