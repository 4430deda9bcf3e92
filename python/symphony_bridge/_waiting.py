"""Futures of the native side, whose cancellation counts when the other side has cleaned up."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Callable


class Waiting(asyncio.Future):  # type: ignore[type-arg]
    """What an awaitable operation of Rust's, or an awaitable call of JavaScript, gives.

    ``cancel()`` asks for the end; the future is cancelled, and whoever awaits it goes on, once that has
    come. So an ``except`` or ``finally`` of the canceller finds the clean-up of the other side done.
    """

    _stop: Callable[[], None] | None = None
    _message: Any = None

    def cancel(self, msg: Any = None) -> bool:
        """Ask for the end; true unless it is over already."""
        if self.done():
            return False
        self._message = msg
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()
        return True

    def end(self) -> None:
        """Count as cancelled: the clean-up has run."""
        if sys.version_info >= (3, 9):
            super().cancel(self._message)
        else:
            super().cancel()


def waiting(event_loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Waiting:
    """Return a future that calls ``stop`` when it is cancelled."""
    made = Waiting(loop=event_loop)
    made._stop = stop
    return made
