//! Synchronous calls from JavaScript: one thread, one span, no queue.
//!
//! Threads: the JavaScript thread with the GIL held. A coroutine runs on the conductor's event loop,
//! and the JavaScript thread answers what it asks of JavaScript meanwhile. Must not know C pointers: the table does.

use pyo3::prelude::*;
use symphony_core::pack::{PackBuf, PackView};
use symphony_core::recorder::{self, Lang, NameId, SpanId};

use crate::codec::{self, CallPayload, Exactness};
use crate::crossing;
use crate::dispatch;
use crate::errors;
use crate::objects;
use crate::refs::{Arrivals, BridgeRefs, Given};
use crate::resolve::resolve;
use crate::session;

/// Calls Python with a packed call and packs the result, as exact as that is asked for, into `reply`.
pub fn run(
    py: Python<'_>,
    target: u32,
    parent: SpanId,
    exactness: Exactness,
    call: &PackView<'_>,
    reply: &mut PackBuf,
) -> PyResult<()> {
    if session::is_closed() {
        return Err(errors::closed());
    }
    let arrivals = Arrivals::begin(py);
    let (request, views) = codec::decode_call_lending(py, call, &BridgeRefs)?;
    arrivals.at(request.site.as_deref().unwrap_or_default());
    if views.is_empty() {
        let result = awaited(run_request(py, target, parent, request)?, parent)?;
        return giving(py, || {
            codec::encode_as(&result, reply, &BridgeRefs, "result", exactness)
        });
    }
    // Whatever happens, the memory is taken back.
    let packed = session::guarded(py, "callSync", || {
        let result = awaited(run_request(py, target, parent, request)?, parent)?;
        // The result may be a view itself, or made of one: nothing of it may stay.
        giving(py, || {
            codec::encode_apart(&result, reply, &BridgeRefs, "result", exactness)
        })
    });
    views.settle(py, packed)
}

/// Calls a handle itself without arguments. What it gives may still have to be waited for: see [`finish`].
#[inline]
pub fn bare(py: Python<'_>, target: u32, parent: SpanId) -> PyResult<Bound<'_, PyAny>> {
    if session::is_closed() {
        return Err(errors::closed());
    }
    let (callable, name) = objects::callable(py, target)?;
    // Bound from here on: it is dropped without asking who holds the GIL.
    let callable = callable.into_bound(py);
    let result = traced(py, name, parent, || callable.call0())?;
    leave_fork();
    Ok(result)
}

/// Packs what [`bare`] gave.
pub fn finish(result: Bound<'_, PyAny>, parent: SpanId, reply: &mut PackBuf) -> PyResult<()> {
    let py = result.py();
    let result = awaited(result, parent)?;
    giving(py, || codec::encode(&result, reply, &BridgeRefs, "result"))
}

/// Packs a result. What was given out for one that cannot be packed is taken back.
fn giving(py: Python<'_>, encode: impl FnOnce() -> PyResult<()>) -> PyResult<()> {
    let given = Given::begin(py);
    encode()?;
    given.sent("");
    Ok(())
}

/// The result of a call, waited for where it is awaitable.
fn awaited(result: Bound<'_, PyAny>, parent: SpanId) -> PyResult<Bound<'_, PyAny>> {
    leave_fork();
    match dispatch::is_awaitable(&result) {
        true => Ok(dispatch::wait_for(&result, parent)?.into_bound(result.py())),
        false => Ok(result),
    }
}

/// A call that has forked goes on in the fork, too: it must not return into a second JavaScript.
#[inline]
fn leave_fork() {
    if session::is_forked() {
        // SAFETY: ends the process; nothing runs after it.
        unsafe { libc::_exit(0) };
    }
}

fn run_request<'py>(
    py: Python<'py>,
    target: u32,
    parent: SpanId,
    request: CallPayload<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let kwargs = request.kwargs.as_ref();
    if target != 0 && request.name.is_none() {
        let (callable, name) = objects::callable(py, target)?;
        return traced(py, name, parent, || {
            callable.bind(py).call(request.args, kwargs)
        });
    }
    let site = request.site.as_deref().unwrap_or_default();
    let resolved = resolve(py, target, request.name.as_deref(), recorder::is_open())?;
    let callable = resolved.callable;
    let name = crossing::name_of(resolved.name, site, &callable);
    let args = resolved.args.unwrap_or(request.args);
    traced(py, name, parent, || callable.call(args, kwargs))
}

#[inline]
fn traced<'py>(
    py: Python<'py>,
    name: NameId,
    parent: SpanId,
    call: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let _outer = recorder::enter(parent);
    let span = recorder::begin(name, Lang::Python);
    let outcome = call();
    if let Err(error) = &outcome {
        span.fail(&errors::title(py, error));
    }
    outcome
}
