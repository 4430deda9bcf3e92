//! Spans and marks: what callers record.
//!
//! Two ways to be in a span. A scope of one thread: [`begin`] … end, which makes it the thread's current parent.
//! Work that wanders (asyncio tasks, Tokio futures, calls answered later): [`begin_child`], [`enter`] while it runs, [`end`]
//! from any thread. Threads: any. Must not know: rings and files.

use super::layout::*;
use super::ring::{self, Event};
use super::{strings, NameId, SpanId};
use std::marker::PhantomData;

/// A span that is the calling thread's current parent; ends when dropped.
#[must_use = "the span ends when this is dropped"]
#[derive(Debug)]
pub struct Span {
    id: SpanId,
    thread_bound: PhantomData<*const ()>,
}

impl Span {
    /// The span's identity, 0 when nothing is recorded.
    #[inline]
    pub fn id(&self) -> SpanId {
        self.id
    }

    /// Marks the span as failed; it still has to end.
    pub fn fail(&self, message: &str) {
        error(self.id, message);
    }

    /// Ends the span now.
    #[inline]
    pub fn end(self) {}
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        end(self.id);
    }
}

/// Makes a wandering span the calling thread's current parent until dropped (one poll, one callback).
#[must_use = "the span is current until this is dropped"]
#[derive(Debug)]
pub struct Entered {
    span: SpanId,
    thread_bound: PhantomData<*const ()>,
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        leave(self.span);
    }
}

/// Begins a span below the thread's current one and makes it current. `lang` is the callee's language.
#[inline]
pub fn begin(name: NameId, lang: Lang) -> Span {
    Span {
        id: begin_raw(name, lang),
        thread_bound: PhantomData,
    }
}

/// [`begin`] for callers that cannot hold a guard (the C table): end it with [`end`] on the same thread.
#[inline]
pub fn begin_raw(name: NameId, lang: Lang) -> SpanId {
    ring::with(|local, mapping| {
        let span = local.new_span();
        let parent = local.current();
        local.push(span);
        let event = Event {
            lang: lang as u8,
            ..Event::new(KIND_BEGIN, name, span, parent)
        };
        local.write(mapping, event);
        span
    })
    .unwrap_or(0)
}

/// Begins a span below `parent` (0 = a root) without making it current. End it with [`end`] on any thread.
#[inline]
pub fn begin_child(parent: SpanId, name: NameId, lang: Lang) -> SpanId {
    ring::with(|local, mapping| {
        let span = local.new_span();
        let event = Event {
            lang: lang as u8,
            ..Event::new(KIND_BEGIN, name, span, parent)
        };
        local.write(mapping, event);
        span
    })
    .unwrap_or(0)
}

/// Ends a span; if it is the thread's current one, its parent is current again. 0 is ignored.
#[inline]
pub fn end(span: SpanId) {
    if span != 0 {
        ring::with(|local, mapping| {
            local.pop(span);
            local.write(mapping, Event::new(KIND_END, 0, span, 0));
        });
    }
}

/// Makes `span` the calling thread's current parent until the guard drops.
#[inline]
pub fn enter(span: SpanId) -> Entered {
    if span != 0 {
        ring::with(|local, _| local.push(span));
    }
    Entered {
        span,
        thread_bound: PhantomData,
    }
}

/// Ends an [`enter`] whose guard was forgotten (the table of components), on the same thread.
pub fn leave(span: SpanId) {
    if span != 0 {
        ring::with(|local, _| local.pop(span));
    }
}

/// The calling thread's current span, 0 = none.
#[inline]
pub fn current() -> SpanId {
    ring::with(|local, _| local.current()).unwrap_or(0)
}

/// Notes when the request of `span` was sent (CLOCK_MONOTONIC ns), so that waiting shows apart from running.
pub fn enqueued(span: SpanId, sent_ns: u64) {
    mark(Event::new(KIND_ENQUEUE, 0, span, sent_ns));
}

/// Marks `span` as failed. The message is interned: keep it short and without data that differs each time if you can.
#[cold]
pub fn error(span: SpanId, message: &str) {
    if span != 0 {
        mark(Event::new(
            KIND_ERROR,
            strings::intern_message(message),
            span,
            0,
        ));
    }
}

/// Records a point in time inside the current span, with a number of the caller's.
pub fn instant(name: NameId, value: u64) {
    ring::with(|local, mapping| {
        local.write(
            mapping,
            Event::new(KIND_INSTANT, name, local.current(), value),
        )
    });
}

/// Notes that the work of `from` goes on in `to` (a hop between threads or tasks).
pub fn link(from: SpanId, to: SpanId) {
    mark(Event::new(KIND_LINK, 0, from, to));
}

/// Records that a handle opened in `span`; `name` is interned from name, site and kind. Called by the handle table.
pub fn handle_opened(handle: u32, name: NameId, span: SpanId, long_lived: bool) {
    let flags = if long_lived { FLAG_LONG_LIVED } else { 0 };
    let event = Event {
        flags,
        ..Event::new(KIND_HANDLE_OPEN, name, span, u64::from(handle))
    };
    ring::with(|local, mapping| local.write(mapping, event));
}

/// Records that a handle closed. Called by the handle table.
pub fn handle_closed(handle: u32) {
    ring::with(|local, mapping| {
        local.write(
            mapping,
            Event::new(KIND_HANDLE_CLOSE, 0, local.current(), u64::from(handle)),
        )
    });
}

fn mark(event: Event) {
    if event.span != 0 {
        ring::with(|local, mapping| local.write(mapping, event));
    }
}
