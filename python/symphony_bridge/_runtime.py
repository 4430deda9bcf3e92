"""Python threads of the bridge: control, workers, event loop.

They are plain ``threading.Thread`` objects that block in native code without the GIL, so that
debuggers and profilers see named, stable threads. Called from native code only.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import os
import sys
import threading
import traceback
from contextlib import suppress
from typing import Any, Awaitable

from . import _native

current_span: contextvars.ContextVar[int] = contextvars.ContextVar("symphony_span", default=0)
current_session: contextvars.ContextVar[int] = contextvars.ContextVar("symphony_session", default=0)
current_call: contextvars.ContextVar[int] = contextvars.ContextVar("symphony_call", default=0)

_lock = threading.Lock()
_control: threading.Thread | None = None
_loop: asyncio.AbstractEventLoop | None = None
_worker_numbers = itertools.count(1)


def start() -> None:
    """Start the control thread; once per process."""
    global _control
    with _lock:
        if _control is None:
            os.register_at_fork(after_in_child=_native.forget_in_fork)
            _native.prepare_stacks()
            _control = _start_thread("conductor-control", _native.control_main, traced=False)


def start_worker() -> None:
    """Start one more thread that serves jobs."""
    _start_thread(f"conductor-{next(_worker_numbers)}", _native.worker_main)


def start_loop() -> asyncio.AbstractEventLoop:
    """Return the conductor's own event loop, starting its thread on the first call."""
    global _loop
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            ready = threading.Event()
            loop.call_soon(_native.attach_loop, loop)
            loop.call_soon(ready.set)
            _start_thread("conductor-loop", lambda: _run_loop(loop))
            ready.wait()
            _loop = loop
        return _loop


def create_task(
    awaitable: Awaitable[Any], context: contextvars.Context, span: int, session: int
) -> asyncio.Task[Any]:
    """Make a task of the running loop in ``context``, which then carries span and session."""
    context.run(current_span.set, span)
    context.run(current_session.set, session)
    return context.run(asyncio.ensure_future, awaitable)


def wake_loop(ident: int) -> None:
    """Let an event loop that sleeps on thread ``ident`` run a step, so that it sees an interruption."""
    frame = sys._current_frames().get(ident)
    while frame is not None:
        owner = frame.f_locals.get("self") if frame.f_code.co_name == "run_forever" else None
        if isinstance(owner, asyncio.AbstractEventLoop):
            owner.call_soon_threadsafe(lambda: None)
            return
        frame = frame.f_back


def stack_of(ident: int) -> str:
    """Return the Python stack of thread ``ident`` as text; empty when the thread is gone."""
    frame = sys._current_frames().get(ident)
    return "" if frame is None else "".join(traceback.format_stack(frame))


def stack_of_task(task: asyncio.Future[Any]) -> str:
    """Return where a task waits, as text: each coroutine that awaits the next."""
    awaited: Any = task.get_coro() if isinstance(task, asyncio.Task) else None
    lines: list[str] = []
    while awaited is not None:
        frame = next((getattr(awaited, name, None) for name in _FRAMES if hasattr(awaited, name)), None)
        if frame is not None:
            lines += traceback.format_stack(frame, 1)
        awaited = next((getattr(awaited, name) for name in _AWAITED if hasattr(awaited, name)), None)
    return "".join(lines)


_FRAMES = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED = ("cr_await", "gi_yieldfrom", "ag_await")


def report_task(call: int, task: asyncio.Future[Any], seconds: float) -> None:
    """Tell TypeScript that a cancelled task goes on; ``call`` 0 is a task that it did not ask for."""
    coroutine: Any = task.get_coro() if isinstance(task, asyncio.Task) else task
    name = getattr(coroutine, "__qualname__", type(coroutine).__qualname__)
    told = {"call": call, "name": name, "seconds": seconds, "stack": stack_of_task(task)}
    _native.emit(CANCEL_IGNORED, told)


def report_end(call: int) -> None:
    """Tell TypeScript that a call has ended of which it was told that it goes on."""
    _native.emit(CANCEL_ENDED, {"call": call})


CANCEL_IGNORED = "cancel-ignored"
CANCEL_ENDED = "cancel-ended"
"""Events, as ``extension/bridge/ignoredCancels.ts`` reads them."""


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    while True:
        # A task's sys.exit() or interruption leaves the loop too, and the other tasks need it.
        with suppress(SystemExit, KeyboardInterrupt):
            loop.run_forever()


def _start_thread(name: str, target: Any, traced: bool = True) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    if not traced:
        # Debuggers must not stop the thread that reaches the ones they have stopped.
        thread.pydev_do_not_trace = True  # type: ignore[attr-defined]
        thread.is_pydev_daemon_thread = True  # type: ignore[attr-defined]
    thread.start()
    return thread
