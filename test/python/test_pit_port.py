"""The thirteen port functions, the default home, errors as a family, the trace, and what survives kill -9."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import time
from uuid import UUID

import pytest
from pit_support import query, run_python, start_python
from symphony_bridge import _error_payload, _native, errors, pit

PORT = [
    "allocate_model",
    "deallocate_model",
    "get_model_status",
    "create_workflow",
    "execute_workflow",
    "get_workflow_status",
    "store_artifact",
    "retrieve_artifact",
    "delete_artifact",
    "submit_decision",
    "get_policy",
    "mark_stale",
    "cleanup_stale",
]


def test_every_operation_has_both_forms_with_the_same_parameters():
    for name in PORT:
        plain, awaitable = getattr(pit, name), getattr(pit, f"{name}_async")
        assert inspect.iscoroutinefunction(awaitable)
        assert inspect.signature(plain).parameters == inspect.signature(awaitable).parameters


def test_the_port_from_end_to_end(tmp_path):
    out = run_python(
        """
import asyncio
from symphony_bridge import pit

pit.pool.register("m", lambda: lambda x: x + 1)
lease = pit.allocate_model("m", priority=3)
assert pit.get_model_status(lease).status == "Busy"
pit.deallocate_model(str(lease))
assert pit.get_model_status("m").status == "Ready"
assert pit.pool.status().leaked == 0

workflow = pit.create_workflow({
    "name": "w",
    "steps": [{"name": "a", "callable": lambda c: 1}, {"name": "b", "callable": lambda c: c.inputs["a"] + 1}],
    "dependencies": [{"from": "a", "to": "b"}],
})
run = pit.execute_workflow(workflow, {"x": 1})
while pit.get_workflow_status(run).state == "running":
    pass
assert pit.get_workflow_status(str(run)).state == "completed"
assert pit.dag.results(run) == {"a": 1, "b": 2}

page = pit.store_artifact("page", parents=[run], tags=["t"])
assert pit.retrieve_artifact(page) == b"page"
assert pit.submit_decision({"context_type": "x", "options": ["a"]}).choice == "a"
assert pit.get_policy("default").name == "default"
pit.mark_stale(page, "old")
assert pit.cleanup_stale(0).kept[0].id == page
assert pit.delete_artifact(page) == 4

async def main():
    lease = await pit.allocate_model_async("m")
    assert (await pit.get_model_status_async(lease)).leases == 1
    await pit.deallocate_model_async(lease)
    run = await pit.execute_workflow_async(workflow)
    while (await pit.get_workflow_status_async(run)).state == "running":
        await asyncio.sleep(0.001)
    page = await pit.store_artifact_async(b"page")
    assert await pit.retrieve_artifact_async(page) == b"page"
    assert (await pit.submit_decision_async({"context_type": "x", "options": ["a"]})).index == 0
    assert (await pit.get_policy_async("default")).name == "default"
    await pit.mark_stale_async(page, "old")
    assert (await pit.cleanup_stale_async(0, dry_run=True)).items == ()
    assert await pit.delete_artifact_async(page) == 4

asyncio.run(main())
print("done", pit.default.home)
""",
        tmp_path,
    )
    assert out.split() == ["done", str(tmp_path)]
    assert query(tmp_path, "SELECT count(*) FROM decision") == [(2,)]


def test_errors_are_one_family_with_all_their_parts():
    here = pit.Pit(":memory:")
    with pytest.raises(pit.PitError) as caught:
        here.artifacts.retrieve("no id")
    error = caught.value
    assert isinstance(error, (ValueError, errors.BridgeError))
    assert (error.code, error.component, error.operation) == ("pit-invalid", "artifacts", "retrieve")
    allowed = error.details.pop("allowed")
    assert allowed.startswith("a UUID such as ")
    assert error.details == {"field": "id", "value": "no id"}
    assert error.hint in str(error)
    [(function, file, line)] = error.rust_frames
    assert function == "pit::artifacts::retrieve"
    assert file.startswith("native/pit/src/")
    assert line > 0
    described = _error_payload.describe(error)
    assert (described["origin"], described["code"]) == ("pit", "pit-invalid")
    assert described["frames"][-1]["language"] == "rust"
    assert "hint" not in described["message"]
    bases = {
        "PitInvalid": ValueError,
        "PitNotFound": LookupError,
        "PitTimeout": TimeoutError,
        "PitCapacity": MemoryError,
        "PitStorage": OSError,
        "PitDenied": PermissionError,
    }
    for name, base in bases.items():
        assert issubclass(getattr(errors, name), base), name
        assert issubclass(getattr(errors, name), errors.PitError), name


def test_a_home_that_cannot_be_written_is_an_error_and_the_next_open_works(tmp_path):
    home = tmp_path / "home"
    home.write_text("a file in the way")
    here = pit.Pit(home)
    for _ in range(2):
        with pytest.raises(OSError, match="home") as caught:
            here.artifacts.store("x")
        assert isinstance(caught.value, pit.PitStorage)
        assert "SYMPHONY_PIT_HOME" in caught.value.hint
    here.pool.register("m", dict)
    here.pool.allocate("m").release()
    home.unlink()
    assert here.artifacts.retrieve(here.artifacts.store("x")) == b"x"
    with pytest.raises(pit.PitStorage):
        pit.Pit("/proc/nowhere").artifacts.store("x")


def test_the_environment_names_the_home_anew_until_it_is_open(tmp_path):
    out = run_python(
        """
import os
from symphony_bridge import pit
try:
    pit.store_artifact("x")
except OSError as error:
    print(type(error).__name__)
