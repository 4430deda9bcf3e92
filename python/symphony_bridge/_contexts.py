"""Plain context managers that TypeScript enters: both halves run on one thread, in one context.

A lock is released by the thread that took it, and a context variable is reset where it was set. So entering
starts a thread that waits, and leaving runs there. Contexts that are entered inside one another share it.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import queue
import threading
from concurrent.futures import Future
from typing import Any, Callable

from . import _runtime

_numbers = itertools.count(1)
_keepers: dict[int, _Keeper] = {}


async def enter(manager: Any, within: int) -> tuple[int, Any]:
    """Enter a context; return the number of its thread, and what ``__enter__`` gives.

    ``within`` is the number of the thread that has entered the context around this one; 0 for none. Cancelled
    while ``__enter__`` waits, this raises at once; should that succeed later, the context is left again.
    """
    keeper = _keepers.get(within) or _Keeper()
    keeper.entered += 1
    entering = keeper.submit(lambda: type(manager).__enter__(manager))
    try:
        return keeper.number, await asyncio.wrap_future(entering)
    except asyncio.CancelledError:
        keeper.submit(lambda: _leave_late(entering, manager))
        keeper.leave()
        raise
    except BaseException:
        keeper.leave()
        raise


async def leave(manager: Any, number: int, exc_info: tuple[Any, Any, Any]) -> bool:
    """Leave a context where it was entered; return whether the error is dealt with."""
    keeper = _keepers[number]
    leaving = keeper.submit(lambda: type(manager).__exit__(manager, *exc_info))
    try:
        return bool(await asyncio.wrap_future(leaving))
    finally:
        keeper.leave()


def _leave_late(entering: Future[Any], manager: Any) -> None:
    if not entering.cancelled() and entering.exception() is None:
        type(manager).__exit__(manager, None, None, None)


class _Keeper:
    """A thread that has entered contexts."""

    def __init__(self) -> None:
        self.number = next(_numbers)
        self.entered = 0
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._context = contextvars.copy_context()
        _keepers[self.number] = self
        name = f"conductor-context-{self.number}"
        threading.Thread(target=self._context.run, args=(self._serve,), name=name, daemon=True).start()

    def submit(self, function: Callable[[], Any]) -> Future[Any]:
        """Run a function on the thread, as a part of the calling task's call."""
        future: Future[Any] = Future()
        span, call = _runtime.current_span.get(), _runtime.current_call.get()

        def work() -> Any:
            _runtime.current_span.set(span)
            _runtime.current_call.set(call)
            return function()

        self._work.put((future, work))
        return future

    def leave(self) -> None:
        """Count one context less; the thread ends with the last."""
        self.entered -= 1
        if self.entered == 0:
            _keepers.pop(self.number, None)
            self._work.put(None)

    def _serve(self) -> None:
        while True:
            task = self._work.get()
            if task is None:
                return
            future, function = task
            # A future that was cancelled before its turn.
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
            del task, future, function
