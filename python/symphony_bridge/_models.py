"""Classes that cross by name: enums, named tuples, dataclasses, attrs classes and pydantic models.

A class is called ``module:qualname``. One that cannot be found by that name (made in a function, or replaced
by a newer one) is remembered as long as it lives, and called ``module:qualname#n`` where the name is taken.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
import weakref
from importlib import import_module
from typing import Any, Callable, Optional, Tuple

_Rule = Optional[Tuple[Any, ...]]


class Refusal(TypeError):
    """A value cannot be made of what came; the codec adds where."""


def rule(cls: type, mro: tuple[type, ...]) -> _Rule:
    """The rule for a class that crosses by name; None when it is none of these."""
    enum = sys.modules.get("enum")
    if enum is not None and enum.Enum in mro:
        return ("convert", "enum", _EnumWriter(name_of(cls)))
    if tuple in mro and _is_namedtuple(cls):
        return ("convert", "namedtuple", _TupleWriter(name_of(cls), _fields(cls)))
    if _declares(mro, "__dataclass_fields__"):
        return ("fields", name_of(cls), [field.name for field in dataclasses.fields(cls)])
    if _declares(mro, "__attrs_attrs__"):
        attributes: Any = cls.__attrs_attrs__  # type: ignore[attr-defined]
        return ("fields", name_of(cls), [attribute.name for attribute in attributes])
    if _is_pydantic(mro):
        return ("model", name_of(cls), _write_pydantic)
    return None


def plan(name: str) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., None]]:
    """How instances of a class are made: by its constructor of fields; blank; and filled later."""
    cls = find(name)
    mro: tuple[type, ...] = type.__getattribute__(cls, "__mro__") if isinstance(cls, type) else ()
    if _declares(mro, "__dataclass_fields__"):
        taken = {field.name: field.init for field in dataclasses.fields(cls)}
        return _maker(cls, {key: key if init else None for key, init in taken.items()})
    if _declares(mro, "__attrs_attrs__"):
        return _maker(cls, {item.name: _attrs_argument(item) for item in cls.__attrs_attrs__})
    if _is_pydantic(mro):
        return _pydantic_plan(cls)
    raise Refusal("it is not a dataclass, an attrs class or a pydantic model")


def read_enum(plain: Any) -> Any:
    """The member of an enum, by its name where it has one."""
    name, member, value = plain
    cls = find(name)
    enum = import_module("enum")
    if not (isinstance(cls, type) and issubclass(cls, enum.Enum)):
        raise Refusal(f"{name!r} is not an enum")
    found: Any = cls
    return found(value) if member is None else found[member]


def read_namedtuple(plain: Any) -> Any:
    """A named tuple; its class must still have these fields."""
    name, fields, values = plain
    cls = find(name)
    if not (isinstance(cls, type) and issubclass(cls, tuple) and _is_namedtuple(cls)):
        raise Refusal(f"{name!r} is not a named tuple")
    if tuple(fields) != _fields(cls):
        raise Refusal(f"{name!r} has other fields now")
    return tuple.__new__(cls, values)


def name_of(cls: type) -> str:
    """The name by which ``find`` finds this class again."""
    module = type.__getattribute__(cls, "__module__")
    base = f"{module}:{cls.__qualname__}"
    if _importable(base) is cls:
        return base
    with _LOCK:
        name, number = base, 1
        while _local.get(name, cls) is not cls or (name == base and _importable(base) is not None):
            name, number = f"{base}#{number}", number + 1
        _local[name] = cls
    return name


def find(name: Any) -> Any:
    """The class of a name. Raises ``Refusal``."""
    if type(name) is not str:
        raise Refusal("its name is not text")
    local = _local.get(name)
    if local is not None:
        return local
    module_name, separator, path = name.partition(":")
    if not separator:
        raise Refusal("its name is not 'module:qualname'")
    try:
        found: Any = sys.modules.get(module_name) or import_module(module_name)
    except Exception as error:
        raise Refusal(f"its module cannot be imported: {error}") from error
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise Refusal(f"it cannot be found: {error}") from error
    return found


_LOCK = threading.Lock()
_local: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()


def _importable(name: str) -> Any:
    """What a program that imports the module finds under the name; nothing is imported for it."""
    module_name, _, path = name.partition(":")
    found: Any = sys.modules.get(module_name)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


class _EnumWriter:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, value: Any) -> Any:
        # A flag without a name of its own, e.g. A|B, has none or one that is no member's: it goes by value.
        name = value._name_
        if name not in type(value).__members__:
            name = None
        return (self.name, name, value._value_)


class _TupleWriter:
    def __init__(self, name: str, fields: tuple[str, ...]) -> None:
        self.name = name
        self.fields = tuple(fields)

    def __call__(self, value: Any) -> Any:
        return (self.name, self.fields, tuple(value))


def _fields(cls: type) -> Any:
    return getattr(cls, "_fields", None)


def _is_namedtuple(cls: type) -> bool:
    fields = _fields(cls)
    return type(fields) is tuple and all(type(field) is str for field in fields)


def _declares(mro: tuple[type, ...], name: str) -> bool:
    return any(name in type.__getattribute__(base, "__dict__") for base in mro)


def _is_pydantic(mro: tuple[type, ...]) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and getattr(pydantic, "BaseModel", None) in mro


def _attrs_argument(attribute: Any) -> str | None:
    if not attribute.init:
        return None
    name: str = getattr(attribute, "alias", None) or attribute.name.lstrip("_")
    return name


def _maker(
    cls: Any, arguments: dict[str, str | None]
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., None]]:
    """``arguments``: each field with what its constructor calls it; None: set afterwards."""
    # The constructor wants what no instance keeps.
    needs_more = any(default is dataclasses.MISSING for default in _init_only(cls))

    def check(fields: dict[str, Any]) -> None:
        for key in fields:
            if key not in arguments:
                raise Refusal(f"it has no field {key!r}")

    def make(fields: dict[str, Any]) -> Any:
        check(fields)
        if needs_more:
            instance = blank()
            fill(instance, fields)
            return instance
        given: dict[str, Any] = {}
        rest: list[tuple[str, Any]] = []
        for key, value in fields.items():
            argument = arguments[key]
            if argument is None:
                rest.append((key, value))
            else:
                given[argument] = value
        instance = cls(**given)
        for key, value in rest:
            # Not `setattr`, which a frozen class refuses.
            object.__setattr__(instance, key, value)
        return instance

    def blank() -> Any:
        return cls.__new__(cls)

    def fill(instance: Any, fields: dict[str, Any]) -> None:
        check(fields)
        for key, value in fields.items():
            object.__setattr__(instance, key, value)

    return make, blank, fill


def _init_only(cls: Any) -> list[Any]:
    """Defaults of a dataclass's InitVars."""
    declared: dict[str, Any] = getattr(cls, "__dataclass_fields__", {})
    return [
        field.default if field.default_factory is dataclasses.MISSING else None
        for field in declared.values()
        if getattr(field, "_field_type", None) is getattr(dataclasses, "_FIELD_INITVAR", None)
    ]


