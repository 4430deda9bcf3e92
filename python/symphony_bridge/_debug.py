"""Debugging inside the child: connects debugpy to the debug adapter and runs the script under it.

Threads: ``connect`` and ``run_script`` run on the main thread of the child, so that the script's thread
is the one that is traced first. Must not know: the debug adapter protocol, the editor. Never imported
outside a debug session.
"""

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

_DEBUGPY_MISSING = (
    "debugpy cannot be imported by {python}. Install it there ({python} -m pip install debugpy), "
    "or run the project's set-up so that the bundled copy is found."
)


def connect(host: str, port: int, token: str, bundled: str | None = None) -> dict[str, Any]:
    """Connect this process to the debug adapter that listens at ``host:port``.

    ``token`` is what the adapter recognises this child by. ``bundled`` is a folder that holds a debugpy
    for interpreters that have none of their own. Raises ``ModuleNotFoundError`` with the remedy when
    neither exists.
    """
    debugpy = _import_debugpy(bundled)
    # Children of the script would each need a debug session of their own; they run undebugged instead.
    debugpy.configure(subProcess=False)
    debugpy.connect((host, port), access_token=token)
    return {"debugpy": debugpy.__version__, "pid": os.getpid()}


def run_script(path: str, argv: list[str]) -> Any:
    """Run a Conductor script like ``_runner.run_script``, and stop the debugger where it fails.

    The runner turns an exception into an error for TypeScript, so for the debugger it never is uncaught;
    it is reported from here, before the stack is gone.
    """
    from . import _runner

    try:
        return _runner.run_script(path, argv)
    except BaseException:
        _report_uncaught(sys.exc_info())
        raise


def _import_debugpy(bundled: str | None) -> Any:
    # From Python 3.11 on the frozen standard library makes pydevd print a warning into the script's output.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        import debugpy
    except ModuleNotFoundError:
        if bundled is None or not Path(bundled, "debugpy").is_dir():
            raise ModuleNotFoundError(
                _DEBUGPY_MISSING.format(python=sys.executable), name="debugpy"
            ) from None
        # At the end and only for the import: nothing else of that folder may shadow the user's packages.
        sys.path.append(bundled)
        try:
            import debugpy
        finally:
            sys.path.remove(bundled)
    return debugpy


def _report_uncaught(
    failure: tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None],
) -> None:
    kind, error, trace = failure
    trace = _without_internal_frames(trace)
    if trace is None:
        return
    # Private modules of the pinned debugpy, untyped: they are on the path once debugpy is imported.
    threads = import_module("_pydevd_bundle.pydevd_additional_thread_info")
    breakpoints = import_module("_pydevd_bundle.pydevd_breakpoints")
    debugger = import_module("_pydevd_bundle.pydevd_constants").get_global_debugger()
    if debugger is None:
        return
    thread = threading.current_thread()
    info = threads.set_additional_thread_info(thread)
    breakpoints.stop_on_unhandled_exception(debugger, thread, info, (kind, error, trace))


def _without_internal_frames(trace: TracebackType | None) -> TracebackType | None:
    here = str(Path(__file__).parent)
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith((here, "<frozen")) and "runpy" not in name:
            break
        trace = trace.tb_next
    return trace
