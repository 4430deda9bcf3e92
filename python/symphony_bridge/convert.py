"""How values cross between Python and JavaScript, and where a program adds types of its own.

Built-in types, dataclasses, enums, named tuples, dates, numbers, paths, buffers and NumPy arrays cross by
value already. ``register`` adds a converter for another type; the other side registers one under the same
name, and a type without any crosses by reference. What comes by a converter that only JavaScript has is a
``js.JsConverted``.

Threads: any. Must not know packs: the codec of ``_native`` asks here once per type.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, Callable, NamedTuple, Optional, Tuple

from . import _converters, _models, _native
from ._models import Refusal
from .js import JsBigInt as JsBigInt
from .js import JsConverted

__all__ = ["Refusal", "register", "unregister"]


def register(
    type: type | Callable[[type], bool],
    name: str,
    to_plain: Callable[[Any], Any],
    from_plain: Callable[[Any], Any],
    priority: int = 0,
) -> None:
    """Adds a converter.

    ``type`` is a class, or a predicate that is asked with an object's class. A converter for exactly the
    object's class comes first; then converters for its base classes and predicates by ``priority`` (higher
    first, from 0 on before the built-in ones); a class nearer to the object's before a farther one, and then
    the one added later. The plain built-in types of Python are never
    asked for.

    ``to_plain`` makes of a value one that crosses by itself, e.g. a tuple; ``from_plain`` makes the value
    again, and raises ``Refusal`` with a reason for what it cannot take. Both run wherever values are
    converted, on any thread.

    Raises ``ValueError`` when another converter has the name already.
    """
    if not callable(type):
        raise TypeError("type must be a class or a predicate")
    with _LOCK:
        if name in _readers or _converters.reader(name) is not None:
            raise ValueError(f"a converter called {name!r} is registered already")
        _readers[name] = from_plain
        _user.append(_Entry(type, name, to_plain, priority))
    _native._forget_rules()


def unregister(name: str) -> None:
    """Takes a converter away that ``register`` added. Raises ``KeyError`` when there is none."""
    with _LOCK:
        del _readers[name]
        _user[:] = [entry for entry in _user if entry.name != name]
    _native._forget_rules()


class _Entry(NamedTuple):
    type: Any
    name: str
    to_plain: Callable[[Any], Any]
    priority: int


_LOCK = threading.Lock()
_user: list[_Entry] = []
_readers: dict[str, Callable[[Any], Any]] = {}

_Rule = Optional[Tuple[Any, ...]]
# Where the built-in rules that look at bases stand among the priorities.
_BUILTIN_PRIORITY = 0


def _rule(cls: type) -> _Rule:
    """The rule for objects of a type, in the form that the codec reads; None: by reference."""
    # Not `cls.__mro__`: a metaclass may say anything there.
    mro = type.__getattribute__(cls, "__mro__")
    with _LOCK:
        entries = list(reversed(_user))
    for entry in entries:
        if entry.type is cls:
            return _convert(entry)
    rule = _converters.exact_rule(cls)
    if rule is not None:
        return rule
    candidates = [entry for entry in entries if entry.priority >= _BUILTIN_PRIORITY]
    entry = _best(cls, mro, candidates)
    if entry is not None:
        return _convert(entry)
    rule = _models.rule(cls, mro)
    if rule is not None:
        return rule
    entry = _best(cls, mro, [entry for entry in entries if entry.priority < _BUILTIN_PRIORITY])
    return _converters.error_rule(mro) if entry is None else _convert(entry)


def _best(cls: type, mro: tuple[type, ...], entries: list[_Entry]) -> _Entry | None:
    best: _Entry | None = None
    rank: tuple[int, int] = (0, 0)
    for entry in entries:
        if isinstance(entry.type, type):
            if entry.type not in mro:
                continue
            distance = mro.index(entry.type)
        elif entry.type(cls):
            distance = len(mro)
        else:
            continue
        if best is None or (entry.priority, -distance) > rank:
            best, rank = entry, (entry.priority, -distance)
    return best


def _convert(entry: _Entry) -> _Rule:
    return ("convert", entry.name, entry.to_plain)


def _reader(name: str) -> tuple[Callable[[Any], Any], bool]:
    """The function that reads a converter's form, and whether it is a built-in one."""
    own = _readers.get(name)
    if own is not None:
        return own, False
    builtin = _converters.reader(name)
    return partial(JsConverted, name) if builtin is None else builtin, True


_plan = _models.plan


def _forget_variables(error: BaseException, raised_by: Any) -> None:
    """Clears the variables of the functions that raised this, and what it came from."""
    import traceback

    traceback.clear_frames(raised_by)
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        traceback.clear_frames(each.__traceback__)
        waiting += [each.__cause__, each.__context__]
        inside = getattr(each, "exceptions", None)
        # Only a group's are what the name says.
        if isinstance(inside, tuple):
            waiting += [one for one in inside if isinstance(one, BaseException)]
