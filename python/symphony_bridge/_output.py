"""``sys.stdout`` and ``sys.stderr`` of the embedded interpreter: what is printed goes to the host."""

from __future__ import annotations

import io
import sys
from typing import Any

from . import _native


def install() -> None:
    """Replace the standard streams by streams that the host shows."""
    sys.stdout = sys.__stdout__ = _stream("stdout")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream("stderr")  # type: ignore[misc]


def _stream(name: str) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(_HostOutput(name), buffer_size=64 * 1024)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)


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
