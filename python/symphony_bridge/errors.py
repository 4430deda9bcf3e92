"""The errors that cross the bridge, and their form on the way.

``describe`` turns any exception into plain values for the other side; ``rebuild`` turns what came
from TypeScript into an exception. Both keep every frame in call order (outermost first).
"""

from __future__ import annotations

import os
import traceback
from typing import Any

__all__ = [
    "BridgeClosed",
    "BridgeError",
    "CallAbandoned",
    "CallCancelled",
    "DeadlockError",
    "HostError",
    "HostUnavailable",
    "PitCancelled",
    "PitCapacity",
    "PitConflict",
    "PitDamaged",
    "PitDenied",
    "PitError",
    "PitFailed",
    "PitInternal",
    "PitInvalid",
    "PitNotFound",
    "PitStorage",
    "PitTimeout",
]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class BridgeError(Exception):
    """Base of all errors of the bridge.

    ``code`` is stable and made for programs; ``hint`` says what to do next.
    """

    code = "bridge"
    hint = ""

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        if hint is not None:
            self.hint = hint


class CallCancelled(BridgeError):
    """The caller cancelled the call, and it has ended."""

    code = "cancelled"


class CallAbandoned(BridgeError):
    """The call was cancelled but could not be interrupted; its thread still runs."""

    code = "abandoned"
    hint = (
        "The call waits inside foreign code, which no Python can interrupt from outside. "
        "Run it in the subprocess host, where Stop always works."
    )


class BridgeClosed(BridgeError):
    """The bridge was closed while the call was under way."""

    code = "closed"
    hint = "Restart the Conductor and call again."


class DeadlockError(BridgeError, RuntimeError):
    """The call would wait for a thread that waits for the call."""

    code = "deadlock"


class HostError(BridgeError, RuntimeError):
    """A function of the editor raised an error.

    ``js_type`` and ``js_stack`` are the JavaScript error's name and stack.
    """

    code = "host-error"

    def __init__(self, message: str, *, js_type: str = "Error", js_stack: str = "", **known: Any) -> None:
        super().__init__(message, **known)
        self.js_type = js_type
        self.js_stack = js_stack
        self.js_ref = 0
        self.js_frames: list[dict[str, Any]] = []
        self.details: dict[str, Any] | None = None

    def __str__(self) -> str:
        message = super().__str__()
        lines = [line for line in self.js_stack.splitlines() if line.lstrip().startswith("at ")]
        return "\n".join([f"{self.js_type}: {message}", *lines]) if lines else message


class HostUnavailable(BridgeError, RuntimeError):
    """No editor is connected, or it does not offer the function."""

    code = "host-unavailable"


class PitError(BridgeError):
    """Base of the Pit's errors; each is also the built-in error that fits.

    ``component`` and ``operation`` say where, ``details`` holds the field and value at fault,
    ``hint`` says what to do next, ``rust_frames`` where in the Pit it was raised
    (function, file, line). A failed loader or step is the ``__cause__``.
    """

    code = "pit"

    def __init__(
        self,
        message: str,
        *,
        component: str = "",
        operation: str = "",
        details: dict[str, Any] | None = None,
        rust_frames: list[tuple[str, str, int]] | None = None,
        **known: Any,
    ) -> None:
        super().__init__(message, **known)
        self.component = component
        self.operation = operation
        self.details: dict[str, Any] = details or {}
        self.rust_frames: list[tuple[str, str, int]] = rust_frames or []

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  hint: {self.hint}" if self.hint else message


class PitInvalid(PitError, ValueError):
    """A value that is not allowed; ``details`` has ``field``, ``value`` and ``allowed``."""

    code = "pit-invalid"


class PitNotFound(PitError, LookupError):
    """An id or name that names nothing."""

    code = "pit-not-found"


class PitConflict(PitError, RuntimeError):
    """The state of the thing refuses the operation, or its name is taken."""

    code = "pit-conflict"


class PitTimeout(PitError, TimeoutError):
    """A deadline passed."""

    code = "pit-timeout"


class PitCapacity(PitError, MemoryError):
    """It can never fit the limit."""

    code = "pit-capacity"


class PitStorage(PitError, OSError):
    """Trouble with the disk or the database of the Pit home."""

    code = "pit-storage"


