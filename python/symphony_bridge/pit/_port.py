"""The thirteen operations of the Pit port, as plain functions, each also awaitable.

They are thin: each is one call of a component of the default Pit.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Iterable, Mapping
from uuid import UUID

from .._pit_records import Decision, ModelStatus, Policy, RunStatus, StaleReport
from ._default import arbitration, artifacts, dag, pool, stale
from ._graph import Graph

if TYPE_CHECKING:
    from .._native import _Content as Content


def allocate_model(model: UUID | str, priority: int = 0, deadline: float | timedelta | None = None) -> UUID:
    """Lease a registered model by name or id and return the lease's id; loads the model when it is cold.

    Raises ``PitNotFound``, ``PitTimeout`` after ``deadline`` seconds, ``PitCapacity`` when it can never
    fit, ``PitFailed`` when its loader fails.
    """
    return pool.hold(pool.allocate(model, priority, deadline))


async def allocate_model_async(
    model: UUID | str, priority: int = 0, deadline: float | timedelta | None = None
) -> UUID:
    """Awaitable form of :func:`allocate_model`."""
    return pool.hold(await pool.allocate_async(model, priority, deadline))


def deallocate_model(lease: UUID | str) -> None:
    """Release a lease by its id. Raises ``PitNotFound`` when it was released already."""
    pool.deallocate(lease)


async def deallocate_model_async(lease: UUID | str) -> None:
    """Awaitable form of :func:`deallocate_model`."""
    pool.deallocate(lease)


def get_model_status(model: UUID | str) -> ModelStatus:
    """Return the status of a model, by its name, its id, or the id of a lease on it."""
    return pool.status(model)


async def get_model_status_async(model: UUID | str) -> ModelStatus:
    """Awaitable form of :func:`get_model_status`."""
    return pool.status(model)


def create_workflow(definition: Graph | Mapping[str, Any]) -> UUID:
    """Check and keep a workflow; raises one ``PitInvalid`` with all problems in ``details["problems"]``."""
    return dag.create_workflow(_graph(definition))


async def create_workflow_async(definition: Graph | Mapping[str, Any]) -> UUID:
    """Awaitable form of :func:`create_workflow`."""
    return await dag.create_workflow_async(_graph(definition))


def execute_workflow(
    workflow: UUID | str,
    variables: Mapping[str, Any] | None = None,
    *,
    concurrency: int | None = None,
) -> UUID:
    """Begin a run of a workflow and return the run's id; ask for its state with ``get_workflow_status``."""
    return dag.start(workflow, variables, concurrency=concurrency).id


async def execute_workflow_async(
    workflow: UUID | str,
    variables: Mapping[str, Any] | None = None,
    *,
    concurrency: int | None = None,
) -> UUID:
    """Awaitable form of :func:`execute_workflow`."""
    return (await dag.start_async(workflow, variables, concurrency=concurrency)).id


def get_workflow_status(run: UUID | str) -> RunStatus:
    """Return the state of a run; the id of a workflow gives its latest run."""
    return dag.status(run)


async def get_workflow_status_async(run: UUID | str) -> RunStatus:
    """Awaitable form of :func:`get_workflow_status`."""
    return await dag.status_async(run)


def store_artifact(
    content: Content,
    *,
    content_type: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Iterable[str] | None = None,
    parents: Iterable[UUID | str] | None = None,
    name: str | None = None,
) -> UUID:
    """Keep content (bytes-like, str, or the path of a file); return the id of the new artifact."""
    return artifacts.store(
        content, content_type=content_type, metadata=metadata, tags=tags, parents=parents, name=name
    )


async def store_artifact_async(
    content: Content,
    *,
    content_type: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Iterable[str] | None = None,
    parents: Iterable[UUID | str] | None = None,
    name: str | None = None,
) -> UUID:
    """Awaitable form of :func:`store_artifact`."""
    return await artifacts.store_async(
        content, content_type=content_type, metadata=metadata, tags=tags, parents=parents, name=name
    )


def retrieve_artifact(id: UUID | str) -> bytes:
    """Return the content of an artifact, checked against its hash."""
    return artifacts.retrieve(id)


async def retrieve_artifact_async(id: UUID | str) -> bytes:
    """Awaitable form of :func:`retrieve_artifact`."""
    return await artifacts.retrieve_async(id)


def delete_artifact(id: UUID | str) -> int:
    """Drop an artifact; return the bytes freed on disk, 0 while others have the same content."""
    return artifacts.delete(id)


async def delete_artifact_async(id: UUID | str) -> int:
    """Awaitable form of :func:`delete_artifact`."""
    return await artifacts.delete_async(id)


def submit_decision(request: Mapping[str, Any]) -> Decision:
    """Choose among ``{context_type, data, options, policy}``; the audit log has it within 50 ms."""
    return arbitration.submit_decision(request)


async def submit_decision_async(request: Mapping[str, Any]) -> Decision:
    """Awaitable form of :func:`submit_decision`."""
    return await arbitration.submit_decision_async(request)


def get_policy(policy: UUID | str) -> Policy:
    """Return a policy by name or id; ``"default"`` is always there."""
    return arbitration.get_policy(policy)


async def get_policy_async(policy: UUID | str) -> Policy:
    """Awaitable form of :func:`get_policy`."""
    return await arbitration.get_policy_async(policy)


def mark_stale(id: UUID | str, reason: str) -> None:
    """Mark a model, an artifact or a run as no longer needed: a candidate of the next cleanup."""
    stale.mark_stale(id, reason)


async def mark_stale_async(id: UUID | str, reason: str) -> None:
    """Awaitable form of :func:`mark_stale`."""
    await stale.mark_stale_async(id, reason)


def cleanup_stale(older_than: float | timedelta, dry_run: bool = False) -> StaleReport:
    """Delete what was marked at least ``older_than`` seconds ago and nothing protects; unregister models."""
    return stale.cleanup_stale(older_than, dry_run)


async def cleanup_stale_async(older_than: float | timedelta, dry_run: bool = False) -> StaleReport:
    """Awaitable form of :func:`cleanup_stale`."""
    return await stale.cleanup_stale_async(older_than, dry_run)


def _graph(definition: Graph | Mapping[str, Any]) -> Graph:
    return Graph.from_definition(definition) if isinstance(definition, Mapping) else definition
