"""Frames of other languages inside Python tracebacks, and tracebacks that keep nothing alive.

A frame here is real for whoever prints a traceback, but it has never run and has no locals. So a
traceback reads as one story over all languages, and an exception that TypeScript keeps does not keep
the variables of every function it came through. Any thread; knows no exception classes.
"""

from __future__ import annotations

import ast
import os
import sys
from functools import lru_cache
from types import CodeType, FunctionType, TracebackType
from typing import Any, Dict, Iterable

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LANGUAGE = "__symphony_language__"
_MOST_FRAMES = 200
_MOST_REPEATS = 3

Frame = Dict[str, Any]
"""One frame as it travels: ``language``, ``function``, ``file``, ``line`` and maybe ``column``."""


def frames_of(traceback: TracebackType | None) -> list[Frame]:
    """Return the frames of a traceback in call order, without the bridge's own.

    Runs of the same frame, and what is beyond 200 frames, are told by their number.
    """
    frames: list[Frame] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        language = traceback.tb_frame.f_globals.get(_LANGUAGE, "python")
        if language != "python" or not _is_internal(code.co_filename):
            frame = {
                "language": language,
                "function": code.co_name,
                "file": code.co_filename,
                "line": traceback.tb_lineno or 0,
            }
            column = code.co_consts[-1] if code.co_consts else None
            if language != "python" and isinstance(column, int) and column > 0:
                frame["column"] = column
            frames.append(frame)
        traceback = traceback.tb_next
    return _shortened(frames)


def traceback_of(frames: Iterable[Frame], below: TracebackType | None = None) -> TracebackType | None:
    """Return a traceback that shows ``frames``, outermost first, and then those of ``below``."""
    for frame in reversed(list(frames)):
        line = max(1, int(frame.get("line") or 1))
        function = str(frame.get("function") or "<anonymous>")
        code = _code(function, str(frame.get("file") or "<unknown>"), line, int(frame.get("column") or 0))
        variables = _GLOBALS.get(str(frame.get("language")), _GLOBALS["python"])
        # A generator that has not begun has a frame, which needs no run and refers to no caller.
        below = TracebackType(below, FunctionType(code, variables)().gi_frame, 0, line)
    return below


def without_locals(error: BaseException) -> None:
    """Replace the traceback of ``error`` by one that reads the same and keeps no variable alive."""
    traceback = error.__traceback__
    if traceback is not None:
        # Not an assignment: a class may have its own idea of setting attributes.
        BaseException.with_traceback(error, traceback_of(frames_of(traceback)))


def _shortened(frames: list[Frame]) -> list[Frame]:
    kept: list[Frame] = []
    repeats = 0
    for frame in [*frames, None]:
        if frame is not None and kept and frame == kept[-1]:
            repeats += 1
            if repeats >= _MOST_REPEATS:
                continue
        elif repeats:
            if repeats >= _MOST_REPEATS:
                more = repeats - _MOST_REPEATS + 1
                kept.append({**kept[-1], "function": f"[the frame above, {more} more times]"})
            repeats = 0
        if frame is not None:
            kept.append(frame)
    left_out = len(kept) - _MOST_FRAMES
    if left_out <= 0:
        return kept
    middle = {**kept[_MOST_FRAMES // 2], "function": f"[{left_out} frames are left out]"}
    return [*kept[: _MOST_FRAMES // 2], middle, *kept[-_MOST_FRAMES // 2 :]]


def _is_internal(filename: str) -> bool:
    return filename.startswith((_PACKAGE, "<frozen "))


@lru_cache(maxsize=1024)
def _code(function: str, file: str, line: int, column: int) -> CodeType:
    named: dict[str, Any] = {"co_qualname": function} if sys.version_info >= (3, 11) else {}
    return _TEMPLATE.replace(
        co_name=function,
        co_filename=file,
        co_firstlineno=line,
        co_consts=(*_TEMPLATE.co_consts, column),
        **named,
    )


def _template() -> CodeType:
    module = ast.parse("def template(): yield")
    for node in ast.walk(module):
        if sys.version_info >= (3, 11) and hasattr(node, "col_offset"):
            # Without columns nobody underlines a part of a line that is written in another language.
            for name in ("col_offset", "end_col_offset"):
                setattr(node, name, -1)
    code = compile(module, "<template>", "exec")
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType))


_TEMPLATE = _template()
_GLOBALS: dict[str, dict[str, Any]] = {
    language: {_LANGUAGE: language, "__name__": language, "__builtins__": {}}
    for language in ("python", "typescript", "rust")
}
