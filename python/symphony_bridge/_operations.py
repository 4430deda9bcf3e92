"""The thirteen operations of the Pit's port, for a person: what each takes, and how to call it by name.

Used by the editor's command *Invoke Pit Operation*. The descriptions are read from the functions
themselves. Twin: ``extension/commands/pitArguments.ts``.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import inspect
import json
import re
from functools import reduce
from importlib import import_module
from typing import Any, Callable, Mapping

from . import pit

PORT = {
    "allocate_model": "pool",
    "deallocate_model": "pool",
    "get_model_status": "pool",
    "create_workflow": "dag",
    "execute_workflow": "dag",
    "get_workflow_status": "dag",
    "store_artifact": "artifacts",
    "retrieve_artifact": "artifacts",
    "delete_artifact": "artifacts",
    "submit_decision": "arbitration",
    "get_policy": "arbitration",
    "mark_stale": "stale",
    "cleanup_stale": "stale",
}
"""Operation → component, in the order in which they are offered."""

_TYPED = {"store_artifact": {"content": "str"}}
"""Types of parameters that a person gives in another form than the function's."""

_JSON_TYPES = {
    "string": re.compile(r"\b(str|UUID|Id|Path|PathLike|Literal)\b"),
    "number": re.compile(r"\b(int|float|Seconds)\b"),
    "boolean": re.compile(r"\bbool\b"),
    "object": re.compile(r"\b([Dd]ict|Mapping|MutableMapping|TypedDict)\b"),
    "array": re.compile(r"\b([Ll]ist|[Tt]uple|Sequence|Iterable|[Ss]et|FrozenSet|Collection)\b"),
    "null": re.compile(r"\bNone\b|\bOptional\b"),
}


def operations() -> list[dict[str, Any]]:
    """Describe every operation: ``name``, ``component``, ``summary`` and ``parameters``."""
    return [_describe(name, component) for name, component in PORT.items()]


def invoke(name: str, arguments: Mapping[str, Any]) -> str:
    """Call an operation with values as JSON has them; return the result as JSON text.

    Raises ``LookupError`` for an unknown operation, and what the operation raises.
    """
    if name not in PORT:
        raise LookupError(f"the Pit has no operation {name!r}; it has {', '.join(PORT)}")
    given = dict(arguments)
    if name == "create_workflow":
        given["definition"] = _with_callables(given.get("definition"))
    return json.dumps(_plain(_function(name)(**given)), indent=2, ensure_ascii=False)


def _function(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(pit, name)
    return function


def _describe(name: str, component: str) -> dict[str, Any]:
    function = _function(name)
    summary = (inspect.getdoc(function) or "").split("\n\n", 1)[0].replace("\n", " ")
    typed = _TYPED.get(name, {})
    parameters = [
        _describe_parameter(parameter, typed.get(parameter.name))
        for parameter in inspect.signature(function).parameters.values()
    ]
    return {"name": name, "component": component, "summary": summary, "parameters": parameters}


def _describe_parameter(parameter: inspect.Parameter, typed: str | None) -> dict[str, Any]:
    annotation = typed or _annotation(parameter)
    required = parameter.default is parameter.empty
    return {
        "name": parameter.name,
        "type": annotation or "any",
        "accepts": _accepted(annotation),
        "required": required,
        "default": None if required else repr(parameter.default),
    }


def _annotation(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _accepted(annotation: str) -> list[str]:
    """Return the JSON types that fit an annotation; empty when anything may."""
    # What a container holds says nothing of the value itself: `dict[str, int]` takes no number.
    outer = re.sub(r"\bOptional\[", "None | ", annotation)
    outer = re.sub(r"\bUnion\[(.*)\]", r"\1", outer)
    while "[" in outer:
        shorter = re.sub(r"\[[^\[\]]*\]", "", outer)
        if shorter == outer:
            break
        outer = shorter
    members = [part for part in re.split(r"[|,]", outer) if part.strip(" ]")]
    known = [{name for name, pattern in _JSON_TYPES.items() if pattern.search(part)} for part in members]
    if not known or not all(known):
        return []
    return [name for name in _JSON_TYPES if any(name in names for names in known)]


def _with_callables(definition: Any) -> Any:
    """Return a workflow whose steps name their functions, as ``module:function``, with the functions."""
    if not isinstance(definition, Mapping):
        return definition
    steps = [
        {**step, "callable": _named(step["callable"])}
        if isinstance(step, Mapping) and isinstance(step.get("callable"), str)
        else step
        for step in definition.get("steps", ())
    ]
    return {**definition, "steps": steps}


def _named(path: str) -> Any:
    module, _, attributes = path.partition(":")
    if not attributes:
        raise ValueError(f"callable: {path!r} names no function; write module:function")
    return reduce(getattr, attributes.split("."), import_module(module))


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON has it; what JSON has no form for is told in words."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _plain_bytes(bytes(value))
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value)


def _plain_bytes(content: bytes) -> Any:
    try:
        return {"bytes": len(content), "text": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"bytes": len(content), "base64": base64.b64encode(content).decode("ascii")}
