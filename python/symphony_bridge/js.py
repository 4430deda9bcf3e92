"""JavaScript's own types in Python, so that JavaScript → Python → JavaScript gives back value and type.

Values are subclasses of the Python type that a program expects there: pure data, any thread. Functions,
instances, promises, iterators and whatever else has no form in Python arrive as the classes named here: the
same object as the same Python object while that lives, and sent back it is itself. The functions ask what
attribute access cannot; each has an awaitable form, ``name_async``, for code on an event loop.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, NamedTuple

from ._js_objects import (
    JsAsyncIterator,
    JsClass,
    JsFunction,
    JsIterator,
    JsMethod,
    JsObject,
    JsPromise,
    JsStream,
    JsSymbol,
)
from ._js_operations import (
    call,
    call_async,
    delete,
    delete_async,
    get,
    get_async,
    get_item,
    get_item_async,
    instance_of,
    instance_of_async,
    keep,
    members,
    members_async,
    new,
    new_async,
    set,
    set_async,
    set_item,
    set_item_async,
    text,
    text_async,
    type_of,
    type_of_async,
)
from ._native import undefined

__all__ = [
    "JsAsyncIterator",
    "JsBigInt",
    "JsBytes",
    "JsClass",
    "JsConverted",
    "JsDate",
    "JsFunction",
    "JsIterator",
    "JsMap",
    "JsMethod",
    "JsObject",
    "JsPromise",
    "JsRecord",
    "JsStream",
    "JsSymbol",
    "call",
    "call_async",
    "delete",
    "delete_async",
    "get",
    "get_async",
    "get_item",
    "get_item_async",
    "instance_of",
    "instance_of_async",
    "keep",
    "members",
    "members_async",
    "new",
    "new_async",
    "set",
    "set_async",
    "set_item",
    "set_item_async",
    "text",
    "text_async",
    "type_of",
    "type_of_async",
    "undefined",
]


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


class JsConverted(NamedTuple):
    """A value by a converter that only JavaScript has: it goes back as what it was."""

    converter: str
    """The converter's name."""
    plain: Any
    """The converter's own form of the value."""


class JsDate(datetime):
    """A ``Date``: a datetime in UTC with whole milliseconds."""

    __slots__ = ()


class JsMap(Dict[Any, Any]):
    """A ``Map`` whose keys are all text, so that as a plain dict it would go back as an object."""

    __slots__ = ()


class JsRecord(Dict[str, Any]):
    """An object with an own key ``__proto__``, which as a plain dict would go back as a ``Map``."""

    __slots__ = ()
