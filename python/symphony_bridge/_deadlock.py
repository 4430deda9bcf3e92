"""Deadlocks between JavaScript and Python: what the threads are doing, and the words for it.

The control thread asks :func:`look` while JavaScript stands still inside a synchronous call and a
Python thread waits for JavaScript. A deadlock is broken by a signal to the JavaScript thread, whose
handler raises: that ends waits for locks, threads, sleeps and sockets. Linux only: it reads
``/proc/self/task``.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import traceback
from types import FrameType
from typing import TYPE_CHECKING, Any

from . import _native, _runtime
from .errors import DeadlockError

if TYPE_CHECKING:
    Waiter = tuple[int, str]
    """Who waits for JavaScript: thread ident, name of the function."""

_LIMIT = 10.0
"""Seconds after which JavaScript is freed from a wait that might end one day."""

_SIGNAL = signal.SIGRTMIN + 7
_verdict: tuple[int, DeadlockError] | None = None


def install() -> None:
    """Take the signal that frees the JavaScript thread. Only Python's main thread can be freed so."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(_SIGNAL, _raise_verdict)


def look(
    ident: int,
    step: int,
    seconds: float,
    waiters: list[Waiter],
    waiting: dict[int, bool],
    native_ids: dict[int, int],
    futex: int,
) -> bool:
    """Interrupt the JavaScript thread if it waits for threads that wait for it; tell whether it does.

    ``step`` names the place where it has stood for ``seconds``. ``waiting`` are the threads that wait for
    any JavaScript, and whether that stands still; ``native_ids`` those that run JavaScript.
    """
    global _verdict
    frames = sys._current_frames()
    frame = frames.get(ident)
    if frame is None:
        return False
    if seconds < _LIMIT:
        if not _waits_for_a_lock(native_ids[ident], futex):
            return False
        others = {other: top for other, top in frames.items() if other != ident}
        if not all(_is_stuck(other, top, waiting, native_ids, futex) for other, top in others.items()):
            return False
    error = DeadlockError(
        f"JavaScript waits in a synchronous call for Python, which waits at {_place(frame)}, while "
        + "; ".join(f"{_name(other)} waits for JavaScript: {name}()" for other, name in waiters),
        hint="Call the Python function asynchronously (without callSync), or do not wait in it "
        "for a thread that calls JavaScript.",
    )
    _add_stacks(error, ident, waiters)
    # A Worker's thread hears no signal, and its steps are numbered like the main thread's.
    if threading.main_thread().ident == ident:
        _verdict = (step, error)
        signal.pthread_kill(ident, _SIGNAL)
    return True


def error_for_waiter(ident: int, waiter: Waiter) -> DeadlockError:
    """Return the error for a thread that waits for JavaScript, where JavaScript cannot be freed."""
    global _verdict
    if threading.main_thread().ident == ident:
        # A signal that comes late must not break what goes on.
        _verdict = None
    frame = sys._current_frames().get(ident)
    place = f", which waits at {_place(frame)}" if frame else ""
    error = DeadlockError(
        f"{waiter[1]}() waits for JavaScript, which waits in a synchronous call for Python{place}",
        hint="Call the Python function that JavaScript waits for asynchronously (without callSync).",
    )
    _add_stacks(error, ident, [waiter])
    return error


def _raise_verdict(_signum: int, _frame: FrameType | None) -> None:
    global _verdict
    verdict, _verdict = _verdict, None
    # The wait may have ended by itself meanwhile: what runs now is not meant.
    if verdict is not None and verdict[0] == _native.js_step():
        raise verdict[1]


def _is_stuck(
    ident: int, top: FrameType, waiting: dict[int, bool], native_ids: dict[int, int], futex: int
) -> bool:
    """Whether a thread will do nothing more by itself."""
    if ident == threading.get_ident():
        return True
    if ident in waiting:
        return waiting[ident]
    thread = threading._active.get(ident)  # type: ignore[attr-defined]
    native_id = native_ids.get(ident) or getattr(thread, "native_id", None)
    if native_id is None:
        return False
    if thread is not None and thread.name.startswith("conductor-"):
        if top.f_code is threading.Thread.run.__code__:
            return True
        loop = _runtime._loop
        if thread.name == "conductor-loop" and loop is not None:
            internal: Any = loop
            return not internal._scheduled and not internal._ready and not asyncio.all_tasks(loop)
    return _waits_for_a_lock(native_id, futex)


def _waits_for_a_lock(native_id: int, futex: int) -> bool:
    """Whether a thread waits for a lock, without a limit."""
    try:
        with open(f"/proc/self/task/{native_id}/syscall", encoding="ascii") as file:
            words = file.read().split()
    except OSError:
        return False
    # The fourth argument is the time limit.
    return len(words) > 4 and words[0] == str(futex) and int(words[4], 16) == 0


def _add_stacks(error: DeadlockError, ident: int, waiters: list[Waiter]) -> None:
    stacks = {"the JavaScript thread": _runtime.stack_of(ident)}
    for other, name in waiters:
        stacks[f"{_name(other)}, which waits for {name}()"] = _stack_of_waiter(other)
    notes = [f"Python stack of {who}:\n{stack}" for who, stack in stacks.items() if stack]
    attributes: dict[str, Any] = vars(error)
    attributes["__notes__"] = notes


def _stack_of_waiter(ident: int) -> str:
    loop = _runtime._loop
    thread = threading._active.get(ident)  # type: ignore[attr-defined]
    if loop is None or thread is None or thread.name != "conductor-loop":
        return _runtime.stack_of(ident)
    # The loop's own stack says nothing: it sleeps until a task goes on.
    lines: list[str] = []
    for task in asyncio.all_tasks(loop):
        for frame in task.get_stack():
            lines += traceback.format_stack(frame, 1)
    return "".join(lines)


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_name})"


def _name(ident: int) -> str:
    thread = threading._active.get(ident)  # type: ignore[attr-defined]
    return f"thread {thread.name if thread else ident}"
