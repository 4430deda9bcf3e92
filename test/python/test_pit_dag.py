"""Workflows from Python: order, data, overlap, events, what a graph may be."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
import weakref
from uuid import uuid4

import pytest
from symphony_bridge import _native, pit


def add_up() -> pit.Graph:
    graph = pit.Graph("sum", version="2")

    @graph.step
    def numbers(context):
        return list(range(context.variables["count"]))

    @graph.step(after=[numbers])
    async def total(context):
        await asyncio.sleep(0)
        return sum(context.inputs["numbers"])

    graph.step("text", lambda context: f"total {context.inputs['total']}", after=[total])
    return graph


def test_sync_and_async_steps_pass_results_down(dag):
    run = dag.start(add_up(), {"count": 5})
    assert run.result() == {"numbers": [0, 1, 2, 3, 4], "total": 10, "text": "total 10"}
    status = run.status()
    assert (status.state, status.name, status.id) == ("completed", "sum", run.id)
    assert [step.state for step in status.steps] == ["completed"] * 3
    assert status.started <= status.steps[0].started <= status.ended


def test_events_reach_every_reader_sync_and_async(dag):
    expected = [
        ("run-started", None),
        ("step-started", "numbers"),
        ("step-completed", "numbers"),
        ("step-started", "total"),
        ("step-completed", "total"),
        ("step-started", "text"),
        ("step-completed", "text"),
        ("run-completed", None),
    ]

    async def main():
        run = await dag.start_async(add_up(), {"count": 2})
        seen = []
        async for event in run:
            seen.append((event.kind, event.step))
        assert await run.result_async() == {"numbers": [0, 1], "total": 1, "text": "total 1"}
        return run, seen

    run, seen = asyncio.run(main())
    assert seen == expected
    assert [(event.kind, event.step) for event in run] == expected
    assert [event.seq for event in run.events()] == list(range(8))


def test_a_graph_started_twice_is_one_workflow_and_two_runs(dag):
    graph = add_up()
    first, second = dag.start(graph, {"count": 1}), dag.start(graph, {"count": 2})
    assert first.result() != second.result()
    assert first.id != second.id
    assert first.status().workflow == second.status().workflow
    assert dag.status(first.status().workflow).id == second.id
    graph.step("more", lambda context: None)
    with pytest.warns(UserWarning, match="'more' is not connected"):
        assert dag.start(graph, {"count": 1}).status().workflow != first.status().workflow


def test_independent_steps_overlap_within_the_bound(dag):
    graph = pit.Graph("wide")
    lock, now, most = threading.Lock(), 0, 0
    together = threading.Barrier(4)

    def work(context):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        if context.variables["meet"]:
            # Passes only when four steps are here at the same time.
            together.wait(20)
        time.sleep(0.005)
        with lock:
            now -= 1

    for number in range(8):
        graph.step(f"s{number}", work)
    dag.start(graph, {"meet": True}, concurrency=4).result()
    assert most == 4
    most = 0
    dag.start(graph, {"meet": False}, concurrency=1).result()
    assert most == 1


def test_a_graph_may_outlive_its_pit():
    # The next Pit is often made at the address of the one before.
    graph = add_up()
    for _ in range(10):
        here = pit.Pit(":memory:")
        assert here.dag.start(graph, {"count": 2}).result()["total"] == 1
        del here


def test_a_function_of_several_steps_cannot_stand_for_one():
    graph = pit.Graph("twice")
    graph.step("a", print)
    graph.step("b", print)
    for ambiguous in (
        lambda: graph.depend("c", after=print),
        lambda: graph.step("c", repr, after=[print]),
    ):
        with pytest.raises(pit.PitInvalid, match="'a' and 'b'") as caught:
            ambiguous()
        assert "name" in caught.value.hint
    graph.step("c", repr, after=["b"])
    assert graph._definition()[3] == [("b", "c", "hard")]


def test_what_is_odd_with_a_graph_is_a_warning(dag):
    graph = add_up()
    graph.step("alone", lambda context: None)
    graph.depend("text", after="nowhere", kind="optional")
    for create in (dag.create_workflow, dag.start):
        with pytest.warns(UserWarning, match="'alone' is not connected") as caught:
            create(graph, *([{"count": 1}] if create == dag.start else []))
        assert len(caught) == 1
        assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Told once per workflow.
        dag.start(graph, {"count": 1}).result()
        wide = pit.Graph("wide")
        wide.step("a", print)
        wide.step("b", print)
        dag.start(wide).result()


def test_the_callables_of_a_graph_go_with_it(dag):
    class Large:
        def __call__(self, context):
            return 1

    graph = pit.Graph("large")
    step = Large()
    graph.step("a", step)
    run = dag.start(graph)
    run.result()
    workflow = run.status().workflow
    assert dag.start(workflow).result() == {"a": 1}
    gone = weakref.ref(step)
    del graph, step, run
    for _ in range(200):
        gc.collect()
        if gone() is None:
            break
        time.sleep(0.01)
    assert gone() is None
    with pytest.raises(pit.PitConflict, match="let go of them"):
        dag.start(workflow)


def test_validation_tells_everything_at_once(dag):
    graph = pit.Graph("bad")
    for name in ("a", "b", "c", "a"):
        graph.step(name, print)
    graph.depend("b", after="a")
    graph.depend("a", after="c")
    graph.depend("c", after="b")
    graph.depend("c", after="c")
    graph.depend("c", after="nowhere")
    with pytest.raises(pit.PitInvalid) as caught:
        dag.create_workflow(graph)
    problems = caught.value.details["problems"]
    assert sorted(problem["code"] for problem in problems) == [
        "cycle",
        "duplicate-step",
        "self-edge",
        "unknown-step",
    ]
    cycle = next(problem for problem in problems if problem["code"] == "cycle")
    assert cycle["steps"] == ["a", "b", "c", "a"]


def test_runs_register_their_handle_until_they_end(dag):
    graph = pit.Graph("watched")
    go = threading.Event()
    graph.step("waits", lambda context: go.wait(10))
    run = dag.start(graph)
    sites = [handle["site"] for handle in _native.handles() if handle["name"] == "watched"]
    assert len(sites) == 1
    assert sites[0].startswith(f"{__file__}:")
    go.set()
    run.result()
    for _ in range(100):
        if not any(handle["name"] == "watched" for handle in _native.handles()):
            break
        time.sleep(0.01)
    else:
        pytest.fail("the handle outlived the run")


def test_bad_arguments(dag):
    graph = add_up()
    for arguments in ({"concurrency": 0}, {"concurrency": True}, {"variables": 5}):
        with pytest.raises(pit.PitInvalid):
            dag.start(graph, **arguments)
    for retries in (-1, 1.5, 10**20):
        broken = pit.Graph("x")
        broken.step("a", print, retries=retries)
        with pytest.raises(pit.PitInvalid):
            dag.create_workflow(broken)
    with pytest.raises(pit.PitInvalid):
        dag.start("not an id")
    with pytest.raises(pit.PitNotFound):
        dag.start(uuid4())
    with pytest.raises(pit.PitNotFound):
        dag.status(uuid4())
    with pytest.raises(pit.PitNotFound):
        dag.results(uuid4())


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": "w", "steps": "abc"}, "steps"),
        ({"name": "w", "steps": [{"name": "a"}]}, "steps[0].callable"),
        ({"name": "w", "steps": [{"name": "a", "callable": 5}]}, "steps.a.callable"),
        ({"name": "w", "steps": [{"name": "a", "callable": print, "on_failure": "?"}]}, "on_failure"),
        ({"name": "w", "steps": [], "dependencies": [{"from": "a"}]}, "dependencies[0].to"),
        ({"name": "w", "steps": [], "dependencies": [{"from": "a", "to": "b", "kind": "?"}]}, "kind"),
    ],
)
def test_definitions_of_plain_data_are_checked(dag, definition, field):
    with pytest.raises(pit.PitInvalid) as caught:
        dag.create_workflow(pit.Graph.from_definition(definition))
    assert caught.value.details["field"] == field
