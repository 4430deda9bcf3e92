"""The errors of the bridge: what Conductor scripts can catch.

Every one has a ``code`` that stays the same, for programs, and a ``hint``, for people; the page
``docs/errors.md`` of the project explains each code. Any thread.
"""

from __future__ import annotations

import builtins
import importlib
from functools import lru_cache
from typing import Any

from . import _error_frames
from ._error_codes import HINTS

__all__ = [
    "BridgeClosed",
    "BridgeError",
    "CallAbandoned",
    "CallCancelled",
    "ComponentError",
    "DeadlockError",
    "HostError",
    "HostTimeout",
    "HostUnavailable",
    "NativePanic",
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


ORIGINAL = "__symphony_original__"
"""Attribute of an exception that passed through TypeScript: a list of the object that was thrown there."""


def __getattr__(name: str) -> Any:
    """``HostErrorGroup`` is made when it is first asked for; before 3.11 it needs the backport."""
    group = host_error_group() if name == "HostErrorGroup" else None
    if group is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return group


class BridgeError(Exception):
    """Base of all errors of the bridge.

    ``code`` is stable and made for programs; ``hint`` says what to do next; ``message`` is the text
    alone, where ``str()`` says more.
    """

    code = "bridge"

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code:
            self.code = code
        self.hint = hint or HINTS.get(self.code, HINTS["bridge"])


class CallCancelled(BridgeError):
    """The caller cancelled the call, and it has ended."""

    code = "cancelled"


class CallAbandoned(BridgeError):
    """The call was cancelled but could not be interrupted; its thread still runs."""

    code = "abandoned"


class BridgeClosed(BridgeError):
    """The bridge was closed while the call was under way."""

    code = "closed"


class DeadlockError(BridgeError, RuntimeError):
    """The call would wait for a thread that waits for the call."""

    code = "deadlock"


class HostError(BridgeError, RuntimeError):
    """A function of the editor raised an error; the traceback shows the lines of JavaScript.

    ``js_type`` (also ``name``) is the JavaScript error's name, ``js_stack`` its own stack as text,
    ``js_error`` the error object itself, by reference; ``details`` its plain fields, such as Node's
    ``code`` and ``syscall``. ``errors`` are the members of an AggregateError, which is an
    ``ExceptionGroup``, too, where Python has those.
    """

    code = "host-error"

    def __init__(self, message: str, *, js_type: str = "Error", js_stack: str = "", **known: Any) -> None:
        super().__init__(message, **known)
        self.js_type = self.name = js_type
        self.js_stack = js_stack
        self.details: dict[str, Any] | None = None
        self.errors: list[BaseException] | None = None

    def __str__(self) -> str:
        return self.message if self.js_type == "Error" else f"{self.js_type}: {self.message}"

    @property
    def js_error(self) -> Any:
        """The error object itself, by reference; None when it is no longer known."""
        original = getattr(self, ORIGINAL, None)
        return original[0] if original else None


@lru_cache(maxsize=None)
def host_error_group() -> Any:
    """Return the class of AggregateErrors: a HostError that is an ``ExceptionGroup``, too.

    None where Python has no exception groups: before 3.11 without the ``exceptiongroup`` backport.
    """
    group: Any = getattr(builtins, "ExceptionGroup", None)
    if group is None:
        try:
            # Only now: importing it changes how Python prints all exceptions.
            group = importlib.import_module("exceptiongroup").ExceptionGroup
        except ImportError:
            return None

    class HostErrorGroup(HostError, group):  # type: ignore[misc]
        """An AggregateError of JavaScript's. ``except*`` and ``split`` see its members."""

        def __new__(cls, message: str, members: Any, **_known: Any) -> Any:
            return group.__new__(cls, message, members)

        def __init__(self, message: str, members: Any, **known: Any) -> None:
            HostError.__init__(self, message, **known)
            self.args = (message, members)

        @property
        def message(self) -> str:
            return str(group.message.__get__(self))

        @message.setter
        def message(self, _text: str) -> None:
            """It is what the group was made with."""

    HostErrorGroup.__module__ = __name__
    HostErrorGroup.__qualname__ = "HostErrorGroup"
    return HostErrorGroup


class HostTimeout(BridgeError, TimeoutError):
    """A function of the editor gave no answer within the time that its caller has set."""

    code = "host-timeout"


class HostUnavailable(BridgeError, RuntimeError):
    """No editor is connected, or it does not offer the function."""

    code = "host-unavailable"


class NativePanic(BridgeError, RuntimeError):
    """The native side of the bridge, or a component in Rust, failed by a fault. The process goes on.

    ``component`` and ``operation`` say where, ``details`` has the words of the panic; the traceback shows
    the line of Rust.
    """

    code = "native-panic"

    def __init__(
        self,
        message: str,
        *,
        component: str = "",
        operation: str = "",
        details: dict[str, Any] | None = None,
        **known: Any,
    ) -> None:
        super().__init__(message, **known)
        self.component = component
        self.operation = operation
        self.details: dict[str, Any] = details or {}

    def raised_at(self, function: str, file: str, line: int) -> None:
        """Show the line of Rust in the traceback."""
        place = {"language": "rust", "function": function, "file": file, "line": line}
        self.__traceback__ = _error_frames.traceback_of([place])


class ComponentError(BridgeError):
    """An operation of a component in Rust refused or failed.

    ``component`` and ``operation`` say where, ``details`` holds the fields at fault, ``hint`` says what
    to do next, ``rust_frames`` where in Rust it was raised (function, file, line). What led to it is
    the ``__cause__``.
    """

    code = "component"

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
        if rust_frames:
            # The lines of Rust stand below those of Python that will be added on its way.
            self.__traceback__ = _error_frames.traceback_of(
                {"language": "rust", "function": function, "file": file, "line": line}
                for function, file, line in rust_frames
            )

    def __str__(self) -> str:
        if self.hint == HINTS.get(self.code):
            return self.message
        return f"{self.message}\n  hint: {self.hint}"


class PitError(ComponentError):
    """Base of the Pit's errors; each is also the built-in error that fits.

    ``details`` holds the field and value at fault. A failed loader or step is the ``__cause__``.
    """

    code = "pit"


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
