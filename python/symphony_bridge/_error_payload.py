"""Exceptions as plain values for the other side, and back.

``describe`` makes the payload of an ERROR frame from any exception; ``rebuild`` makes an exception from
the payload of TypeScript's. Any thread, attached; never raises for what an exception does when it is
looked at. Must not know frames of the wire or who calls.
"""

from __future__ import annotations

import builtins
import sys
from typing import Any, Dict, List

from . import _error_facts, _error_frames, _native, errors
from ._error_codes import HINTS

# An exception may be part of a graph of any size; nobody reads further than this.
_MOST_ERRORS = 64
_DEEPEST = 24
_MOST_NOTES = 32

_ORIGINAL = errors.ORIGINAL

Payload = Dict[str, Any]


class _Original(List[Any]):
    """The object that was thrown, by reference; a copy in another process goes without."""

    def __reduce__(self) -> Any:
        return (_Original, ())


def describe(error: BaseException, keep: Any = None, light: bool = True) -> Payload:
    """Return ``error`` with its causes, notes and, for a group, its members as plain values.

    ``keep(exception)`` returns what stands for an exception itself, so that it can come back as the
    same object; without it nothing of ``error`` is referred to. ``light``: the exceptions that are kept
    let go of the variables in their tracebacks, which read the same.
    """
    return _Description(keep, light).of(error, 0) or {}


def title(error: BaseException) -> str:
    """Return type and message of ``error``; never raises."""
    return f"{_name_of(type(error)).rpartition('.')[2]}: {_message(error)}"


def rebuild(payload: Payload, kept: Any = None) -> BaseException:
    """Return the exception for an error that TypeScript reports.

    ``kept(number)`` finds the exception that the error was in Python, None when it is gone.
    """
    error = _kept(payload, kept)
    frames = _list(payload.get("frames"))
    if error is not None:
        passed = []
        for frame in frames:
            if frame.get("language") != "typescript":
                break
            passed.append(frame)
        traceback = _error_frames.traceback_of(passed, error.__traceback__)
        _set(error, _ORIGINAL, _held(payload))
    else:
        error = _made(payload, kept)
        traceback = _error_frames.traceback_of(frames)
    return BaseException.with_traceback(error, traceback)


class _Description:
    """The walk over one graph of exceptions."""

    def __init__(self, keep: Any, light: bool) -> None:
        self._keep = keep
        self._light = light
        self._left = _MOST_ERRORS
        self._open: list[int] = []

    def of(self, error: BaseException | None, depth: int) -> Payload | None:
        """Return the payload; None for what leads back to itself."""
        if error is None or id(error) in self._open:
            return None
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return _plainly(error, "what caused it is left out: there are too many errors")
        self._open.append(id(error))
        try:
            payload = self._described(error, depth)
        except Exception as failure:
            payload = _plainly(error, f"it could not be described: {title(failure)}")
        self._open.pop()
        return payload

    def _described(self, error: BaseException, depth: int) -> Payload:
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        code = _code(error)
        members = _members(error)
        payload = {
            "type": _name_of(type(error)),
            "message": _message(error),
            "code": code,
            "hint": _hint(error, code),
            "origin": _origin(error),
            "component": _text(_attribute(error, "component")),
            "operation": _text(_attribute(error, "operation")),
            "details": _details(error),
            "frames": _frames(error),
            "notes": [_text(note) for note in _list_of(_attribute(error, "__notes__"))[:_MOST_NOTES]],
            "cause": self.of(cause, depth + 1),
            "errors": None if members is None else [self.of(member, depth + 1) for member in members],
            "exception": None,
            "original": None,
        }
        if self._keep is not None:
            original = _attribute(error, _ORIGINAL)
            payload["original"] = list(original) if isinstance(original, _Original) and original else None
            payload["exception"] = self._keep(error)
            if self._light:
                _error_frames.without_locals(error)
        return payload


def _plainly(error: BaseException, note: str) -> Payload:
    """The payload of an exception that is not looked into."""
    return {
        "type": _name_of(type(error)),
        "message": _message(error),
        "code": "python-exception",
        "origin": "python",
        "frames": [],
        "notes": [note],
        "cause": None,
    }


def _made(payload: Payload, kept: Any) -> BaseException:
    code = _text(payload.get("code"))
    message = _text(payload.get("message"))
    hint = payload.get("hint") or None
    members = payload.get("errors")
    kind = _KINDS.get(code)
    error: Any
    if kind is not None:
        error = kind(message, code=code, hint=hint)
    else:
        known: dict[str, Any] = {
            "js_type": _text(payload.get("type")) or "Error",
            "js_stack": _text(payload.get("stack")),
            "code": code or None,
            "hint": hint,
        }
        inner = [rebuild(member, kept) for member in _list(members)]
        group = errors.host_error_group() if inner else None
        error = errors.HostError(message, **known) if group is None else group(message, inner, **known)
        error.details = payload.get("details")
        if members is not None:
            error.errors = inner
    notes = [_text(note) for note in _list_of(payload.get("notes"))]
    if notes:
        error.__notes__ = notes
    _set(error, _ORIGINAL, _held(payload))
    cause = payload.get("cause")
    if isinstance(cause, dict):
        error.__cause__ = rebuild(cause, kept)
    return error  # type: ignore[no-any-return]


