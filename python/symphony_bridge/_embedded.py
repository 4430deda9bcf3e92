"""Start-up inside the extension host. Called once by the addon, on the JavaScript thread."""

from __future__ import annotations

import faulthandler
import io
import os
import platform
import sys

from . import _deadlock, _native, _output, _runtime

# The JavaScript thread waits at most this long, in seconds, for a Python thread that computes.
_SWITCH_INTERVAL = 0.0005


def start(trace_file: str) -> tuple[str, str, str]:
    """Prepare the interpreter and return its version, prefix and executable."""
    # V8 uses SIGSEGV itself; a second handler would end the host at V8's next trap.
    faulthandler.disable()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    sys.argv = [""]
    sys.stdin = io.TextIOWrapper(io.FileIO(os.devnull), encoding="utf-8")
    _output.install()
    if trace_file:
        _native.open_trace(trace_file)
    _runtime.start()
    _deadlock.install()
    return platform.python_version(), sys.prefix, sys.executable
