"""Entry of the subprocess host: ``python -m symphony_bridge.conductor --socket PATH``.

The first line on standard input is the token that proves to the editor who connects. Standard input
stays open as a life line: when it ends, so does this process. Scripts run on the main thread.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import platform
import signal
import sys

from . import _native, _output, _runtime


def main() -> None:
    """Connect to the editor and serve it until it closes the connection."""
    parser = argparse.ArgumentParser(prog="symphony_bridge.conductor", description=__doc__)
    parser.add_argument("--socket", required=True, help="Unix socket on which the editor listens")
    socket = parser.parse_args().socket
    token = sys.stdin.readline().strip()
    if not token:
        parser.error("the token is missing: write it as the first line of standard input")
    lifeline = _take_standard_input()
    _output.keep_open()
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    trace_file = os.environ.get("SYMPHONY_TRACE")
    if trace_file:
        _native.open_trace(trace_file)
    _runtime.start()
    _native.connect_socket(socket, token, lifeline)
    _native.emit(
        "ready",
        {
            "pid": os.getpid(),
            "python": platform.python_version(),
            "executable": sys.executable,
            "prefix": sys.prefix,
            "host": "subprocess",
            "trace": trace_file or None,
        },
    )
    sys.argv = [""]
    _native.serve_main_thread()
    _native.shut_down()


def _take_standard_input() -> int:
    """Return a descriptor of the life line; scripts and their children find standard input empty."""
    lifeline = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    return lifeline


if __name__ == "__main__":
    main()
