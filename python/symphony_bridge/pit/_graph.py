"""The builder of workflows."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, Optional, Tuple, TypeVar, overload

from .. import _native
from ..errors import PitInvalid

StepFunction = Callable[["_native.StepContext"], Any]
"""What a step runs: a function or coroutine function that is given a ``StepContext``."""

_Function = TypeVar("_Function", bound=StepFunction)
_StepRow = Tuple[str, str, StepFunction, Optional[Mapping[str, Any]], str, int]


class Graph:
    """A workflow under construction: steps and what they depend on.

    ::

        graph = pit.Graph("analysis")

        @graph.step
        def discover(context): return sorted(Path(context.variables["root"]).glob("*.py"))

        @graph.step(after=[discover], retries=2)
        async def parse(context): return [await read(path) for path in context.inputs["discover"]]

    Errors in the graph are all told together when it is started or created.
    """

    def __init__(self, name: str, version: str = "1") -> None:
        self.name = name
        self.version = version
        self._steps: list[_StepRow] = []
        self._edges: list[tuple[str, str, str]] = []
        self._functions: dict[int, list[str]] = {}
        # Filled by native code: the workflows that were made of this graph, by Pit.
        self._workflows: dict[int, object] = {}

    @overload
    def step(self, step: _Function, /) -> _Function: ...

    @overload
    def step(
        self,
        step: str | None = None,
        function: None = None,
        *,
        after: Iterable[str | StepFunction] = (),
        soft: Iterable[str | StepFunction] = (),
        optional: Iterable[str | StepFunction] = (),
        on_failure: str = "fail",
        retries: int = 0,
        configuration: Mapping[str, Any] | None = None,
    ) -> Callable[[_Function], _Function]: ...

    @overload
    def step(
        self,
        step: str,
        function: _Function,
        *,
        after: Iterable[str | StepFunction] = (),
        soft: Iterable[str | StepFunction] = (),
        optional: Iterable[str | StepFunction] = (),
        on_failure: str = "fail",
        retries: int = 0,
        configuration: Mapping[str, Any] | None = None,
    ) -> _Function: ...

    def step(
        self,
        step: str | StepFunction | None = None,
        function: StepFunction | None = None,
        *,
        after: Iterable[str | StepFunction] = (),
        soft: Iterable[str | StepFunction] = (),
        optional: Iterable[str | StepFunction] = (),
        on_failure: str = "fail",
        retries: int = 0,
        configuration: Mapping[str, Any] | None = None,
    ) -> Any:
        """Add a step: ``@graph.step``, ``@graph.step(after=[...])`` or ``graph.step("name", function)``.

        ``after`` are hard dependencies: the step runs when they have completed and is skipped when they
        have not. ``soft`` ones it waits for, whatever becomes of them; ``optional`` ones need not exist.
        ``on_failure`` is ``"fail"`` (the run fails) or ``"skip"`` (the run goes on without what needs
        this step). A failed step is tried again ``retries`` times.
        """
        if callable(step) and function is None:
            name, function = getattr(step, "__name__", str(step)), step
        elif function is None:

            def decorate(decorated: _Function) -> _Function:
                self._add(
                    step if isinstance(step, str) else decorated.__name__,
                    decorated,
                    (after, soft, optional),
                    on_failure,
                    retries,
                    configuration,
                )
                return decorated

            return decorate
        else:
            name = str(step)
        self._add(name, function, (after, soft, optional), on_failure, retries, configuration)
        return function

    def depend(self, step: str | StepFunction, after: str | StepFunction, kind: str = "hard") -> None:
        """Add a dependency between steps: ``hard``, ``soft`` or ``optional``."""
        self._edges.append((self._name_of(after), self._name_of(step), kind))
        self._workflows = {}

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> Graph:
        """Make a graph of ``{name, version, steps, dependencies}``.

        A step is ``{name, callable}`` and what ``step`` takes; a dependency ``{from, to, kind}``.
        """
        graph = cls(_required(definition, "name"), definition.get("version", "1"))
        for place, row in enumerate(_rows(definition, "steps")):
            graph._steps.append(
                (
                    _required(row, "name", f"steps[{place}]."),
                    row.get("kind", "callable"),
                    _required(row, "callable", f"steps[{place}]."),
                    row.get("configuration"),
                    row.get("on_failure", "fail"),
                    row.get("retries", 0),
                )
            )
        for place, row in enumerate(_rows(definition, "dependencies")):
            where = f"dependencies[{place}]."
            graph._edges.append(
                (_required(row, "from", where), _required(row, "to", where), row.get("kind", "hard"))
            )
        return graph

    def __repr__(self) -> str:
        return f"<graph '{self.name}', {len(self._steps)} steps>"

    def _add(
        self,
        name: str,
        function: StepFunction,
        dependencies: tuple[Iterable[str | StepFunction], ...],
        on_failure: str,
        retries: int,
        configuration: Mapping[str, Any] | None,
    ) -> None:
        edges = [
            (self._name_of(step), name, kind)
            for upstream, kind in zip(dependencies, ("hard", "soft", "optional"))
            for step in upstream
        ]
        self._steps.append((name, "callable", function, configuration, on_failure, retries))
        self._functions.setdefault(id(function), []).append(name)
        self._edges.extend(edges)
        self._workflows = {}

    def _name_of(self, step: str | StepFunction) -> str:
        if isinstance(step, str):
            return step
        names = self._functions.get(id(step)) or [getattr(step, "__name__", str(step))]
        if len(names) > 1:
            listed = " and ".join(repr(name) for name in names)
            raise _invalid("after", step, f"the name of a step: this function is that of {listed}")
        return names[0]

    def _definition(self) -> tuple[str, str, list[_StepRow], list[tuple[str, str, str]]]:
        return self.name, self.version, self._steps, self._edges


def _rows(definition: Mapping[str, Any], key: str) -> Iterable[Mapping[str, Any]]:
    rows = definition.get(key, ())
    if isinstance(rows, (list, tuple)) and all(isinstance(row, Mapping) for row in rows):
        return rows
    raise _invalid(key, rows, "a list of mappings")


def _required(row: Mapping[str, Any], key: str, where: str = "") -> Any:
    if key in row:
        return row[key]
    raise _invalid(where + key, None, "a value: it must not be left out")


def _invalid(field: str, value: Any, allowed: str) -> PitInvalid:
    return PitInvalid(
        f"{field} is {value!r}: {allowed}",
        component="dag",
        operation="create_workflow",
        hint=f"give {field} as: {allowed}",
        details={"field": field, "value": value, "allowed": allowed},
    )
