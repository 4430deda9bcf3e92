"""What the editor's views ask of the process in which the Conductor runs."""

from __future__ import annotations

from typing import Any

from . import _native, _runner


def handles() -> list[dict[str, Any]]:
    """Return live handles, and those that outlived their run.

    Each has ``id, kind, name, site, span, opened_ns, long_lived, reason, leak``.
    """
    leaked = {handle["id"] for handle in _runner.leaks}
    live = [{**handle, "leak": False} for handle in _native.handles() if handle["id"] not in leaked]
    return [*_runner.leaks, *live]
