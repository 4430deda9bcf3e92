"""How runs of workflows end: by failure, cancellation, with their process; and what is known of them then."""

from __future__ import annotations

import asyncio
import threading
import time
from uuid import UUID, uuid4

import pytest
from pit_support import run_python, start_python
from symphony_bridge import pit

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
