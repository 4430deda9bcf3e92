"""Runs a Conductor script the way ``python SCRIPT`` does, inside a process that goes on."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import threading
import types
from contextlib import suppress
from typing import Any, Sequence

from . import _native

leaks: list[dict[str, Any]] = []
"""Handles that outlived the run that made them, of all runs of this process."""


def run_script(path: str, argv: Sequence[str] = ()) -> dict[str, Any]:
    """Run the file at ``path`` as ``__main__`` and return ``{"exit_code": int, "leaks": [...]}``.

    What the script raises is raised here, except ``SystemExit``, which becomes the exit code.
    """
    path = os.path.abspath(path)
    with io.open_code(path) as file:
        source = file.read()
    module = types.ModuleType("__main__")
    module.__file__ = path
    code = compile(source, path, "exec", dont_inherit=True)
    opened_before = _native.handles_opened()
    with _as_main(module, path, argv):
        try:
            exec(code, module.__dict__)
            exit_code = 0
        except SystemExit as exit_request:
            exit_code = _exit_code(exit_request)
        finally:
            left = _leaks_since(opened_before)
            leaks.extend(left)
            _flush()
    return {"exit_code": exit_code, "leaks": left}


class _as_main:
    """Makes ``module`` the main module, with its folder importable, for the time of the run.

    What a script replaced for itself is put back: streams, and the handler by which Stop reaches it.
    """

    def __init__(self, module: types.ModuleType, path: str, argv: Sequence[str]) -> None:
        self._module = module
        self._folder = os.path.dirname(path)
        self._argv = [path, *argv]

    def __enter__(self) -> None:
        self._outer = sys.modules.get("__main__"), sys.argv
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._on_interrupt = signal.getsignal(signal.SIGINT)
        sys.modules["__main__"] = self._module
        sys.argv = self._argv
        sys.path.insert(0, self._folder)

    def __exit__(self, *_error: object) -> None:
        main, sys.argv = self._outer
        if main is not None:
            sys.modules["__main__"] = main
        if self._folder in sys.path:
            sys.path.remove(self._folder)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if self._on_interrupt is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._on_interrupt)


def _leaks_since(opened_before: int) -> list[dict[str, Any]]:
    gc.collect()
    return [
        {**handle, "leak": True}
        for handle in _native.handles()
        if handle["id"] > opened_before and not handle["long_lived"]
    ]


def _exit_code(exit_request: SystemExit) -> int:
    code = exit_request.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    with suppress(AttributeError, OSError, ValueError):
        print(code, file=sys.stderr)
    return 1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A script may have closed it, or put something else in its place.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
