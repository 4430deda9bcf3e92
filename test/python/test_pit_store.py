"""Artifacts, arbitration and stale from Python."""

from __future__ import annotations

import array
import asyncio
import os
import threading
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from pit_support import query, run_python, start_python
from symphony_bridge import pit


@pytest.fixture
def here() -> pit.Pit:
    return pit.Pit(":memory:")


def test_content_of_every_form_comes_back(here, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"\x00\x01" * 1_000_000)
    for content, expected in [
        (b"bytes", b"bytes"),
        (bytearray(b"array"), b"array"),
        (memoryview(b"view"), b"view"),
        (array.array("i", [1, 2]), array.array("i", [1, 2]).tobytes()),
        ("text \u20ac", "text \u20ac".encode()),
        (path, path.read_bytes()),
        (b"", b""),
    ]:
        assert here.artifacts.retrieve(here.artifacts.store(content)) == expected


def test_metadata_tags_parents_and_equal_content(here):
    store = here.artifacts
    first = store.store("page", content_type="text/markdown")
    second = store.store(
        "page", metadata={"a": [1, None, {"b": 2.5}]}, tags=["x", "a"], parents=[first], name="p"
    )
    known = store.metadata(second)
    assert known.metadata == {"a": [1, None, {"b": 2.5}]}
    assert (known.tags, known.parents, known.name, known.size) == (("a", "x"), (first,), "p", 4)
    assert known.hash == store.metadata(str(first)).hash
    assert store.metadata(first).content_type == "text/markdown"
    assert known.content_type.startswith("text/plain")
    assert store.delete(first) == 0
    assert not store.exists(first)
    assert store.retrieve(second) == b"page"
    assert store.delete(second) == 4


def test_awaitable_forms(here):
    async def main():
        store = here.artifacts
        ids = await asyncio.gather(*(store.store_async(f"page {n}") for n in range(50)))
        pages = await asyncio.gather(*(store.retrieve_async(id) for id in ids))
        assert pages == [f"page {n}".encode() for n in range(50)]
        assert await store.exists_async(ids[0])
        assert (await store.metadata_async(ids[0])).size == 6
        assert await store.delete_async(ids[0]) == 6
        with pytest.raises(pit.PitNotFound):
            await store.retrieve_async(ids[0])
        with pytest.raises(pit.PitInvalid):
            await store.retrieve_async("not an id")
        await here.flush_async()
        assert await here.integrity_async() == "ok"

    asyncio.run(main())


def test_a_cancelled_store_leaves_no_file(tmp_path):
    store = pit.Pit(tmp_path).artifacts
    content = os.urandom(48 << 20)

    def files(folder):
        return [file for file in folder.rglob("*") if file.is_file()]

    async def cancel_while_its_file_is_written():
        task = asyncio.ensure_future(store.store_async(content))
        while not files(tmp_path / "blobs" / "tmp"):
            if task.done():
                return False
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return True

    store.exists(uuid4())
    assert asyncio.run(cancel_while_its_file_is_written()), "the file was never seen"
    deadline = time.monotonic() + 20
    while files(tmp_path / "blobs") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert files(tmp_path / "blobs") == []
    assert query(tmp_path, "SELECT count(*) FROM artifact") == [(0,)]


def test_a_damaged_file_names_the_artifact(tmp_path):
    import random

    store = pit.Pit(tmp_path).artifacts
    id = store.store(random.Random(1).randbytes(100_000))
    blob = next(file for file in (tmp_path / "blobs").rglob("*") if file.is_file())
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    with pytest.raises(pit.PitDamaged) as caught:
        store.retrieve(id)
    assert caught.value.details["artifact"] == str(id)
    assert isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"content": 5}, pit.PitInvalid),
        ({"content": "x", "content_type": "text"}, pit.PitInvalid),
        ({"content": "x", "tags": "abc"}, pit.PitInvalid),
        ({"content": "x", "tags": [1]}, pit.PitInvalid),
        ({"content": "x", "metadata": {1: 2}}, pit.PitInvalid),
        ({"content": "x", "metadata": {"a": float("nan")}}, pit.PitInvalid),
        ({"content": "x", "metadata": {"a": {1, 2}}}, pit.PitInvalid),
        ({"content": "x", "parents": ["no id"]}, pit.PitInvalid),
        ({"content": "x", "parents": [uuid4()]}, pit.PitNotFound),
        ({"content": "x", "name": ""}, pit.PitInvalid),
        ({"content": "\ud800"}, pit.PitInvalid),
    ],
)
def test_bad_artifacts(here, arguments, error):
    content = arguments.pop("content")
    with pytest.raises(error) as caught:
        here.artifacts.store(content, **arguments)
    assert caught.value.component == "artifacts"


def test_a_missing_file_is_not_found(here, tmp_path):
    with pytest.raises(pit.PitNotFound, match="no-file"):
        here.artifacts.store(tmp_path / "no-file")


def test_another_process_sees_what_is_stored(tmp_path):
    mine = pit.Pit(tmp_path)
    id = mine.artifacts.store("shared")
    out = run_python(
        f"""
from symphony_bridge import pit
print(pit.retrieve_artifact('{id}').decode(), pit.store_artifact('back'))
""",
        tmp_path,
    )
    text, other = out.split()
    assert text == "shared"
    assert mine.artifacts.retrieve(other) == b"back"


HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path):
    """Locks the database of a home in a process of its own; gives what ends that."""
    holders = []

    def begin(statement):
        holder = start_python(HOLD, tmp_path, str(tmp_path / "pit.sqlite"), statement)
        holders.append(holder)
        assert holder.stdout.readline() == "held\n"
        return holder.communicate

    yield begin
    for holder in holders:
        holder.kill()
        holder.communicate()


def test_python_runs_on_while_the_last_pit_writes_what_is_left(tmp_path, hold):
    last = pit.Pit(tmp_path)
    last.artifacts.store("x")
    release = hold("BEGIN IMMEDIATE")
    last.arbitration.submit_decision({"context_type": "x", "options": ["a"]})
    dropping = threading.Event()

    def end():
        nonlocal last
        dropping.set()
        del last

    thread = threading.Thread(target=end)
    thread.start()
    dropping.wait()
    # The writer waits for the other process, and this line needs the GIL.
    release()
    thread.join(20)
    assert not thread.is_alive()
    assert query(tmp_path, "SELECT count(*) FROM decision") == [(1,)]


def test_asking_for_the_state_of_a_home_does_not_wait_for_its_opening(tmp_path, hold):
    run_python(
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('CREATE TABLE t (a)')",
        tmp_path,
        tmp_path / "pit.sqlite",
    )
    release = hold("BEGIN EXCLUSIVE")
    opening = pit.Pit(tmp_path)
    thread = threading.Thread(target=lambda: opening.artifacts.exists(uuid4()))
    thread.start()
    begun = time.monotonic()
    while time.monotonic() - begun < 0.5:
        assert not opening.is_open
        assert opening.home == tmp_path
        time.sleep(0.01)
    release()
    thread.join(20)
    # The lock gives up after ten seconds: whoever waits for it is far beyond that.
    assert time.monotonic() - begun < 8
    assert opening.is_open


def test_decisions_choose_the_callers_own_option_and_explain(here):
    options = [
        {"name": "small", "score": 0.6, "cost": 1},
        {"name": "large", "score": 0.9, "cost": 4},
        {"name": "huge", "score": 0.91, "cost": 90},
    ]
    request = {"context_type": "model-choice", "data": {"task": "rank"}, "options": options}
    decision = here.arbitration.submit_decision(request)
    assert decision.choice is options[1]
    assert 0 < decision.confidence < 1
    assert "'large'" in decision.reasoning
    again = here.arbitration.submit_decision(request)
    assert (again.index, again.confidence, again.reasoning) == (1, decision.confidence, decision.reasoning)
    logged = here.arbitration.decision(decision.id)
    assert (logged.choice, logged.data) == (options[1], {"task": "rank"})
    assert [entry.id for entry in here.arbitration.audit(2)] == [again.id, decision.id]


def test_policies(here):
    policy = here.arbitration.create_policy("cheap", {"weights": {"cost": 1}, "max_cost": 10})
    assert policy == here.arbitration.get_policy("cheap") == here.arbitration.get_policy(policy.id)
    assert here.arbitration.get_policy("default").weights["score"] == 0.6
    options = [
        {"name": "a", "score": 1, "cost": 5},
        {"name": "b", "score": 0, "cost": 2},
        {"name": "c", "cost": 11},
    ]
    request = {"context_type": "x", "options": options, "policy": "cheap"}
    assert here.arbitration.submit_decision(request).choice["name"] == "b"
    with pytest.raises(pit.PitConflict):
        here.arbitration.create_policy("cheap")
    with pytest.raises(pit.PitInvalid):
        here.arbitration.create_policy("new", {"weights": {"cost": float("inf")}})
    with pytest.raises(pit.PitNotFound):
        here.arbitration.get_policy("none")


@pytest.mark.parametrize(
    "request_",
    [
        {"context_type": "x", "options": []},
        {"context_type": "", "options": ["a"]},
        {"context_type": 5, "options": ["a"]},
        {"options": ["a"]},
        {"context_type": "x"},
        {"context_type": "x", "options": "abc"},
        {"context_type": "x", "options": ["a"], "colour": 1},
        {"context_type": "x", "options": [{"cost": -1}]},
        {"context_type": "x", "options": [{"score": "high"}]},
        [],
    ],
)
def test_bad_requests(here, request_):
    with pytest.raises(pit.PitInvalid) as caught:
        here.arbitration.submit_decision(request_)
    assert caught.value.details["allowed"]


def test_cleanup_keeps_what_is_protected(here):
    store, stale = here.artifacts, here.stale
    gone = store.store("gone")
    tagged = store.store("tagged", tags=["keep"])
    parent = store.store("parent")
    store.store("child", parents=[parent])
    for id in (gone, tagged, parent):
        stale.mark_stale(id, "old")
    assert stale.min_retention() == 30 * 24 * 3600
    assert stale.cleanup_stale(0).items == ()
    stale.set_min_retention(timedelta(0))
    assert stale.cleanup_stale(timedelta(minutes=1)).items == ()
    planned = stale.cleanup_stale(0, dry_run=True)
    report = stale.cleanup_stale(0)
    assert planned.dry_run
    assert planned.items == report.items
    assert [(item.id, item.reason, item.bytes) for item in report.items] == [(gone, "old", 4)]
    assert {item.id for item in report.kept} == {tagged, parent}
    assert (report.bytes_freed, store.exists(gone), store.exists(parent)) == (4, False, True)


def test_stale_models(here):
    unloaded = []
    ids = {name: here.pool.register(name, dict, unload=unloaded.append, memory_mb=3) for name in "abc"}
    here.pool.allocate("a").release()
    held = here.pool.allocate("b")
    for name in "ab":
        here.stale.mark_stale(ids[name], "old")
    assert {item.reason for item in here.stale.cleanup_stale(0).kept} == {
        "younger than the minimum retention of 2592000 s"
    }
    here.stale.set_min_retention(0)
    assert here.stale.cleanup_stale(60).kept == ()
    planned = here.stale.cleanup_stale(0, dry_run=True)
    assert here.pool.status("a").status == "Ready"

    async def clean():
        return await here.stale.cleanup_stale_async(0)

    report = asyncio.run(clean())
    assert planned.items == report.items
    assert [(item.id, item.kind, item.reason) for item in report.items] == [(ids["a"], "model", "old")]
    assert [(item.id, item.reason) for item in report.kept] == [(ids["b"], "in use")]
    assert (report.bytes_freed, unloaded) == (3 << 20, [{}])
    with pytest.raises(pit.PitNotFound):
        here.pool.status("a")
    held.release()
    assert [item.id for item in here.stale.cleanup_stale(0).items] == [ids["b"]]
    assert [model.name for model in here.pool.status().models] == ["c"]


def test_stale_runs(here):
    graph = pit.Graph("x")
    graph.step("a", lambda context: "result")
    run = here.dag.start(graph)
    run.result()
    here.stale.set_min_retention(0)
    here.stale.mark_stale(run.id, "done")
    page = here.artifacts.store("page", parents=[run.id])
    assert here.stale.cleanup_stale(0).items == ()
    here.artifacts.delete(page)
    assert [item.kind for item in here.stale.cleanup_stale(0).items] == ["run"]


def test_bad_stale_arguments(here):
    id = here.artifacts.store("x")
    for call in (
        lambda: here.stale.mark_stale(id, " "),
        lambda: here.stale.mark_stale("no id", "old"),
        lambda: here.stale.cleanup_stale(-1),
        lambda: here.stale.cleanup_stale(float("nan")),
        lambda: here.stale.set_min_retention("a month"),
    ):
        with pytest.raises(pit.PitInvalid):
            call()
    with pytest.raises(pit.PitNotFound):
        here.stale.mark_stale(uuid4(), "old")
