"""Classes with which Python sees objects of TypeScript's. Public through :mod:`symphony_bridge.js`.

Native code makes the instances: one per object while it lives, so that identity means identity. Their
own names are few, because every other attribute is the JavaScript object's. What asks the object waits
for the JavaScript thread; on an event loop use the ``*_async`` forms.
"""

from __future__ import annotations

from typing import Any, AsyncIterator, Awaitable, Generator, Iterator

from . import _error_payload, _native
from ._js_calls import ask, ask_async

_ASYNC = "_async"
_VALUE, _METHOD = 0, 1
# Twins of `traits` in native/core/src/pack.rs.
_CONTEXT, _ASYNC_CONTEXT = 1 << 6, 1 << 7


class JsObject(_native.HostRef):
    """An object of TypeScript's that has no form in Python.

    Attributes, items, ``len``, ``in`` and iteration are the object's own; what `Object` gives every
    object is not reachable. Attributes that are functions are methods: they are called on the object.
    ``method_async(...)`` is the awaitable form of ``method(...)``. An attribute that is not there is
    an ``AttributeError``; what the object throws is a ``HostError``.
    """

    __slots__ = ("__weakref__",)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if name.endswith(_ASYNC):
            return JsMethod(self, name[: -len(_ASYNC)], is_async=True)
        kind, value = ask("js.get", self, name)
        if kind == _VALUE:
            return value
        if kind == _METHOD:
            return JsMethod(self, name)
        raise AttributeError(f"{self!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if not ask("js.set", self, name, value):
            raise AttributeError(f"attribute {name!r} of {self!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        if not ask("js.delete", self, name):
            raise AttributeError(f"{self!r} has no attribute {name!r} that can be deleted")

    def __getitem__(self, key: Any) -> Any:
        found, value = ask("js.get_item", self, key)
        if not found:
            raise (IndexError if isinstance(key, int) else KeyError)(key)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        if not ask("js.set_item", self, key, value):
            raise (IndexError if isinstance(key, int) else KeyError)(key)

    def __delitem__(self, key: Any) -> None:
        if not ask("js.delete_item", self, key):
            raise (IndexError if isinstance(key, int) else KeyError)(key)

    def __len__(self) -> int:
        return _checked(ask("js.len", self), f"{self!r} has no len()")

    def __bool__(self) -> bool:
        # Every object of JavaScript's is true; asking for its length would be another thing.
        return True

    def __contains__(self, item: Any) -> bool:
        return bool(ask("js.contains", self, item))

    def __iter__(self) -> Iterator[Any]:
        iterator = ask("js.iterate", self)
        if iterator is None:
            raise TypeError(f"{self!r} is not iterable")
        return _Items(iterator)

    def __aiter__(self) -> AsyncIterator[Any]:
        return JsStream(self)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *ask("js.members", self)})

    def __enter__(self) -> JsObject:
        if not self._traits & _CONTEXT:
            raise TypeError(f"{self!r} has no Symbol.dispose")
        return self

    def __exit__(self, *_exception: object) -> None:
        ask("js.dispose", self)

    async def __aenter__(self) -> JsObject:
        if not self._traits & (_CONTEXT | _ASYNC_CONTEXT):
            raise TypeError(f"{self!r} has neither Symbol.asyncDispose nor Symbol.dispose")
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await ask_async("js.dispose_async", self)

    def __repr__(self) -> str:
        # Without a crossing: a debugger shows objects on any thread.
        return f"<{type(self).__name__} {self._label}>" if self._label else f"<{type(self).__name__}>"


class JsFunction(_native.HostFunction, JsObject):
    """A function of TypeScript's. Calling it calls TypeScript and waits; ``call_async`` is awaitable."""

    __slots__ = ()


class JsClass(JsObject):
    """A class of TypeScript's. Calling it makes an instance, as ``new`` does."""

    __slots__ = ()

    def __call__(self, *args: Any) -> Any:
        return ask("js.new", self, *args)

    def call_async(self, *args: Any) -> Awaitable[Any]:
        """Awaitable form of making an instance."""
        return ask_async("js.new", self, *args)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, JsObject) and bool(ask("js.instance_of", instance, self))


