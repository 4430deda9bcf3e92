"""Python classes for the structs and enums of components in Rust.

Called from native code when a component is imported. Any thread. Must not know what the values are for.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
from typing import Any, Sequence, Tuple

Field = Tuple[str, str]


def dataclass_of(name: str, module: str, doc: str, fields: Sequence[Field], frozen: bool) -> type:
    """Return the dataclass for a struct."""
    return _dataclass(name, name, module, doc, fields, frozen, ())


def enum_of(
    name: str, module: str, doc: str, members: Sequence[tuple[str, int | None]]
) -> tuple[type, list[Any]]:
    """Return the enum for names, and its members; one without a number has its name as value."""
    values = [(member, member if value is None else value) for member, value in members]
    maker: Any = enum.Enum
    made = maker(name, values, module=module, qualname=name)
    made.__doc__ = doc or None
    return made, [made[member] for member, _ in members]


def union_of(
    name: str, module: str, doc: str, variants: Sequence[tuple[str, Sequence[Field]]], frozen: bool
) -> tuple[type, list[Any]]:
    """Return the base class of an enum with fields, and a dataclass for each variant, an attribute of it."""
    base = type(name, (), {"__module__": module, "__doc__": doc or None, "__slots__": ()})
    made = []
    for variant, fields in variants:
        kind = _dataclass(variant, f"{name}.{variant}", module, "", fields, frozen, (base,))
        setattr(base, variant, kind)
        made.append(kind)
    return base, made


def found(name: str, members: Sequence[str]) -> tuple[Any, list[Any]]:
    """Return the class ``module:qualified.name``, and the named members of it."""
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found, [found[member] for member in members]


def _dataclass(
    name: str,
    qualname: str,
    module: str,
    doc: str,
    fields: Sequence[Field],
    frozen: bool,
    bases: tuple[type, ...],
) -> type:
    namespace = {"__doc__": doc} if doc else {}
    made = dataclasses.make_dataclass(name, fields, bases=bases, namespace=namespace, frozen=frozen)
    # Only now: the module may not be there yet, and would be asked what the annotations mean.
    made.__module__ = module
    made.__qualname__ = qualname
    return made
