"""Questions about JavaScript objects that attributes cannot ask. Public through :mod:`symphony_bridge.js`.

Each has an awaitable form, ``name_async``, for code on an event loop.
"""

from __future__ import annotations

from typing import Any, Awaitable

from ._js_calls import ask, ask_async
from ._js_objects import JsClass, JsFunction, JsObject


def get(obj: JsObject, name: str) -> Any:
    """Return an attribute; a function as it is, not as a method. Raises ``AttributeError``."""
    return _found(ask("js.read", obj, name), AttributeError(name))


async def get_async(obj: JsObject, name: str) -> Any:
    """Awaitable form of :func:`get`."""
    return _found(await ask_async("js.read", obj, name), AttributeError(name))


def set(obj: JsObject, name: str, value: Any) -> None:
    """Set an attribute. Raises ``AttributeError`` where that is not possible."""
    _done(ask("js.set", obj, name, value), AttributeError(name))


async def set_async(obj: JsObject, name: str, value: Any) -> None:
    """Awaitable form of :func:`set`."""
    _done(await ask_async("js.set", obj, name, value), AttributeError(name))


def delete(obj: JsObject, name: str) -> None:
    """Delete an attribute. Raises ``AttributeError`` where that is not possible."""
    _done(ask("js.delete", obj, name), AttributeError(name))


async def delete_async(obj: JsObject, name: str) -> None:
    """Awaitable form of :func:`delete`."""
    _done(await ask_async("js.delete", obj, name), AttributeError(name))


def get_item(obj: JsObject, key: Any) -> Any:
    """Return an item. Raises ``KeyError``."""
    return _found(ask("js.get_item", obj, key), KeyError(key))


async def get_item_async(obj: JsObject, key: Any) -> Any:
    """Awaitable form of :func:`get_item`."""
    return _found(await ask_async("js.get_item", obj, key), KeyError(key))


def set_item(obj: JsObject, key: Any, value: Any) -> None:
    """Put an item. Raises ``KeyError`` where that is not possible."""
    _done(ask("js.set_item", obj, key, value), KeyError(key))


async def set_item_async(obj: JsObject, key: Any, value: Any) -> None:
    """Awaitable form of :func:`set_item`."""
    _done(await ask_async("js.set_item", obj, key, value), KeyError(key))


def call(function: JsFunction, this: Any, *args: Any) -> Any:
    """Call a function on an object of one's choice."""
    return ask("js.call", function, this, *args)


def call_async(function: JsFunction, this: Any, *args: Any) -> Awaitable[Any]:
    """Awaitable form of :func:`call`."""
    return ask_async("js.call", function, this, *args)


def new(cls: JsClass | JsFunction, *args: Any) -> Any:
    """Make an instance, as ``new`` does."""
    return ask("js.new", cls, *args)


def new_async(cls: JsClass | JsFunction, *args: Any) -> Awaitable[Any]:
    """Awaitable form of :func:`new`."""
    return ask_async("js.new", cls, *args)


def instance_of(value: Any, cls: JsClass | JsFunction) -> bool:
    """Return ``value instanceof cls``."""
    return bool(ask("js.instance_of", value, cls))


async def instance_of_async(value: Any, cls: JsClass | JsFunction) -> bool:
    """Awaitable form of :func:`instance_of`."""
    return bool(await ask_async("js.instance_of", value, cls))


def type_of(value: Any) -> str:
    """Return ``typeof value``."""
    return str(ask("js.type_of", value))


async def type_of_async(value: Any) -> str:
    """Awaitable form of :func:`type_of`."""
    return str(await ask_async("js.type_of", value))


def text(value: Any) -> str:
    """Return ``String(value)``; ``str()`` shows what is known without a crossing."""
    return str(ask("js.text", value))


async def text_async(value: Any) -> str:
    """Awaitable form of :func:`text`."""
    return str(await ask_async("js.text", value))


def members(obj: JsObject) -> list[str]:
    """Return the names of the attributes that can be reached."""
    return list(ask("js.members", obj))


async def members_async(obj: JsObject) -> list[str]:
    """Awaitable form of :func:`members`."""
    return list(await ask_async("js.members", obj))


def keep(obj: JsObject, reason: str) -> None:
    """Declare that Python holds the object for long on purpose: it is never told as a leak."""
    obj._keep(reason)


def _found(answer: tuple[bool, Any], missing: Exception) -> Any:
    found, value = answer
    if not found:
        raise missing
    return value


def _done(answer: Any, failure: Exception) -> None:
    if not answer:
        raise failure
