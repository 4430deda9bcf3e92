"""The Pit of this process: the one whose home the environment names."""

from __future__ import annotations

import atexit

from .._native import Pit

default = Pit()
pool = default.pool
dag = default.dag
artifacts = default.artifacts
arbitration = default.arbitration
stale = default.stale

# Decisions are committed in groups: the last group must not be lost at an orderly end.
atexit.register(default.flush)
