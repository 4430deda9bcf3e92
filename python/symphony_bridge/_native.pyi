"""What native code gives Python. The Pit's classes are public through ``symphony_bridge.pit``."""

import os
from asyncio import AbstractEventLoop
from datetime import timedelta
from types import TracebackType
from typing import Any, Awaitable, Callable, Iterable, Mapping, Protocol, final, overload
from uuid import UUID

from ._pit_records import (
    Artifact,
    Decision,
    Event,
    ModelStatus,
    Policy,
    PoolStatus,
    RunStatus,
    StaleReport,
)

_Id = UUID | str
_Seconds = float | timedelta

class _Graph(Protocol):
    """What a workflow is made of: ``symphony_bridge.pit.Graph``."""

    def _definition(self) -> tuple[str, str, Any, Any]: ...

_Content = str | bytes | bytearray | memoryview | os.PathLike[str]

# Plumbing of the bridge.

table: Any
"""The capsule with the C table for the addon."""

components: Any
"""The capsule with the C table for components in Rust."""

@final
class Undefined:
    """The type of ``undefined``, JavaScript's value that is not ``null``."""

    def __copy__(self) -> Undefined: ...
    def __deepcopy__(self, _memo: Any) -> Undefined: ...

undefined: Undefined

def _forget_rules() -> None: ...
def _view_of(data: Any, format: str, shape: tuple[int, ...], order: str, readonly: bool) -> memoryview: ...

