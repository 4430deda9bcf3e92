"""asyncio and Tokio: what is awaited ends, whatever happens on the way."""

import asyncio
from typing import List

import pytest
from symphony_bridge import _native
from symphony_bridge.errors import BridgeError


@pytest.mark.parametrize("converting", [False, True])
def test_a_panic_fails_the_awaitable(converting: bool) -> None:
    async def main() -> None:
        await asyncio.wait_for(_native._await_panic(converting), 20)

    with pytest.raises(BridgeError, match="native side failed"):
        asyncio.run(main())


def test_a_panic_leaves_the_rest_of_its_batch_alone() -> None:
    async def main() -> List[object]:
        awaited = [_native._await_panic(True), *(_native._await_ready() for _ in range(100))]
        return await asyncio.wait_for(asyncio.gather(*awaited, return_exceptions=True), 20)

    first, *others = asyncio.run(main())
    assert isinstance(first, BridgeError)
    assert others == [None] * 100


def test_a_thousand_concurrent_awaits_all_end() -> None:
    async def main() -> List[object]:
        return await asyncio.wait_for(asyncio.gather(*(_native._await_ready() for _ in range(1000))), 20)

    assert asyncio.run(main()) == [None] * 1000