class JsPromise(JsObject):
    """A promise of TypeScript's: await it, or ``wait()`` for it."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Any]:
        return ask_async("js.settle", self).__await__()

    def wait(self) -> Any:
        """Return what the promise is fulfilled with; raise ``HostError`` when it is rejected."""
        return ask("js.settle", self)


class JsIterator(JsObject):
    """An iterator or generator of TypeScript's."""

    __slots__ = ()

    def __iter__(self) -> JsIterator:
        return self

    def __next__(self) -> Any:
        return _next(ask("js.next", self))

    def send(self, value: Any) -> Any:
        """Go on with ``value`` as the result of the generator's ``yield``."""
        return _next(ask("js.next", self, value))

    def throw(self, error: BaseException) -> Any:
        """Raise ``error`` where the generator waits."""
        return _next(ask("js.throw", self, _error_payload.describe(error, _native.keep_error)))

    def close(self) -> None:
        """End the generator: its ``finally`` blocks run."""
        ask("js.return", self)


class JsAsyncIterator(JsObject):
    """An asynchronous iterator or generator of TypeScript's."""

    __slots__ = ()

    def __aiter__(self) -> JsAsyncIterator:
        return self

    async def __anext__(self) -> Any:
        return _next_async(await ask_async("js.next", self))

    async def asend(self, value: Any) -> Any:
        """Go on with ``value`` as the result of the generator's ``yield``."""
        return _next_async(await ask_async("js.next", self, value))

    async def athrow(self, error: BaseException) -> Any:
        """Raise ``error`` where the generator waits."""
        return _next_async(
            await ask_async("js.throw", self, _error_payload.describe(error, _native.keep_error))
        )

    async def aclose(self) -> None:
        """End the generator: its ``finally`` blocks have run when this returns."""
        await ask_async("js.return", self)

    def __iter__(self) -> Iterator[Any]:
        # The JavaScript side awaits each item, so that a thread may wait for it.
        return _Items(self)


class JsSymbol(JsObject):
    """A symbol of TypeScript's; ``obj[symbol]`` is the member it names."""

    __slots__ = ()


class JsMethod:
    """A method of a JavaScript object, called on it."""

    __slots__ = ("_is_async", "_name", "_owner")

    def __init__(self, owner: JsObject, name: str, is_async: bool = False) -> None:
        self._owner = owner
        self._name = name
        self._is_async = is_async

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method; the awaitable form when its name ended in ``_async``."""
        call = self._owner._call_async if self._is_async else self._owner._call
        return call(self._name, args, kwargs or None)

    def call_async(self, *args: Any, **kwargs: Any) -> Awaitable[Any]:
        """Awaitable form of calling the method."""
        return self._owner._call_async(self._name, args, kwargs or None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JsMethod):
            return NotImplemented
        return (self._owner, self._name, self._is_async) == (other._owner, other._name, other._is_async)

    def __hash__(self) -> int:
        return hash((self._owner, self._name))

    def __repr__(self) -> str:
        return f"<method {self._name} of {self._owner!r}>"


class JsStream:
    """Asynchronous iteration over any JavaScript object that can be iterated.

    Left half-way, it ends the iterator that was made for it; ``aclose`` also waits for that.
    """

    __slots__ = ("_iterator", "_source")

    def __init__(self, source: JsObject) -> None:
        self._source = source
        # An iterator need not be asked for one.
        self._iterator: JsObject | None = source if isinstance(source, JsIterator) else None

    def __aiter__(self) -> JsStream:
        return self

    async def __anext__(self) -> Any:
        if self._iterator is None:
            self._iterator = await ask_async("js.iterate_async", self._source)
            if self._iterator is None:
                raise TypeError(f"{self._source!r} is not iterable")
        return _next_async(await ask_async("js.next", self._iterator))

    async def aclose(self) -> None:
        """End the iteration: the iterator's ``finally`` blocks have run when this returns."""
        if self._iterator is not None:
            await ask_async("js.return", self._iterator)


class _Items:
    """Iteration on a thread.

    Left half-way, it ends the iterator that was made for it; ``close`` also waits for that.
    """

    __slots__ = ("_iterator",)

    def __init__(self, iterator: JsObject) -> None:
        self._iterator = iterator

    def __iter__(self) -> _Items:
        return self

    def __next__(self) -> Any:
        return _next(ask("js.next", self._iterator))

    def close(self) -> None:
        """End the iteration: the iterator's ``finally`` blocks have run when this returns."""
        ask("js.return", self._iterator)


def _next(step: tuple[bool, Any]) -> Any:
    done, value = step
    if done:
        raise StopIteration(value)
    return value


def _next_async(step: tuple[bool, Any]) -> Any:
    done, value = step
    if done:
        raise StopAsyncIteration
    return value


def _checked(answer: int | None, refusal: str) -> int:
    if answer is None:
        raise TypeError(refusal)
    return answer


CLASSES = (JsObject, JsFunction, JsClass, JsPromise, JsIterator, JsAsyncIterator, JsSymbol)
"""By the index that native code chooses by what the object can do."""
