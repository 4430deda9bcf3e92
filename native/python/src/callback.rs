//! Calls from Python to JavaScript on the thread that runs both: no queue and no wait.
//!
//! Threads: the JavaScript thread, inside a synchronous call; JavaScript runs without the GIL and
//! may call Python again, to any depth. Must not know C pointers: `js` does.

use std::cell::Cell;
use std::rc::Rc;

use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use symphony_core::pack::PackBuf;
use symphony_core::recorder::{self, Lang, SpanId};

use crate::codec;
use crate::errors;
use crate::host_calls::Callee;
use crate::js::{Answered, JsThread};
use crate::refs::{Arrivals, BridgeRefs, Given};
use crate::session;
use crate::site;

/// Runs the JavaScript function and gives its result. A promise is an error: nothing could settle it
/// while this thread is here.
pub fn call(
    py: Python<'_>,
    thread: &JsThread,
    callee: &Callee<'_>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
    site: &str,
    parent: SpanId,
) -> PyResult<Py<PyAny>> {
    if session::is_closed() {
        return Err(errors::closed());
    }
    let mut exchange = Exchange::take();
    let given = Given::begin(py);
    callee.pack(py, args, kwargs, &mut exchange.call)?;
    exchange.call.none();
    let crossing = Crossing::begin(callee.name, site, parent);
    let Exchange { call, reply } = &mut *exchange;
    let span = crossing.span;
    given.sent_from(|| known_or_here(py, site));
    let answered = py.detach(|| thread.call(callee.handle, span, call, reply));
    let arrivals = Arrivals::begin(py);
    let outcome = read(py, answered, &exchange.reply);
    arrivals.at_from(|| known_or_here(py, site));
    exchange.give_back();
    if let Err(error) = &outcome {
        if recorder::is_open() {
            recorder::error(span, &errors::title(py, error));
        }
    }
    outcome
}

/// The calling line: known where crossings are recorded, looked for where a handle was made.
fn known_or_here(py: Python<'_>, site: &str) -> Rc<str> {
    if site.is_empty() {
        site::text(py)
    } else {
        site.into()
    }
}

fn read(py: Python<'_>, answered: Answered, reply: &PackBuf) -> PyResult<Py<PyAny>> {
    match answered {
        Answered::None => Ok(py.None()),
        Answered::Value => codec::decode(py, &reply.view(), &BridgeRefs),
        Answered::Error => {
            let description = codec::decode(py, &reply.view(), &BridgeRefs)?;
            Err(errors::rebuild(py, description.bind(py)))
        }
        Answered::Exhausted => Err(PyRecursionError::new_err(
            "the calls between JavaScript and Python have used up JavaScript's stack",
        )),
        Answered::Gone => Err(errors::closed()),
    }
}

/// The crossing's span, ended when dropped.
struct Crossing {
    span: SpanId,
}

impl Crossing {
    fn begin(name: &str, site: &str, parent: SpanId) -> Self {
        if !recorder::is_open() {
            return Self { span: 0 };
        }
        let parent = if parent == 0 {
            recorder::current()
        } else {
            parent
        };
        let name = recorder::intern(name, site, "");
        Self {
            span: recorder::begin_child(parent, name, Lang::TypeScript),
        }
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        if self.span != 0 {
            recorder::end(self.span);
        }
    }
}

/// Memory of one callback, kept for the next one of the thread.
#[derive(Default)]
struct Exchange {
    call: PackBuf,
    reply: PackBuf,
}

/// Larger memory is not kept; elements.
const KEEP: usize = 1 << 16;

thread_local! {
    static EXCHANGE: Cell<Option<Box<Exchange>>> = const { Cell::new(None) };
}

impl Exchange {
    /// Taken out for the time of a call: a call inside a call makes its own.
    fn take() -> Box<Self> {
        let mut exchange = EXCHANGE.take().unwrap_or_default();
        exchange.call.clear();
        exchange.reply.clear();
        exchange
    }

    fn give_back(self: Box<Self>) {
        let is_large = |pack: &PackBuf| {
            pack.ops.capacity() + pack.nums.capacity() + pack.chars.capacity() > KEEP
                || !pack.segments.is_empty()
        };
        if !is_large(&self.call) && !is_large(&self.reply) {
            EXCHANGE.set(Some(self));
        }
    }
}
