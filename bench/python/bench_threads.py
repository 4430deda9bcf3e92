"""What the benchmark of callbacks and of busy threads calls."""

import threading
from typing import Any, Callable, Dict

_stops: Dict[int, threading.Event] = {}


def nothing() -> None:
    """Takes nothing, gives None."""


def call_often(function: Callable[[], Any], count: int) -> None:
    """Call a function of JavaScript's."""
    for _ in range(count):
        function()


def call_often_with(function: Callable[..., Any], count: int, first: Any, second: Any) -> None:
    """Call a function of JavaScript's with two arguments."""
    for _ in range(count):
        function(first, second)


def start_busy(count: int) -> int:
    """Start threads that compute; return what stops them."""
    stop = threading.Event()
    for _ in range(count):
        threading.Thread(target=_compute, args=(stop,), daemon=True).start()
    _stops[id(stop)] = stop
    return id(stop)


def stop_busy(number: int) -> None:
    """Stop the threads."""
    _stops.pop(number).set()


def _compute(stop: threading.Event) -> None:
    total = 0
    while not stop.is_set():
        for step in range(100):
            total += step
