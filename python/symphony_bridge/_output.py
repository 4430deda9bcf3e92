"""``sys.stdout`` and ``sys.stderr`` of the hosts: they outlive a script that closes them."""

from __future__ import annotations

import io
import sys
from typing import Any

from . import _native


def install() -> None:
    """Replace the standard streams of the embedded interpreter by streams that the host shows."""
    sys.stdout = sys.__stdout__ = _stream("stdout")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream("stderr")  # type: ignore[misc]


def keep_open() -> None:
    """Make the standard streams of a child survive being closed, and with them their descriptors."""
    sys.stdout = sys.__stdout__ = _kept(sys.stdout)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _kept(sys.stderr)  # type: ignore[misc]


def _stream(name: str) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(_HostOutput(name), buffer_size=64 * 1024)
    return _KeptOpen(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _kept(stream: Any) -> io.TextIOWrapper:
    encoding, errors = stream.encoding, stream.errors
    # A pipe's reader wants lines as they are written.
    return _KeptOpen(
        stream.detach(), encoding=encoding, errors=errors, line_buffering=True, write_through=True
    )


class _KeptOpen(io.TextIOWrapper):
    """A stream that belongs to the process, not to the script that closes it."""

    def close(self) -> None:
        self.flush()


class _HostOutput(io.RawIOBase):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = f"<{name}>"
        self._stream = name

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        _native.write_output(self._stream, bytes(view))
        return view.nbytes
