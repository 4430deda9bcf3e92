"""What TypeScript asks of Python objects, and the loops on which answers are awaited."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, Iterator

import pytest
from symphony_bridge import _native, _objects


def test_attributes_are_found_step_by_step() -> None:
    owner = SimpleNamespace(inner=SimpleNamespace(value=5, items=[1]))
    assert _objects.get(owner, "inner.value") == 5
    assert _objects.get(owner, None) is owner
    _objects.set_attribute(owner, "inner", "value", 6)
    _objects.set_item(owner, "inner.items", 0, "x")
    assert (owner.inner.value, owner.inner.items) == (6, ["x"])
    assert _objects.length(owner, "inner.items") == 1
    _objects.delete_item(owner, "inner.items", 0)
    _objects.delete_attribute(owner, "inner", "items")
    with pytest.raises(AttributeError):
        _objects.get(owner, "inner.items")
    assert _objects.is_instance(owner, "inner", SimpleNamespace, None)
    assert _objects.type_name(owner, None) == "types.SimpleNamespace"


def test_a_generator_goes_step_by_step_and_tells_its_result() -> None:
    def numbers() -> Iterator[Any]:
        got = yield 1
        yield got
        return "end"

    made = numbers()
    assert _objects.advance(made) == (False, 1)
    assert _objects.advance(made, "sent") == (False, "sent")
    assert _objects.advance(made) == (True, "end")


def test_work_of_another_loop_is_awaited_there_and_cancelled_with_its_clean_up() -> None:
    log: list[str] = []
    started = threading.Event()
    home = asyncio.new_event_loop()
    thread = threading.Thread(target=home.run_forever)
    thread.start()

    async def where() -> bool:
        return asyncio.get_running_loop() is home

    async def slow() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            log.append("cleaned up")

    async def main() -> None:
        assert await _objects._on(home, where)
        with pytest.raises(ZeroDivisionError):
            await _objects._on(home, failing)
        task = asyncio.ensure_future(_objects._on(home, slow))
        while not started.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert log == ["cleaned up"]

    async def failing() -> None:
        raise ZeroDivisionError

    try:
        asyncio.run(main())
    finally:
        home.call_soon_threadsafe(home.stop)
        thread.join()
        home.close()


def test_futures_of_threads_are_awaited() -> None:
    done: Future[int] = Future()
    done.set_result(7)
    assert asyncio.run(_objects.wait(done)) == 7


def test_nobody_makes_up_objects_of_javascript() -> None:
    with pytest.raises(TypeError):
        _native.HostRef(5)  # type: ignore[call-arg]
    assert not _native.keep_object(object(), "nobody holds it")
    assert _native.home_loop(object()) is None
