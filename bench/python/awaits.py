"""asyncio awaiting Rust futures that are ready at once: nanoseconds of each, as JSON."""

import asyncio
import json
import sys
import time
from typing import Awaitable, Callable

from symphony_bridge import _native

AT_ONCE = 1000
ROUNDS = 60


async def best(work: Callable[[], Awaitable[object]]) -> int:
    """Nanoseconds of the fastest of many runs."""
    lowest = sys.maxsize
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        await work()
        lowest = min(lowest, time.perf_counter_ns() - start)
    return lowest


async def batch() -> None:
    """Many that are under way together, awaited in turn."""
    awaitables = [_native._await_ready() for _ in range(AT_ONCE)]
    for awaitable in awaitables:
        await awaitable


async def main() -> None:
    """Measure and print."""
    batched = await best(batch) / AT_ONCE
    alone = await best(_native._await_ready)
    print(json.dumps({"batched": batched, "alone": alone}))


asyncio.run(main())
