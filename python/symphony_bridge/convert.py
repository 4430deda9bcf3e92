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

    ``type`` is a class, or a predicate that is asked with an object's class. Of two that match, the one of
    the higher ``priority`` converts; of equal ones a class before its base, a class before a predicate, then
    the one added later. Above 0 it comes before what the bridge does for types of libraries (``datetime``,
    ``Decimal``, NumPy's); at 0 (the default) before what it does for classes of programs: dataclasses, enums,
    named tuples, attrs, pydantic, exceptions; below 0 it is asked for what would cross by reference. Nothing
    is asked for None and exactly bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset.

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


def _rule(cls: type) -> _Rule:
    """The rule for objects of a type, in the form that the codec reads; None: by reference."""
    # Not `cls.__mro__`: a metaclass may say anything there.
    mro = type.__getattribute__(cls, "__mro__")
    with _LOCK:
        entries = list(reversed(_user))
    return (
        _best(cls, mro, [entry for entry in entries if entry.priority > 0])
        or _converters.exact_rule(cls)
        or _best(cls, mro, [entry for entry in entries if entry.priority == 0])
        or _models.rule(cls, mro)
        or _best(cls, mro, [entry for entry in entries if entry.priority < 0])
        or _converters.error_rule(mro)
    )


def _best(cls: type, mro: tuple[type, ...], entries: list[_Entry]) -> _Rule:
    """The rule of the entry that comes first; ``entries`` has the later ones before."""
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
    return None if best is None else ("convert", best.name, best.to_plain)


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
