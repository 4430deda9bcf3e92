"""JavaScript's own types in Python, so that JavaScript → Python → JavaScript gives back value and type.

Each is a subclass of the Python type that a program expects there. Pure data; any thread.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict

from ._native import undefined

__all__ = ["JsBigInt", "JsBytes", "JsDate", "JsMap", "JsRecord", "undefined"]


class JsBigInt(int):
    """A BigInt of a size for which a number would have done; an int in every respect."""

    __slots__ = ()


class JsBytes(bytes):
    """Bytes of a JavaScript type that is no ``Uint8Array``: ``kind`` is its name, e.g. ``"Buffer"``."""

    kind: str

    def __new__(cls, data: Any = b"", kind: str = "Buffer") -> JsBytes:
        """``data`` is what ``bytes`` takes."""
        made = super().__new__(cls, data)
        made.kind = kind
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return (JsBytes, (bytes(self), self.kind))


class JsDate(datetime):
    """A ``Date``: a datetime in UTC with whole milliseconds."""

    __slots__ = ()


class JsMap(Dict[Any, Any]):
    """A ``Map`` whose keys are all text, so that as a plain dict it would go back as an object."""

    __slots__ = ()


class JsRecord(Dict[str, Any]):
    """An object with an own key ``__proto__``, which as a plain dict would go back as a ``Map``."""

    __slots__ = ()