class PitDenied(PitStorage, PermissionError):
    """The Pit home may not be read or written."""

    code = "pit-denied"


class PitDamaged(PitStorage):
    """What is on disk is not what was stored."""

    code = "pit-damaged"


class PitFailed(PitError, RuntimeError):
    """A loader or a step failed; its error is the ``__cause__``."""

    code = "pit-failed"


class PitCancelled(PitError, RuntimeError):
    """What was waited for has been cancelled."""

    code = "pit-cancelled"


class PitInternal(PitError, RuntimeError):
    """A fault of the Pit itself, such as a panic; the process goes on."""

    code = "pit-internal"


def describe(error: BaseException) -> dict[str, Any]:
    """Return ``error`` as plain values: type, message, code, hint, frames, cause, notes, details."""
    return _describe(error, set())


def title(error: BaseException) -> str:
    """Return type and message of ``error``; never raises."""
    return f"{type(error).__name__}: {_message(error)}"


def rebuild(description: dict[str, Any]) -> BaseException:
    """Return the exception for an error that TypeScript reports."""
    kind = {
        "closed": BridgeClosed,
        "cancelled": CallCancelled,
        "deadlock": DeadlockError,
        "host-unavailable": HostUnavailable,
    }.get(description.get("code", ""))
    message = str(description.get("message", ""))
    hint = description.get("hint") or None
    if kind is not None:
        return kind(message, hint=hint)
    error = HostError(
        message,
        js_type=str(description.get("type", "Error")),
        js_stack=str(description.get("stack", "")),
        code=description.get("code") or None,
        hint=hint,
    )
    error.js_ref = int(description.get("ref") or 0)
    error.js_frames = list(description.get("frames") or [])
    error.details = description.get("details")
    return error


def _describe(error: BaseException, seen: set[int]) -> dict[str, Any]:
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return {
        "type": _type_name(type(error)),
        "message": _message(error),
        "code": _code(error),
        "hint": _text(getattr(error, "hint", "")),
        "origin": _origin(error),
        "component": _text(getattr(error, "component", "")),
        "operation": _text(getattr(error, "operation", "")),
        "details": _plain(getattr(error, "details", None)),
        "frames": _frames(error),
        "notes": [_text(note) for note in getattr(error, "__notes__", ())],
        "cause": _describe(cause, seen) if cause is not None and id(cause) not in seen else None,
        "ref": int(getattr(error, "js_ref", 0)),
    }


def _type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _code(error: BaseException) -> str:
    # Foreign exceptions have a `code` of their own kind: a status, a method, an exit code.
    code = None if isinstance(error, SystemExit) else getattr(error, "code", None)
    return code if isinstance(code, str) and code else "python-exception"


def _origin(error: BaseException) -> str:
    if isinstance(error, HostError):
        return "host"
    if getattr(error, "component", ""):
        return "pit"
    return "bridge" if isinstance(error, BridgeError) else "python"


def _frames(error: BaseException) -> list[dict[str, Any]]:
    frames = [
        _frame("python", frame.name, frame.filename, frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if not _is_internal(frame.filename)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append(_frame("python", "<module>", error.filename, error.lineno))
    native: list[tuple[str, str, int]] = getattr(error, "rust_frames", None) or []
    frames.extend(_frame("rust", *place) for place in native)
    frames.extend(getattr(error, "js_frames", None) or [])
    return frames


def _frame(language: str, function: str, file: str, line: int | None) -> dict[str, Any]:
    return {"language": language, "function": function, "file": file, "line": line or 0}


def _is_internal(filename: str) -> bool:
    return filename.startswith((_PACKAGE, "<frozen "))


def _message(error: BaseException) -> str:
    if isinstance(error, (HostError, PitError)):
        # Their text also tells what travels in fields of its own here.
        return BridgeError.__str__(error)
    if isinstance(error, KeyError) and len(error.args) == 1:
        return repr(error.args[0])
    try:
        return str(error)
    except Exception as failure:
        return f"<message not available: str() raised {type(failure).__name__}>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _plain(details: Any) -> dict[str, Any] | None:
    """Return details as values that every codec knows; anything else as its ``repr``."""
    if not isinstance(details, dict):
        return None
    known = (str, int, float, bool, type(None))
    return {str(key): value if isinstance(value, known) else repr(value) for key, value in details.items()}
