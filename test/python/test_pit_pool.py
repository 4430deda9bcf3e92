"""The pool from Python: loaders and models written in Python, leases, limits, leaks."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from symphony_bridge import _native, pit


class Doubler:
    """A model: its size comes from the configuration."""

    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    def __call__(self, number: float) -> float:
        return number * self.factor


@pytest.fixture
def pool() -> pit.Pool:
    return pit.Pit(":memory:").pool


def lease_handles() -> list[dict[str, object]]:
    return [handle for handle in _native.handles() if handle["kind"] == "lease"]


def test_a_lease_calls_the_model_and_is_released_by_its_block(pool):
    pool.register("double", Doubler, configuration={"factor": 3}, memory_mb=10)
    with pool.allocate("double", priority=10) as lease:
        assert lease.invoke(2) == 6
        assert lease.name == "double"
        assert isinstance(lease.model, Doubler)
        assert isinstance(lease.id, UUID)
        assert pool.status("double").status == "Busy"
        assert pool.status(lease.id).leases == 1
    assert lease.released
    assert not lease.release()
    status = pool.status("double")
    assert (status.status, status.loads, status.invocations, status.failures) == ("Ready", 1, 1, 0)
    assert [step.to_state for step in status.history] == ["warming", "hot"]
    with pytest.raises(pit.PitConflict, match="released"):
        lease.invoke(1)


def test_five_leases_share_one_loaded_model(pool):
    loaded = []
    pool.register("m", lambda: loaded.append(1) or object(), invoke=lambda model, x: x)
    leases = [pool.allocate("m") for _ in range(5)]
    assert len({lease.id for lease in leases}) == 5
    assert len({id(lease.model) for lease in leases}) == 1
    assert loaded == [1]
    assert all(lease.release() for lease in leases)


def test_threads_that_want_a_cold_model_load_it_once(pool):
    loads = []

    def load():
        loads.append(threading.current_thread().name)
        time.sleep(0.05)
        return Doubler()

    pool.register("slow", load)
    results = []

    def use():
        with pool.allocate("slow", deadline=timedelta(seconds=20)) as lease:
            results.append(lease.invoke(1))

    threads = [threading.Thread(target=use) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2] * 20
    assert len(loads) == 1


def test_async_loaders_models_and_leases(pool):
    unloaded = []

    async def load():
        await asyncio.sleep(0)
        return Doubler()

    async def invoke(model, number):
        await asyncio.sleep(0)
        return model(number)

    async def unload(model):
        unloaded.append(model)

    pool.register("m", load, unload=unload, invoke=invoke)

    async def main():
        async with await pool.allocate_async("m", priority=1, deadline=10) as lease:
            assert await lease.invoke_async(4) == 8
        await pool.unload_async("m")
        return lease

    lease = asyncio.run(main())
    assert lease.released
    assert len(unloaded) == 1
    assert pool.status("m").state == "cold"
    with pool.allocate("m") as lease:
        assert lease.invoke(4) == 8, "a synchronous call waits for a coroutine model"


def test_models_evict_each_other_and_busy_ones_stay(pool):
    pool.set_memory_limit(100)
    for name in ("a", "b"):
        pool.register(name, Doubler, memory_mb=80)
    pool.allocate("a").release()
    with pool.allocate("b"):
        assert pool.status("a").state == "cold"
        begun = time.monotonic()
        with pytest.raises(pit.PitTimeout) as caught:
            pool.allocate("a", deadline=0.1)
        assert 0.09 < time.monotonic() - begun < 5
        assert caught.value.details["memory_limit_mb"] == 100
    assert isinstance(caught.value, TimeoutError)
    assert pool.status().memory_used_mb == 80
    pool.set_memory_limit(50)
    with pytest.raises(pit.PitCapacity) as caught:
        pool.allocate("a")
    assert isinstance(caught.value, MemoryError)


def test_cancelling_a_waiting_allocation_leaves_no_trace(pool):
    pool.set_memory_limit(10)
    pool.register("a", Doubler, memory_mb=10)
    pool.register("b", Doubler, memory_mb=10)

    async def main():
        with pool.allocate("a"):
            waiting = asyncio.ensure_future(pool.allocate_async("b"))
            await asyncio.sleep(0.05)
            assert pool.status().waiting == 1
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            # The canceller is told when the place in the queue is given back.
            assert pool.status().waiting == 0

    asyncio.run(main())
    assert pool.status().leaked == 0


def test_a_failing_loader_is_the_cause_and_can_be_tried_again(pool):
    tries = []

    def load():
        tries.append(1)
        if len(tries) == 1:
            raise KeyError("no weights")
        return Doubler()

    pool.register("m", load)
    with pytest.raises(pit.PitFailed) as caught:
        pool.allocate("m")
    assert isinstance(caught.value.__cause__, KeyError)
    assert pool.status("m").status == "Failed"
    pool.allocate("m").release()


def test_a_model_that_raises_counts_as_a_failure(pool):
    pool.register("m", lambda: lambda number: 1 / number)
    with pool.allocate("m") as lease, pytest.raises(ZeroDivisionError):
        lease.invoke(0)
    assert pool.status("m").failures == 1


def test_a_dropped_lease_is_released_and_its_handle_stays_as_a_leak(pool):
    pool.register("m", Doubler)
    before = {handle["id"] for handle in lease_handles()}
    lease = pool.allocate("m")
    line = lease_handles()[-1]["site"]
    assert line.startswith(__file__)
    del lease
    gc.collect()
    assert (pool.status().leaked, pool.status("m").leases) == (1, 0)
    leaked = [handle for handle in lease_handles() if handle["id"] not in before]
    assert [handle["site"] for handle in leaked] == [line]
    with pool.allocate("m"):
        pass
    assert len([handle for handle in lease_handles() if handle["id"] not in before]) == 1


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"priority": 1001}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": 1.5}, "priority"),
        ({"deadline": -1}, "deadline"),
        ({"deadline": float("nan")}, "deadline"),
        ({"deadline": float("inf")}, "deadline"),
        ({"deadline": "soon"}, "deadline"),
    ],
)
def test_allocation_arguments_are_checked(pool, arguments, field):
    pool.register("m", Doubler)
    with pytest.raises(pit.PitInvalid) as caught:
        pool.allocate("m", **arguments)
    assert caught.value.details["field"] == field


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"memory_mb": 0}, "memory_mb"),
        ({"memory_mb": -5}, "memory_mb"),
        ({"cpu_cores": 0}, "cpu_cores"),
        ({"cpu_cores": float("nan")}, "cpu_cores"),
        ({"model_type": "sound"}, "model_type"),
        ({"load": 5}, "load"),
        ({"name": " "}, "name"),
        ({"configuration": {"a": object()}}, "configuration.a"),
    ],
)
def test_specs_are_checked(pool, arguments, field):
    with pytest.raises(pit.PitInvalid) as caught:
        pool.register(**{"name": "m", "load": Doubler, **arguments})
    assert caught.value.details["field"] == field
    assert caught.value.hint


def test_names_and_ids(pool):
    id = pool.register("m", Doubler)
    assert pool.status(id) == pool.status("m") == pool.status(str(id))
    with pytest.raises(pit.PitConflict):
        pool.register("m", Doubler)
    with pytest.raises(pit.PitNotFound):
        pool.status(uuid4())
    with pytest.raises(pit.PitNotFound):
        pool.deallocate(uuid4())
    with pytest.raises(pit.PitInvalid):
        pool.deallocate("no id")
    with pool.allocate("m") as lease, pytest.raises(pit.PitConflict):
        pool.unregister("m")
    pool.unregister("m")
    with pytest.raises(LookupError):
        pool.allocate("m")
    assert lease.released


def test_a_hot_lease_costs_little(pool):
    pool.register("m", Doubler)
    pool.allocate("m").release()
    best = float("inf")
    for _ in range(20):
        begun = time.perf_counter()
        for _ in range(1000):
            pool.allocate("m").release()
        best = min(best, (time.perf_counter() - begun) / 1000)
    assert best < 5e-6, f"{best * 1e9:.0f} ns"


def test_an_unregistered_model_is_not_loaded_for_those_who_wait_for_it(pool):
    pool.set_memory_limit(10)
    loaded = []
    pool.register("holder", dict, memory_mb=10)
    pool.register("gone", lambda: loaded.append(1), memory_mb=10)
    holder = pool.allocate("holder")
    failure = []

    def wait():
        with pytest.raises(pit.PitNotFound, match="unregistered") as caught:
            pool.allocate("gone", deadline=20)
        failure.append(caught.value)

    thread = threading.Thread(target=wait)
    thread.start()
    while pool.status().waiting == 0:
        time.sleep(0.001)
    pool.unregister("gone")
    thread.join(25)
    assert len(failure) == 1
    holder.release()
    pool.unload("holder")
    assert loaded == []
    assert pool.status().memory_used_mb == 0


def test_the_id_of_a_released_lease_names_nothing(pool):
    pool.register("m", dict)
    lease = pool.allocate("m")
    lease.release()
    with pytest.raises(pit.PitNotFound):
        pool.status(lease.id)
