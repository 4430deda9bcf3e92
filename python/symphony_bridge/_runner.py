"""Runs a Conductor script the way ``python SCRIPT`` does, inside a process that goes on."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import threading
import time
import types
from contextlib import suppress
from typing import Any, Sequence

from . import _native

leaks: list[dict[str, Any]] = []
"""Handles that outlived the run that made them, of all runs of this process."""


def run_script(path: str, argv: Sequence[str] = ()) -> dict[str, Any]:
    """Run the file at ``path`` as ``__main__`` and return ``{"exit_code": int, "leaks": [...]}``.

    One script at a time: another one waits for its turn, and says so on stderr.

    What the script raises is raised here, except ``SystemExit``, which becomes the exit code.
    """
    path = os.path.abspath(path)
    with io.open_code(path) as file:
        source = file.read()
    module = types.ModuleType("__main__")
    module.__file__ = path
    code = compile(source, path, "exec", dont_inherit=True)
    with _Run(module, path, argv) as run:
        opened_before = _native.handles_opened()
        try:
            exec(code, module.__dict__)
            exit_code = 0
        except SystemExit as exit_request:
            exit_code = _exit_code(exit_request)
        finally:
            left = _leaks_since(opened_before, run.owner)
            leaks.extend(left)
            _flush()
    return {"exit_code": exit_code, "leaks": left}


class _Run:
    """A script's turn as the main module of this process.

    A script owns ``__main__``, ``sys.argv`` and ``sys.path``, of which a process has one each: two at once
    would read each other's. So one waits for the other; Stop ends the wait. A script may run another one on
    its own thread, and one that could not be stopped gives way: then whichever ends first leaves the rest as
    it is for the other. What a script replaced for itself is put back: streams, the switch interval, and the
    handler by which Stop reaches it.
    """

    def __init__(self, module: types.ModuleType, path: str, argv: Sequence[str]) -> None:
        self._module = module
        self._path = path
        self._folder = os.path.dirname(path)
        self._argv = [path, *argv]
        self._thread = threading.current_thread()
        call = _native.current_call()
        self.owner, self._answered = call if call is not None else (0, False)

    def __enter__(self) -> _Run:
        self._wait()
        streams = sys.stdin, sys.stdout, sys.stderr
        self._outer = sys.modules.get("__main__"), sys.argv, streams, sys.getswitchinterval()
        self._on_interrupt = signal.getsignal(signal.SIGINT)
        sys.modules["__main__"] = self._module
        sys.argv = self._argv
        sys.path.insert(0, self._folder)
        return self

    def __exit__(self, *_error: object) -> None:
        with _turn:
            place = _runs.index(self)
            del _runs[place]
            above = _runs[place] if place < len(_runs) else None
        if self._folder in sys.path:
            sys.path.remove(self._folder)
        if above is not None:
            above._outer = self._outer
            return
        main, sys.argv, (sys.stdin, sys.stdout, sys.stderr), interval = self._outer
        sys.setswitchinterval(interval)
        if main is not None:
            sys.modules["__main__"] = main
        if self._on_interrupt is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._on_interrupt)

    def _wait(self) -> None:
        told = False
        while True:
            with _turn:
                before = _runs[-1] if _runs else None
                if before is None or before._thread is self._thread or before._answered:
                    _runs.append(self)
                    return
            if not told:
                told = True
                print(
                    f"{os.path.basename(self._path)} waits for {os.path.basename(before._path)}, which runs "
                    "in the same Python: that runs one script at a time",
                    file=sys.stderr,
                    flush=True,
                )
            # In short turns: nothing reaches a thread inside one long wait.
            time.sleep(0.02)


_turn = threading.Lock()
_runs: list[_Run] = []
"""The scripts that run, the last one as ``__main__``."""


def _leaks_since(opened_before: int, owner: int) -> list[dict[str, Any]]:
    """Return what is left of the run: not what other calls from TypeScript have made meanwhile."""
    gc.collect()
    return [
        {**handle, "leak": True}
        for handle in _native.handles()
        if handle["id"] > opened_before and not handle["long_lived"] and handle["owner"] in (0, owner)
    ]


def _exit_code(exit_request: SystemExit) -> int:
    code = exit_request.code
    if code is None:
        return 0
    if isinstance(code, int):
        # JavaScript takes no bool for a number.
        return int(code)
    with suppress(AttributeError, OSError, ValueError):
        print(code, file=sys.stderr)
    return 1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A script may have closed it, or put something else in its place.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
