"""Questions about JavaScript objects, as calls of functions that every host has."""

from __future__ import annotations

import sys
from typing import Any, Awaitable

from . import _native, _runtime


def ask(question: str, *args: Any) -> Any:
    """Ask and wait. Raises as calls of a host's functions do."""
    span, session = _runtime.current_span.get(), _session(args)
    return _native.host_call(question, args, None, _site(), span, session)


def ask_async(question: str, *args: Any) -> Awaitable[Any]:
    """Awaitable form of :func:`ask`."""
    span, session = _runtime.current_span.get(), _session(args)
    return _native.host_call_async(question, args, None, _site(), span, session)


def _session(args: tuple[Any, ...]) -> int:
    """Return the session of the object that is asked; without one, the caller's."""
    asked = args[0] if args else None
    return asked._session if isinstance(asked, _native.HostRef) else _runtime.current_session.get()


def _site() -> str:
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