_KINDS = {
    "closed": errors.BridgeClosed,
    "cancelled": errors.CallCancelled,
    "deadline": errors.CallCancelled,
    "deadlock": errors.DeadlockError,
    "host-timeout": errors.HostTimeout,
    "host-unavailable": errors.HostUnavailable,
}


def _held(payload: Payload) -> _Original:
    """The object that was thrown in TypeScript, as its payload has it. It lives as long as the exception."""
    original = _Original(_list_of(payload.get("original")))
    for thrown in original:
        if isinstance(thrown, _native.HostRef):
            thrown._keep("thrown, and part of an exception")
    return original


def _kept(payload: Payload, kept: Any) -> BaseException | None:
    number = payload.get("ref")
    found = kept(number) if kept is not None and number else None
    return found if isinstance(found, BaseException) else None


def _members(error: BaseException) -> list[BaseException] | None:
    """The exceptions of a group, None for any other exception."""
    backport = getattr(sys.modules.get("exceptiongroup"), "BaseExceptionGroup", None)
    kinds = tuple(kind for kind in (getattr(builtins, "BaseExceptionGroup", None), backport) if kind)
    members = _attribute(error, "exceptions") if kinds and isinstance(error, kinds) else None
    if members is None and isinstance(error, errors.HostError):
        members = error.errors
    if not isinstance(members, (tuple, list)):
        return None
    return [member for member in members if isinstance(member, BaseException)]


def _name_of(kind: type) -> str:
    try:
        name = (
            kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        )
    except Exception:
        return str(type.__getattribute__(kind, "__name__"))
    return name


def _code(error: BaseException) -> str:
    # Foreign exceptions have a `code` of their own kind: a status, a method, an exit code.
    code = _attribute(error, "code")
    if not isinstance(code, str) or not code:
        return "python-exception"
    return code if isinstance(error, errors.BridgeError) or code in HINTS else "python-exception"


def _hint(error: BaseException, code: str) -> str:
    own = _text(_attribute(error, "hint")) if isinstance(error, errors.BridgeError) else ""
    try:
        return own or (_error_facts.hint_of(error) if code == "python-exception" else "")
    except Exception:
        return ""


def _origin(error: BaseException) -> str:
    return next((origin for kind, origin in _ORIGINS if isinstance(error, kind)), "python")


# The first that fits. A panic is the bridge's, whatever component it names: nothing was refused.
_ORIGINS = (
    (errors.HostError, "host"),
    (errors.PitError, "pit"),
    (errors.ComponentError, "component"),
    (errors.BridgeError, "bridge"),
)


def _frames(error: BaseException) -> list[_error_frames.Frame]:
    frames = _error_frames.frames_of(error.__traceback__)
    if isinstance(error, SyntaxError) and isinstance(error.filename, str):
        line = error.lineno if isinstance(error.lineno, int) else 0
        frames.append({"language": "python", "function": "<module>", "file": error.filename, "line": line})
    return frames


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, (errors.HostError, errors.ComponentError)):
            # Their text also tells what travels in fields of its own here.
            return str(error.message)
        members = _members(error)
        return str(error if members is None else _attribute(error, "message"))
    except BaseException as failure:
        return f"<message not available: str() raised {_name_of(type(failure))}>"


def _details(error: BaseException) -> Payload | None:
    """The error's fields as values that every codec knows; anything else as its ``repr``."""
    try:
        details = _attribute(error, "details")
        if not isinstance(details, dict):
            details = _error_facts.details_of(error)
        if not isinstance(details, dict):
            return None
        return {_text(key): _value(value) for key, value in list(details.items())[:64]}
    except Exception:
        return None


def _value(value: Any) -> Any:
    if value is None or type(value) in (str, int, float, bool):
        return value
    try:
        return repr(value)
    except Exception as failure:
        return f"<not available: repr() raised {_name_of(type(failure))}>"


def _attribute(error: BaseException, name: str) -> Any:
    try:
        return getattr(error, name, None)
    except Exception:
        return None


def _set(error: BaseException, name: str, value: Any) -> None:
    try:
        # Not `setattr`: a class may refuse attributes.
        BaseException.__setattr__(error, name, value)
    except Exception:
        return


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    try:
        return "" if value is None else str.__str__(value) if isinstance(value, str) else str(value)
    except Exception:
        return ""


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in _list_of(value) if isinstance(item, dict)]


def _list_of(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []
