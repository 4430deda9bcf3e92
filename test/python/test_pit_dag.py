"""Workflows from Python: order, data, overlap, failure, cancellation, events, what is kept."""

from __future__ import annotations

import asyncio
import threading
import time
from uuid import UUID, uuid4

import pytest
from pit_support import run_python
from symphony_bridge import _native, pit


@pytest.fixture
def dag() -> pit.Dag:
    return pit.Pit(":memory:").dag


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
    assert dag.start(graph, {"count": 1}).status().workflow != first.status().workflow


def test_independent_steps_overlap_within_the_bound(dag):
    graph = pit.Graph("wide")
    lock, now, most = threading.Lock(), 0, 0

    def work(context):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1

    for number in range(8):
        graph.step(f"s{number}", work)
    begun = time.monotonic()
    dag.start(graph, concurrency=4).result()
    assert most == 4
    assert time.monotonic() - begun < 0.35
    assert dag.start(graph, concurrency=1).result()
    assert most == 4


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


def test_failure_carries_the_steps_own_error(dag):
    graph = pit.Graph("fails")

    @graph.step
    def broken(context):
        raise ZeroDivisionError("planned")

    @graph.step(after=[broken])
    def never(context):
        raise AssertionError("must not run")

    run = dag.start(graph)
    with pytest.raises(pit.PitFailed, match="'broken'") as caught:
        run.result()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.details["step"] == "broken"
    assert (run.state, [step.state for step in run.status().steps]) == ("failed", ["failed", "pending"])


def test_retry_skip_soft_and_optional(dag):
    graph = pit.Graph("recovers")
    tries = []

    @graph.step(retries=2)
    async def flaky(context):
        tries.append(context.attempt)
        if context.attempt < 3:
            raise RuntimeError("not yet")
        return "at last"

    @graph.step(on_failure="skip")
    def broken(context):
        raise RuntimeError("never")

    @graph.step(after=[broken])
    def needs(context):
        return "impossible"

    @graph.step(after=[flaky], soft=[broken], optional=["not there"])
    def goes_on(context):
        return sorted(context.inputs)

    run = dag.start(graph)
    assert run.result() == {"flaky": "at last", "goes_on": ["flaky"]}
    assert tries == [1, 2, 3]
    states = {step.name: step.state for step in run.status().steps}
    assert states == {"flaky": "completed", "broken": "skipped", "needs": "skipped", "goes_on": "completed"}


def test_cancel_reaches_an_async_step(dag):
    graph = pit.Graph("long")
    ended = threading.Event()

    @graph.step
    async def waits(context):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.set()
            raise

    run = dag.start(graph)
    next(event for event in run if event.kind == "step-started")
    time.sleep(0.05)
    run.cancel()
    assert run.state == "cancelled"
    assert ended.wait(5)
    with pytest.raises(pit.PitCancelled):
        run.result()


def test_cancel_reaches_a_busy_loop(dag):
    graph = pit.Graph("busy")
    ended = threading.Event()

    @graph.step
    def spins(context):
        try:
            while True:
                pass
        finally:
            ended.set()

    async def main():
        run = await dag.start_async(graph)
        async for event in run:
            if event.kind == "step-started":
                await asyncio.sleep(0.05)
                await run.cancel_async()
        return run

    assert asyncio.run(main()).state == "cancelled"
    assert ended.wait(5)


def test_a_cancelled_wait_for_a_result_leaves_the_run_alone(dag):
    graph = pit.Graph("slow")
    go = threading.Event()
    graph.step("slow", lambda context: go.wait(10))

    async def main():
        run = await dag.start_async(graph)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(run.result_async(), 0.05)
        go.set()
        return await run.result_async()

    assert asyncio.run(main()) == {"slow": True}


def test_finished_runs_are_known_to_a_new_process(tmp_path):
    id = run_python(
        """
from symphony_bridge import pit
graph = pit.Graph("kept")
graph.step("plain", lambda context: {"a": [1, 2.5, None, b"x", (1, 2)]})
graph.step("object", lambda context: object())
run = pit.dag.start(graph, {"k": 1})
run.result()
print(run.id)
""",
        tmp_path,
    ).strip()
    again = pit.Pit(tmp_path)
    status = again.dag.status(id)
    assert (status.state, len(status.steps), status.id) == ("completed", 2, UUID(id))
    assert again.dag.results(id) == {"plain": {"a": [1, 2.5, None, b"x", (1, 2)]}}
    with pytest.raises(pit.PitConflict, match="another process"):
        again.dag.start(status.workflow)


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