def _write_pydantic(value: Any) -> dict[str, Any]:
    names = getattr(type(value), "model_fields", None) or type(value).__fields__
    fields = {name: getattr(value, name) for name in names}
    fields.update(getattr(value, "__pydantic_extra__", None) or {})
    return fields


def _pydantic_plan(cls: Any) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., None]]:
    declared = getattr(cls, "model_fields", None) or cls.__fields__

    def called(name: str) -> str:
        field = declared.get(name)
        alias = getattr(field, "validation_alias", None) or getattr(field, "alias", None)
        return alias if isinstance(alias, str) else name

    def make(fields: dict[str, Any]) -> Any:
        given = {called(name): value for name, value in fields.items()}
        validate = getattr(cls, "model_validate", None) or cls.parse_obj
        return validate(given)

    def blank() -> Any:
        return cls.__new__(cls)

    def fill(instance: Any, fields: dict[str, Any]) -> None:
        own = {name: value for name, value in fields.items() if name in declared}
        extra = {name: value for name, value in fields.items() if name not in declared}
        version_2 = hasattr(cls, "model_fields")
        state: dict[str, Any] = {
            "__dict__": own if version_2 else {**own, **extra},
            "__pydantic_fields_set__" if version_2 else "__fields_set__": set(fields),
        }
        if version_2:
            state.update(__pydantic_extra__=extra or None, __pydantic_private__=None)
        for key, value in state.items():
            object.__setattr__(instance, key, value)

    return make, blank, fill
