"""Functions of the editor, by the names under which it offers them.

``host.editor.message("done")`` calls and waits; ``await host.editor.message_async("done")`` is the
awaitable form of the same function, for code on an event loop. A call waits as long as it takes;
``host.editor.ask.with_(timeout=60)("Publish?")`` gives up after a minute. Under plain ``python`` a terminal
stand-in answers: messages and progress are printed, questions are asked; what a terminal cannot do
raises :class:`~symphony_bridge.errors.HostUnavailable`.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any, Awaitable

from . import _native, _runtime, _terminal

_ASYNC = "_async"


class HostFunction:
    """A function of the editor, or a namespace of such functions: attribute access goes deeper."""

    __slots__ = ("_path", "_timeout")

    def __init__(self, path: str, timeout: float | None = None) -> None:
        self._path = path
        self._timeout = timeout

    def __getattr__(self, name: str) -> HostFunction:
        if name.startswith("__"):
            raise AttributeError(name)
        return HostFunction(f"{self._path}.{name}", self._timeout)

    def with_(self, *, timeout: float | timedelta | None) -> HostFunction:
        """Return the function, or all of the namespace, with a limit to each call; None for no limit.

        ``timeout`` is in seconds. A call that has no answer by then is cancelled, and raises
        ``HostTimeout``; a function that takes its signal has a second to clean up before. What runs on
        the JavaScript thread itself, inside a synchronous call from there, has no limit, nor have the
        answers of a terminal. Raises ``ValueError`` for what is no length of time.
        """
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        if seconds is not None and not 0 < seconds < float("inf"):
            raise ValueError(f"timeout must be a positive number of seconds, not {timeout!r}")
        return HostFunction(self._path, seconds)

    def __call__(self, *args: Any, **kwargs: Any) -> Any | Awaitable[Any]:
        """Call the function; the awaitable form when the name ends in ``_async``.

        Raises ``HostError`` when the editor's function does, ``HostUnavailable`` when there is no
        such function, ``DeadlockError`` when waiting here would block what has to answer,
        ``HostTimeout`` when the limit that :meth:`with_` has set is over.
        """
        path = self._path
        is_async = path.endswith(_ASYNC)
        if is_async:
            path = path[: -len(_ASYNC)]
        if not _native.is_connected():
            return (
                _terminal.answer_async(path, args, kwargs)
                if is_async
                else _terminal.answer(path, args, kwargs)
            )
        frame = sys._getframe(1)
        site = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        call = _native.host_call_async if is_async else _native.host_call
        span, session = _runtime.current_span.get(), _runtime.current_session.get()
        return call(path, args, kwargs or None, site, span, session, self._timeout)

    def __repr__(self) -> str:
        return f"<editor function {self._path}>"


editor = HostFunction("editor")


def __getattr__(name: str) -> HostFunction:
    """Any other name is a namespace that an extension may have exposed."""
    if name.startswith("_"):
        raise AttributeError(name)
    return HostFunction(name)
