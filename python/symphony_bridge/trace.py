"""Spans of a script's own in the trace that the editor shows."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Iterator

from . import _native, _runtime


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
        _native.fail_span(number, f"{type(error).__name__}: {error}")
        raise
    finally:
        _runtime.current_span.reset(token)
        _native.end_span(number)
