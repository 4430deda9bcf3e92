"""Questions about JavaScript objects, as calls of functions that every host has."""

from __future__ import annotations

import sys
from typing import Any, Awaitable

from . import _native, _runtime


def ask(question: str, asked: Any, *args: Any) -> Any:
    """Ask and wait. Raises as calls of a host's functions do."""
    # An object is asked, and not given: what is given back to JavaScript may be held there.
    if isinstance(asked, _native.HostRef):
        return asked._call(question, args, None)
    span, session = _runtime.current_span.get(), _runtime.current_session.get()
    return _native.host_call(question, (asked, *args), None, _site(), span, session)


def ask_async(question: str, asked: Any, *args: Any) -> Awaitable[Any]:
    """Awaitable form of :func:`ask`."""
    if isinstance(asked, _native.HostRef):
        return asked._call_async(question, args, None)
    span, session = _runtime.current_span.get(), _runtime.current_session.get()
    return _native.host_call_async(question, (asked, *args), None, _site(), span, session)


def _site() -> str:
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
