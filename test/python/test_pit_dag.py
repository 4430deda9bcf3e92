"""Workflows from Python: order, data, overlap, failure, cancellation, events, what is kept."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
import weakref
from uuid import UUID, uuid4

import pytest
from pit_support import run_python, start_python
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


INTERRUPTED = """
import os, sys
from symphony_bridge import pit

def count(context):
    with open(sys.argv[1], "a") as log:
        log.write(context.step + "\\n")

graph = pit.Graph("long", version="3")
@graph.step
def first(context):
    count(context)
    return [1, {"of": context.variables["text"]}]
@graph.step(after=[first])
def not_kept(context):
    count(context)
    return object()
@graph.step(after=[first, not_kept])
async def second(context):
    count(context)
    if sys.argv[2] == "die":
        os.kill(os.getpid(), 9)
    return context.inputs["first"]
@graph.step(after=[second])
def third(context):
    count(context)
    return context.inputs["second"], context.variables
"""


def test_an_interrupted_run_goes_on_in_a_new_process(tmp_path):
    log = tmp_path / "log"
    crash = start_python(
        INTERRUPTED + "run = pit.dag.start(graph, {'text': 't'}); print(run.id, flush=True); run.result()",
        tmp_path,
        log,
        "die",
    )
    out, _ = crash.communicate(timeout=60)
    assert crash.returncode == -9
    id = UUID(out.strip())
    done = log.read_text().split()
    out = run_python(
        INTERRUPTED
        + f"""
for other in (pit.Graph("long", version="3"), "no graph"):
    try:
        pit.dag.restore("{id}", other)
    except (pit.PitConflict, TypeError) as error:
        print(type(error).__name__)
run = pit.dag.restore("{id}", graph)
print(run.id, run.result()["third"])
print([event.step for event in run if event.kind == "step-restored"])
try:
    pit.dag.restore(run.id, graph)
except pit.PitConflict as error:
    print(error)
""",
        tmp_path,
        log,
        "live",
    )
    lines = out.splitlines()
    assert lines[:2] == ["PitConflict", "TypeError"]
    assert lines[2] == f"{id} ([1, {{'of': 't'}}], {{'text': 't'}})"
    assert lines[3] == "['first']"
    assert "has completed" in lines[4]
    assert done == ["first", "not_kept", "second"]
    # What could not be kept is made again; what was kept is not.
    assert log.read_text().split()[3:] == ["not_kept", "second", "third"]
    here = pit.Pit(tmp_path)
    assert here.dag.status(id).state == "completed"
    assert here.dag.results(id)["third"][1] == {"text": "t"}


def test_a_failed_run_is_restored_and_a_running_one_is_not(dag):
    graph = pit.Graph("again")
    broken, go, ran = threading.Event(), threading.Event(), []

    @graph.step
    def first(context):
        ran.append("first")
        return 1

    @graph.step(after=[first])
    def second(context):
        ran.append("second")
        go.wait(20)
        if not broken.is_set():
            broken.set()
            raise ValueError("once")
        return context.inputs["first"] + 1

    run = dag.start(graph)
    with pytest.raises(pit.PitConflict, match="still runs"):
        dag.restore(run.id, graph)
    go.set()
    with pytest.raises(pit.PitFailed):
        run.result()

    async def main():
        return await (await dag.restore_async(run.id, graph, concurrency=1)).result_async()

    assert asyncio.run(main()) == {"first": 1, "second": 2}
    assert ran == ["first", "second", "second"]
    assert dag.status(run.id).state == "completed"
    with pytest.raises(pit.PitNotFound):
        dag.restore(uuid4(), graph)


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