class HostRef:
    """An object of TypeScript's, held by Python."""

    @property
    def _handle(self) -> int: ...
    @property
    def _id(self) -> int: ...
    @property
    def _label(self) -> str: ...
    @property
    def _session(self) -> int: ...
    @property
    def _traits(self) -> int: ...
    def _call(self, name: str | None, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any: ...
    def _call_async(
        self, name: str | None, args: tuple[Any, ...], kwargs: dict[str, Any] | None
    ) -> Awaitable[Any]: ...
    def _keep(self, reason: str) -> bool: ...

class HostFunction(HostRef):
    """A function of TypeScript's."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def call_async(self, *args: Any, **kwargs: Any) -> Awaitable[Any]: ...

def attach_loop(event_loop: AbstractEventLoop) -> None: ...
def begin_span(name: str, site: str, parent: int, /) -> int: ...
def bench_clock(count: int) -> float: ...
def bench_spans(count: int) -> float: ...
def forget_in_fork() -> None: ...
def connect_socket(path: str, token: str, lifeline: int) -> None: ...
def control_main() -> None: ...
def emit(name: str, value: Any) -> None: ...
def end_span(span: int) -> None: ...
def fail_span(span: int, message: str) -> None: ...
def current_call() -> tuple[int, object] | None: ...
def handles() -> list[dict[str, Any]]: ...
def handles_opened() -> int: ...
def host_call(
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None,
    site: str,
    parent: int,
    session: int,
    timeout: float | None = None,
) -> Any: ...
def host_call_async(
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None,
    site: str,
    parent: int,
    session: int,
    timeout: float | None = None,
) -> Awaitable[Any]: ...
def is_connected() -> bool: ...
def keep_error(error: BaseException) -> Any: ...
def kept_error(handle: int) -> Any: ...
def held_objects(handles: list[int]) -> list[tuple[int, Any]]: ...
def home_loop(object: Any) -> AbstractEventLoop | None: ...
def keep_object(object: Any, reason: str) -> bool: ...
def keep_handle(handle: int, reason: str) -> bool: ...
def noop() -> None: ...
def noop_with(first: int, second: int, text: str, /) -> None: ...
def open_trace(path: str) -> None: ...
def prepare_stacks() -> None: ...
def serve_main_thread() -> None: ...
def js_step() -> int: ...
def shut_down() -> None: ...
def table_layout() -> list[int]: ...
def worker_main() -> None: ...
def write_output(stream: str, data: bytes) -> None: ...
def _codec_encode(value: Any) -> bytes: ...
def _codec_decode(frame: bytes) -> Any: ...
def _codec_time_encode(value: Any, rounds: int) -> int: ...
def _codec_time_decode(value: Any, rounds: int) -> int: ...
def _await_ready() -> Awaitable[None]: ...
def _await_panic(converting: bool) -> Awaitable[None]: ...
def _panic() -> None: ...
def _pit_panic(way: str) -> Awaitable[None]: ...

# The Pit.

@final
class Pit:
    """The Pit of one home, opened when an operation first needs it; ``:memory:`` ends with the process."""

    def __new__(cls, home: str | os.PathLike[str] | None = None) -> Pit: ...
    @property
    def home(self) -> str | os.PathLike[str]:
        """Where the home is, or would be opened now."""

    @property
    def is_open(self) -> bool:
        """Whether the home is open."""

    @property
    def pool(self) -> Pool:
        """Models and leases on them."""

    @property
    def dag(self) -> Dag:
        """Workflows and their runs."""

    @property
    def artifacts(self) -> Artifacts:
        """Content that is kept."""

    @property
    def arbitration(self) -> Arbitration:
        """Choices among options."""

    @property
    def stale(self) -> Stale:
        """What is no longer needed."""

    def flush(self) -> None:
        """Wait until every change so far is on disk; raises when one that nobody waited for failed."""

    def flush_async(self) -> Awaitable[None]:
        """Awaitable form of :meth:`flush`."""

    def integrity(self) -> str:
        """Return what SQLite's check of the whole database says; ``ok`` when all is well."""

    def integrity_async(self) -> Awaitable[str]:
        """Awaitable form of :meth:`integrity`."""

@final
class Pool:
    """Keeps models in memory and leases them. State is per process."""

    def register(
        self,
        name: str,
        load: Callable[..., Any],
        *,
        unload: Callable[[Any], Any] | None = None,
        invoke: Callable[..., Any] | None = None,
        version: str = "1",
        model_type: str = "custom",
        memory_mb: int | None = None,
        cpu_cores: float = 1.0,
        configuration: Mapping[str, Any] | None = None,
    ) -> UUID:
        """Add a model, cold, and return its id.

        ``load(**configuration)`` gives the model; ``unload(model)`` frees it; ``invoke(model, *args)`` is
        what a lease's ``invoke`` calls, the model itself when it is left out. Each may be a function or
        a coroutine function. ``model_type``: language, vision, audio, multimodal or custom.
        ``memory_mb`` is 1 when left out.
        """

    def unregister(self, model: _Id) -> None:
        """Unload a model and forget it; refused with ``PitConflict`` while it is leased.

        Allocations that wait for it raise ``PitNotFound``.
        """

    def unregister_async(self, model: _Id) -> Awaitable[None]:
        """Awaitable form of :meth:`unregister`."""

    def unload(self, model: _Id) -> None:
        """Take an idle model out of memory; it stays registered."""

    def unload_async(self, model: _Id) -> Awaitable[None]:
        """Awaitable form of :meth:`unload`."""

    def allocate(
        self,
        model: _Id,
        priority: int | None = None,
        deadline: _Seconds | None = None,
    ) -> Lease:
        """Lease a model; loads it and waits for memory as needed, at most ``deadline`` seconds.

        Higher ``priority`` (-1000 to 1000) is served first. Use the lease in a ``with`` block.
        """

    def allocate_async(
        self,
        model: _Id,
        priority: int | None = None,
        deadline: _Seconds | None = None,
    ) -> Awaitable[Lease]:
        """Awaitable form of :meth:`allocate`."""

    def hold(self, lease: Lease) -> UUID:
        """Keep a lease under its id until ``deallocate``."""

    def deallocate(self, lease: _Id) -> None:
        """Release a lease by its id."""

    @overload
    def status(self, model: None = None) -> PoolStatus: ...
    @overload
    def status(self, model: _Id) -> ModelStatus:
        """Return the state of a model (by its name, its id, or the id of a lease), or of the whole pool."""

    def set_memory_limit(self, memory_mb: int) -> None:
        """Set how much memory the models may take together."""

@final
class Lease:
    """The right to use a loaded model, until released. Dropped without release it counts as a leak."""

    @property
    def id(self) -> UUID:
        """The lease's id, made when first asked for."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def model(self) -> Any:
        """The loaded model itself."""

    @property
    def released(self) -> bool:
        """Whether the lease has been given back."""

    def status(self) -> ModelStatus:
        """Return the state of the leased model."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model; the call is timed and counted."""

    def invoke_async(self, *args: Any, **kwargs: Any) -> Awaitable[Any]:
        """Awaitable form of :meth:`invoke`."""

    def release(self) -> bool:
        """Give the model back; False when that was done before."""

    def __enter__(self) -> Lease: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...
    def __aenter__(self) -> Awaitable[Lease]: ...
    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> Awaitable[None]: ...

@final
class Dag:
    """Runs workflows. Definitions and finished steps are on disk."""

    def create_workflow(self, graph: _Graph) -> UUID:
        """Check and keep a workflow; one ``PitInvalid`` tells all its problems, a warning what is odd.

        It can be started by its id in this process while it is one of the 1,000 made or started last.
        """

    def create_workflow_async(self, graph: _Graph) -> Awaitable[UUID]:
        """Awaitable form of :meth:`create_workflow`."""

    def start(
        self,
        workflow: _Graph | _Id,
        variables: Mapping[str, Any] | None = None,
        *,
        concurrency: int | None = None,
    ) -> Run:
        """Begin a run; at most ``concurrency`` steps (32) run at the same time."""

    def start_async(
        self,
        workflow: _Graph | _Id,
        variables: Mapping[str, Any] | None = None,
        *,
        concurrency: int | None = None,
    ) -> Awaitable[Run]:
        """Awaitable form of :meth:`start`."""

    def restore(self, run: _Id, graph: _Graph, *, concurrency: int | None = None) -> Run:
        """Go on, under its own id, with a run that failed, was cancelled, or whose process ended.

        ``graph`` is the one that the run was started with. Steps that completed do not run again, unless
        their result was something that cannot be kept; the variables are those of the run.
        """

    def restore_async(self, run: _Id, graph: _Graph, *, concurrency: int | None = None) -> Awaitable[Run]:
        """Awaitable form of :meth:`restore`."""

    def status(self, id: _Id) -> RunStatus:
        """Return the state of a run of this or another process; a workflow's id gives its latest run."""

    def status_async(self, id: _Id) -> Awaitable[RunStatus]:
        """Awaitable form of :meth:`status`."""

    def results(self, id: _Id) -> dict[str, Any]:
        """Return the kept results of a run's completed steps, also after the process that ran it."""

    def results_async(self, id: _Id) -> Awaitable[dict[str, Any]]:
        """Awaitable form of :meth:`results`."""

@final
class StepContext:
    """What a step is told."""

    @property
    def run_id(self) -> UUID:
        """The run."""

    @property
    def step(self) -> str:
        """The step's name."""

    @property
    def attempt(self) -> int:
        """Which try this is, from 1."""

    @property
    def inputs(self) -> dict[str, Any]:
        """Results of the upstream steps that completed, by name."""

    @property
    def variables(self) -> dict[str, Any]:
        """What the run was started with."""

    @property
    def configuration(self) -> dict[str, Any]:
        """What the step was defined with."""

@final
class Run:
    """A run of a workflow. Iterate it, plainly or with ``async for``, for its events from the first one."""

    @property
    def id(self) -> UUID:
        """The run's id; it can be a parent of artifacts."""

    @property
    def name(self) -> str:
        """The workflow's name."""

    @property
    def state(self) -> str:
        """pending, running, completed, failed or cancelled."""

    def status(self) -> RunStatus:
        """Return the state of the run and its steps."""

    def result(self) -> dict[str, Any]:
        """Wait for the end and return the results of the completed steps by name.

        Raises ``PitFailed`` with the step's error as its cause, or ``PitCancelled``.
        """

    def result_async(self) -> Awaitable[dict[str, Any]]:
        """Awaitable form of :meth:`result`."""

    def cancel(self) -> None:
        """Cancel the running steps and wait until the run has ended."""

    def cancel_async(self) -> Awaitable[None]:
        """Awaitable form of :meth:`cancel`."""

    def events(self) -> RunEvents:
        """Return an iterator over all events."""

    def __iter__(self) -> RunEvents: ...
    def __aiter__(self) -> RunEvents: ...

@final
class RunEvents:
    """The events of a run, for ``for`` and ``async for``; every iterator sees all of them."""

    def __iter__(self) -> RunEvents: ...
    def __next__(self) -> Event: ...
    def __aiter__(self) -> RunEvents: ...
    def __anext__(self) -> Awaitable[Event]: ...

@final
class Artifacts:
    """Content-addressed memory of the work. Equal content is kept once."""

    def store(
        self,
        content: _Content,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        parents: Iterable[_Id] | None = None,
        name: str | None = None,
    ) -> UUID:
        """Keep content and return the artifact's id; it is on disk on return.

        A ``str`` is content, a path object is a file, read with bounded memory. ``parents`` are
        artifacts or runs.
        """

    def store_async(
        self,
        content: _Content,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        parents: Iterable[_Id] | None = None,
        name: str | None = None,
    ) -> Awaitable[UUID]:
        """Awaitable form of :meth:`store`."""

    def retrieve(self, id: _Id) -> bytes:
        """Return the content, checked against its hash."""

    def retrieve_async(self, id: _Id) -> Awaitable[bytes]:
        """Awaitable form of :meth:`retrieve`."""

    def metadata(self, id: _Id) -> Artifact:
        """Return everything about the artifact but its content."""

    def metadata_async(self, id: _Id) -> Awaitable[Artifact]:
        """Awaitable form of :meth:`metadata`."""

    def exists(self, id: _Id) -> bool:
        """Whether there is such an artifact."""

    def exists_async(self, id: _Id) -> Awaitable[bool]:
        """Awaitable form of :meth:`exists`."""

    def delete(self, id: _Id) -> int:
        """Drop the artifact; return the bytes that frees, 0 while others have the same content."""

    def delete_async(self, id: _Id) -> Awaitable[int]:
        """Awaitable form of :meth:`delete`."""

@final
class Arbitration:
    """Chooses among options and says why. Same input, same answer."""

    def submit_decision(self, request: Mapping[str, Any]) -> Decision:
        """Choose one of ``options`` in ``{context_type, data, options, policy}``.

        An option is a text, or a mapping with ``name`` and any of ``score``, ``cost``, ``priority`` and
        ``scores`` (criterion to number). ``context_type`` and ``options`` are needed.
        """

    def submit_decision_async(self, request: Mapping[str, Any]) -> Awaitable[Decision]:
        """Awaitable form of :meth:`submit_decision`."""

    def create_policy(self, name: str, rules: Mapping[str, Any] | None = None) -> Policy:
        """Make a policy of ``{weights, max_cost, min_score}``; its name must be free."""

    def create_policy_async(
        self,
        name: str,
        rules: Mapping[str, Any] | None = None,
    ) -> Awaitable[Policy]:
        """Awaitable form of :meth:`create_policy`."""

    def get_policy(self, policy: _Id) -> Policy:
        """Return a policy by name or id; ``default`` is always there."""

    def get_policy_async(self, policy: _Id) -> Awaitable[Policy]:
        """Awaitable form of :meth:`get_policy`."""

    def decision(self, id: _Id) -> Decision:
        """Return a decision from the audit log."""

    def decision_async(self, id: _Id) -> Awaitable[Decision]:
        """Awaitable form of :meth:`decision`."""

    def audit(self, limit: int | None = None) -> list[Decision]:
        """Return the newest decisions (100), newest first."""

    def audit_async(self, limit: int | None = None) -> Awaitable[list[Decision]]:
        """Awaitable form of :meth:`audit`."""

@final
class Stale:
    """Marks what is no longer needed, and cleans it up."""

    def mark_stale(self, id: _Id, reason: str) -> None:
        """Mark a model, an artifact or a run; it goes at the next cleanup unless something protects it.

        Marks of artifacts and runs are on disk, that of a model lasts as long as its registration.
        """

    def mark_stale_async(self, id: _Id, reason: str) -> Awaitable[None]:
        """Awaitable form of :meth:`mark_stale`."""

    def cleanup_stale(self, older_than: _Seconds, dry_run: bool = False) -> StaleReport:
        """Delete what was marked at least ``older_than`` seconds ago; models are unloaded and unregistered.

        Kept are: what is younger than the minimum retention, what is tagged ``keep``, parents of live
        artifacts, what belongs to a run that has not ended, and models in use.
        """

    def cleanup_stale_async(
        self,
        older_than: _Seconds,
        dry_run: bool = False,
    ) -> Awaitable[StaleReport]:
        """Awaitable form of :meth:`cleanup_stale`."""

    def min_retention(self) -> float:
        """Return the age in seconds below which nothing is deleted; 30 days unless set."""

    def set_min_retention(self, age: _Seconds) -> None:
        """Set the minimum retention of this home, for every process."""

    def set_min_retention_async(self, age: _Seconds) -> Awaitable[None]:
        """Awaitable form of :meth:`set_min_retention`."""