os.environ["SYMPHONY_PIT_HOME"] = ":memory:"
print(pit.retrieve_artifact(pit.store_artifact("x")))
""",
        "/dev/null/home",
    )
    assert out.splitlines()[1] == "b'x'"


def test_the_home_survives_kill_at_any_moment(tmp_path):
    code = """
import os, random, sys
from symphony_bridge import pit
graph = pit.Graph("kept")
graph.step("a", lambda context: list(range(1000)))
graph.step("b", lambda context: os.urandom(100), after=["a"])
while True:
    content = random.randbytes(random.choice([10, 50_000]))
    id = pit.store_artifact(content, tags=["t"])
    print("stored", id, flush=True)
    run = pit.dag.start(graph)
    run.result()
    print("run", run.id, flush=True)
    pit.submit_decision({"context_type": "x", "options": ["a", "b"]})
    if random.random() < 0.3:
        pit.delete_artifact(id)
        print("deleted", id, flush=True)
"""
    stored, deleted, runs = set(), set(), set()
    for round_ in range(3):
        process = start_python(code, tmp_path)
        begun = None
        for line in process.stdout:
            kind, id = line.split()
            {"stored": stored, "deleted": deleted, "run": runs}[kind].add(id)
            begun = begun or time.monotonic()
            if runs and time.monotonic() - begun > 0.3 + 0.13 * round_:
                break
        os.kill(process.pid, signal.SIGKILL)
        # What was printed before the end is on disk; the rest of the pipe counts too.
        for line in process.stdout:
            kind, id = line.split()
            {"stored": stored, "deleted": deleted, "run": runs}[kind].add(id)
        process.wait()
        process.stderr.close()
        here = pit.Pit(tmp_path)
        assert here.integrity() == "ok"
        # The last deletion may be on disk though it was not printed any more.
        missing = [id for id in stored - deleted if not here.artifacts.exists(id)]
        assert len(missing) <= round_ + 1
        for id in stored - deleted - set(missing):
            here.artifacts.retrieve(id)
        assert all(here.dag.status(id).state == "completed" for id in runs)
        assert query(tmp_path, "PRAGMA integrity_check") == [("ok",)]
        rows = query(tmp_path, "SELECT id FROM run")
        assert {here.dag.status(UUID(bytes=row[0])).state for row in rows} <= {"completed", "failed"}
        here.artifacts.store("the next one works")
        del here
    assert stored
    assert runs
    assert not any((tmp_path / "blobs" / "tmp").iterdir())


def test_every_operation_is_a_span_with_the_line_that_called_it(tmp_path):
    trace = tmp_path / "run.symtrace"
    run_python(
        f"""
import asyncio
from symphony_bridge import _native, pit
_native.open_trace({str(trace)!r})
pit.pool.register("m", dict)
pit.allocate_model("m")
page = pit.artifacts.store("x")
try:
    pit.retrieve_artifact("no id")
except ValueError:
    pass
async def main():
    await pit.artifacts.retrieve_async(page)
    await pit.submit_decision_async({{"context_type": "x", "options": ["a"]}})
asyncio.run(main())
_native.shut_down()
""",
        ":memory:",
    )
    text = trace.read_bytes()
    for name, line in [
        ("pool.register", 5),
        ("pool.allocate", 6),
        ("artifacts.store", 7),
        ("artifacts.retrieve", 9),
        ("artifacts.retrieve", 13),
        ("arbitration.submit_decision", 14),
    ]:
        expected = f"{name}\x1f<string>:{line}\x1fnative/python/src/pit/".encode()
        assert expected in text, (name, line)
    assert b"PitInvalid: id is" in text


def test_waiting_on_the_conductors_loop_is_refused():
    here = pit.Pit(":memory:")
    here.pool.register("cold", dict)
    outcome = []

    async def step(context):
        try:
            here.pool.allocate("cold")
        except errors.DeadlockError as error:
            outcome.append(error.hint)

    graph = pit.Graph("x")
    graph.step("a", step)
    here.dag.start(graph).result()
    assert len(outcome) == 1
    assert "allocate_async" in outcome[0]


def test_leases_are_handles_of_the_bridge():
    def leases():
        return [handle["name"] for handle in _native.handles() if handle["kind"] == "lease"]

    here = pit.Pit(":memory:")
    here.pool.register("of-this-test", dict)
    before = leases()
    with here.pool.allocate("of-this-test"):
        assert leases() == [*before, "of-this-test"]
    assert leases() == before


def test_ctrl_c_breaks_a_wait(tmp_path):
    process = start_python(
        """
from symphony_bridge import pit
pit.pool.set_memory_limit(1)
for name in "ab":
    pit.pool.register(name, dict)
with pit.pool.allocate("a"):
    print("waiting", flush=True)
    try:
        pit.pool.allocate("b")
    except KeyboardInterrupt:
        print("broken", pit.pool.status().waiting, flush=True)
""",
        tmp_path,
    )
    assert process.stdout.readline().strip() == "waiting"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert out.split() == ["broken", "0"], err
    assert process.returncode == 0


def test_concurrent_use_from_many_threads_and_tasks():
    here = pit.Pit(":memory:")
    here.pool.register("m", lambda: lambda x: x)

    async def one(number):
        async with await here.pool.allocate_async("m") as lease:
            id = await here.artifacts.store_async(str(number))
            return await lease.invoke_async(await here.artifacts.retrieve_async(id))

    async def main():
        return await asyncio.gather(*(one(number) for number in range(100)))

    assert asyncio.run(main()) == [str(number).encode() for number in range(100)]
    assert here.pool.status("m").leases == 0
