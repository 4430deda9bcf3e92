"""Symphony bridge: what Conductor scripts import.

``pit`` holds the five Rust components, ``host`` the editor's functions, ``trace`` spans of a script's
own, ``errors`` everything that can be raised. The same script runs inside the editor, in a supervised
child, and under plain ``python``. Waiting operations come in pairs: ``name`` blocks, ``name_async``
returns an awaitable.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import errors, host, trace

__all__ = ["errors", "host", "pit", "trace"]
__version__ = "0.1.0"


if TYPE_CHECKING:
    from . import pit
else:
    # Hidden from type checkers: they would take it for every name of the package.
    def __getattr__(name: str) -> Any:
        # The Pit is not needed by every user of the bridge, and starting without it is faster.
        if name == "pit":
            return import_module(".pit", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
