"""Functions of the editor, by the names under which it offers them.

``host.editor.message("done")`` calls and waits; ``await host.editor.message_async("done")`` is the
awaitable form of the same function, for code on an event loop. Under plain ``python`` a terminal
stand-in answers: messages and progress are printed, questions are asked; what a terminal cannot do
raises :class:`~symphony_bridge.errors.HostUnavailable`.
"""

from __future__ import annotations

import sys
from typing import Any, Awaitable

from . import _native, _runtime, _terminal

_ASYNC = "_async"


class HostFunction:
    """A function of the editor, or a namespace of such functions: attribute access goes deeper."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> HostFunction:
        if name.startswith("__"):
            raise AttributeError(name)
        return HostFunction(f"{self._path}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any | Awaitable[Any]:
        """Call the function; the awaitable form when the name ends in ``_async``.

        Raises ``HostError`` when the editor's function does, ``HostUnavailable`` when there is no
        such function, ``DeadlockError`` when waiting here would block what has to answer.
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
        return call(path, args, kwargs or None, site, span, session)

    def __repr__(self) -> str:
        return f"<editor function {self._path}>"


editor = HostFunction("editor")


def __getattr__(name: str) -> HostFunction:
    """Any other name is a namespace that an extension may have exposed."""
    if name.startswith("_"):
        raise AttributeError(name)
    return HostFunction(name)
