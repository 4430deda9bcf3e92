"""Spans of a script's own in the trace that the editor shows."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import Iterator

from . import _error_payload, _native, _runtime


@contextmanager
def span(name: str) -> Iterator[int]:
    """Record the time of a ``with`` block as a span; what it calls becomes its children.

    Yields the span's number, 0 when nothing is recorded. Works on any thread and in tasks.
    """
    frame = sys._getframe(2)
    site = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    number = _native.begin_span(name, site, _runtime.current_span.get())
    token = _runtime.current_span.set(number)
    try:
        yield number
    except BaseException as error:
        _native.fail_span(number, _error_payload.title(error))
        raise
    finally:
        _native.end_span(number)
        # An async generator may end in another context than it began in: nothing to reset there.
        with suppress(ValueError):
            _runtime.current_span.reset(token)
