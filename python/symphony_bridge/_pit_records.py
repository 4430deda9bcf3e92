"""What the Pit tells: frozen dataclasses, made by native code by position.

Times are seconds since 1970 (UTC). Field order is what ``native/python/src/pit/records.rs`` gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Transition:
    """One step of a model's life: cold, warming, hot, cooling, failed."""

    from_state: str
    to_state: str
    reason: str
    at: float


@dataclass(frozen=True)
class ModelStatus:
    """A model of the pool.

    ``status`` is the port's word: Unloaded, Loading, Ready, Busy, Deallocating or Failed.
    """

    id: UUID
    name: str
    version: str
    state: str
    status: str
    leases: int
    memory_mb: int
    loads: int
    invocations: int
    failures: int
    mean_seconds: float
    error: str | None
    history: tuple[Transition, ...]


@dataclass(frozen=True)
class PoolStatus:
    """The pool of this process.

    ``waiting`` counts allocations that are not granted yet, ``leaked`` leases dropped without release.
    """

    memory_limit_mb: int
    memory_used_mb: int
    waiting: int
    leaked: int
    models: tuple[ModelStatus, ...]


@dataclass(frozen=True)
class StepStatus:
    """A step of a run: pending, queued, running, completed, failed or skipped."""

    name: str
    state: str
    attempts: int
    error: str | None
    started: float | None
    ended: float | None


@dataclass(frozen=True)
class RunStatus:
    """A run: pending, running, completed, failed or cancelled."""

    id: UUID
    workflow: UUID
    name: str
    state: str
    error: str | None
    steps: tuple[StepStatus, ...]
    created: float
    started: float | None
    ended: float | None


@dataclass(frozen=True)
class Event:
    """One thing that happened in a run; ``done`` of ``total`` steps have ended.

    ``kind``: run-started, step-restored, step-started, step-retrying, step-completed, step-failed,
    step-skipped, run-completed, run-failed, run-cancelled.
    """

    seq: int
    kind: str
    step: str | None
    attempt: int
    message: str | None
    done: int
    total: int
    at: float


@dataclass(frozen=True)
class Artifact:
    """What is known of an artifact. ``size`` is the content's, ``stored`` what it takes on disk (bytes)."""

    id: UUID
    hash: str
    size: int
    stored: int
    content_type: str
    name: str | None
    metadata: dict[str, Any]
    tags: tuple[str, ...]
    parents: tuple[UUID, ...]
    created: float


@dataclass(frozen=True)
class Decision:
    """A choice among options. ``choice`` is the option itself, ``index`` its place, ``confidence`` 0 to 1."""

    id: UUID
    choice: Any
    index: int
    confidence: float
    reasoning: str
    policy: str
    context_type: str
    data: Any
    options: tuple[Any, ...]
    created: float


@dataclass(frozen=True)
class Policy:
    """How options are weighed (criterion to weight) and what rules them out."""

    id: UUID
    name: str
    weights: dict[str, float]
    max_cost: float | None
    min_score: float | None
    created: float


@dataclass(frozen=True)
class StaleItem:
    """Something that was marked stale: why it went, or what kept it. ``bytes`` is what its going frees.

    ``kind``: artifact, run or model.
    """

    id: UUID
    kind: str
    reason: str
    bytes: int


@dataclass(frozen=True)
class StaleReport:
    """What a cleanup did, or with ``dry_run`` would do."""

    items: tuple[StaleItem, ...]
    kept: tuple[StaleItem, ...]
    bytes_freed: int
    seconds: float
    dry_run: bool


def model_status(*fields: Any) -> ModelStatus:
    """Make a status from native fields: counts and mean time come as one group."""
    return ModelStatus(*fields[:8], *fields[8], *fields[9:])
