"""What TypeScript asks of Python objects that it holds: attributes, items, iteration, contexts.

Each function takes the object and an attribute path below it, or None for the object itself. They run
where calls run: plain ones on a worker thread, coroutines on the conductor's loop or, where an object
belongs to another event loop that still runs, on that one.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import weakref
from contextlib import suppress
from typing import Any, Awaitable, Callable

from . import _contexts, _error_payload, _native

_homes: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""Event loops of iterators, where they need their iterable's."""


def get(owner: Any, path: str | None) -> Any:
    """Return the object, or what the path leads to."""
    found = _at(owner, path)
    return wait(found) if isinstance(found, (asyncio.Future, concurrent.futures.Future)) else found


def set_attribute(owner: Any, path: str | None, name: str, value: Any) -> None:
    """Set an attribute."""
    setattr(_at(owner, path), name, value)


def delete_attribute(owner: Any, path: str | None, name: str) -> None:
    """Delete an attribute."""
    delattr(_at(owner, path), name)


def get_item(owner: Any, path: str | None, key: Any) -> Any:
    """Return the item under a key."""
    return _at(owner, path)[key]


def set_item(owner: Any, path: str | None, key: Any, value: Any) -> None:
    """Put an item under a key."""
    _at(owner, path)[key] = value


def delete_item(owner: Any, path: str | None, key: Any) -> None:
    """Delete the item under a key."""
    del _at(owner, path)[key]


def length(owner: Any, path: str | None) -> int:
    """Return ``len``."""
    return len(_at(owner, path))


def contains(owner: Any, path: str | None, item: Any) -> bool:
    """Return whether the item is in the object."""
    return item in _at(owner, path)


def is_instance(owner: Any, path: str | None, kind: Any, kind_path: str | None) -> bool:
    """Return ``isinstance``; ``kind`` may be a tuple of classes."""
    return isinstance(_at(owner, path), _at(kind, kind_path))


def represent(owner: Any, path: str | None) -> str:
    """Return ``repr``."""
    return repr(_at(owner, path))


def text(owner: Any, path: str | None) -> str:
    """Return ``str``."""
    return str(_at(owner, path))


def type_name(owner: Any, path: str | None) -> str:
    """Return the type's name with its module, without the module for built-in types."""
    kind = type(_at(owner, path))
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def members(owner: Any, path: str | None) -> list[str]:
    """Return ``dir``."""
    return dir(_at(owner, path))


def keep(owner: Any, reason: str) -> bool:
    """Declare that TypeScript holds the object for long on purpose."""
    return _native.keep_object(owner, reason)


async def wait(awaitable: Any) -> Any:
    """Return the outcome of a coroutine, task or future, whatever event loop it belongs to."""
    if isinstance(awaitable, concurrent.futures.Future):
        return await asyncio.wrap_future(awaitable)
    is_future = isinstance(awaitable, asyncio.Future)
    home = awaitable.get_loop() if is_future else _native.home_loop(awaitable)
    return await _on(home, lambda: awaitable)


def iterate(owner: Any, path: str | None) -> Any:
    """Return an iterator, an asynchronous one where there is no other."""
    source = _at(owner, path)
    if hasattr(type(source), "__aiter__") and not hasattr(type(source), "__iter__"):
        iterator = type(source).__aiter__(source)
        home = _native.home_loop(owner)
        if home is not None:
            # An object that no weak reference takes is asked on the conductor's loop.
            with suppress(TypeError):
                _homes[iterator] = home
        return iterator
    return iter(source)


def advance(iterator: Any, *sent: Any) -> tuple[bool, Any]:
    """Return (False, the next item), or (True, the generator's result)."""
    try:
        return False, iterator.send(*sent) if sent else next(iterator)
    except StopIteration as end:
        return True, end.value


def throw_into(iterator: Any, description: dict[str, Any]) -> tuple[bool, Any]:
    """Raise an error of TypeScript's where the generator waits."""
    try:
        return False, iterator.throw(_error_payload.rebuild(description, _native.kept_error))
    except StopIteration as end:
        return True, end.value


def finish(iterator: Any) -> None:
    """Close a generator: its ``finally`` blocks run."""
    iterator.close()


async def advance_async(iterator: Any, *sent: Any) -> tuple[bool, Any]:
    """Return (False, the next item), or (True, None)."""
    return await _step(iterator, lambda: iterator.asend(*sent) if sent else iterator.__anext__())


async def throw_into_async(iterator: Any, description: dict[str, Any]) -> tuple[bool, Any]:
    """Raise an error of TypeScript's where the generator waits."""
    error = _error_payload.rebuild(description, _native.kept_error)
    return await _step(iterator, lambda: iterator.athrow(error))


async def finish_async(iterator: Any) -> None:
    """Close a generator: its ``finally`` blocks have run when this returns."""
    await _on(_home(iterator), iterator.aclose)


async def enter(owner: Any, path: str | None, within: int) -> tuple[int, Any]:
    """Enter a context, asynchronously where that is possible.

    Returns the number of the thread that has entered it, 0 for an event loop, and what the context gives.
    ``within`` is the number of the thread of the context around it.
    """
    manager = _at(owner, path)
    kind = type(manager)
    if hasattr(kind, "__aenter__"):
        return 0, await _on(_native.home_loop(owner), lambda: kind.__aenter__(manager))
    return await _contexts.enter(manager, within)


async def leave(owner: Any, path: str | None, thread: int, description: dict[str, Any] | None) -> bool:
    """Leave a context, for an error of TypeScript's if there is one; true when the error is dealt with."""
    manager = _at(owner, path)
    kind = type(manager)
    error = None if description is None else _error_payload.rebuild(description, _native.kept_error)
    exc_info = (None, None, None) if error is None else (type(error), error, error.__traceback__)
    if thread == 0:
        return bool(await _on(_native.home_loop(owner), lambda: kind.__aexit__(manager, *exc_info)))
    return await _contexts.leave(manager, thread, exc_info)


def _at(owner: Any, path: str | None) -> Any:
    for name in path.split(".") if path else ():
        owner = getattr(owner, name)
    return owner


def _home(iterator: Any) -> Any:
    try:
        home = _homes.get(iterator)
    except TypeError:
        home = None
    return home or _native.home_loop(iterator)


async def _step(iterator: Any, begin: Callable[[], Awaitable[Any]]) -> tuple[bool, Any]:
    try:
        return False, await _on(_home(iterator), begin)
    except StopAsyncIteration:
        return True, None


async def _on(home: Any, begin: Callable[[], Awaitable[Any]]) -> Any:
    """Await on the event loop ``home``. Cancelling waits for the clean-up there."""
    here = asyncio.get_running_loop()
    if home is None or home is here or not home.is_running():
        return await begin()
    ended = here.create_future()
    tasks: list[asyncio.Future[Any]] = []

    def start() -> None:
        task = asyncio.ensure_future(begin())
        tasks.append(task)
        task.add_done_callback(lambda done: here.call_soon_threadsafe(_settle, ended, done))

    home.call_soon_threadsafe(start)
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        if not ended.done():
            home.call_soon_threadsafe(lambda: tasks[0].cancel())
            await asyncio.wait([ended])
        raise


def _settle(ended: asyncio.Future[Any], done: asyncio.Future[Any]) -> None:
    if ended.done():
        return
    if done.cancelled():
        ended.cancel()
        return
    error = done.exception()
    if error is None:
        ended.set_result(done.result())
    elif isinstance(error, StopIteration):
        ended.set_exception(RuntimeError("a coroutine raised StopIteration"))
    else:
        ended.set_exception(error)
