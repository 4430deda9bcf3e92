"""What the bridge benchmark calls."""

from typing import Any, Callable, List


def nothing() -> None:
    """Takes nothing, gives None."""


def two(a: float, b: str) -> float:
    """Takes two arguments, gives one back."""
    return a


def take(value: Any) -> None:
    """Takes anything, gives None."""


def give(kind: str) -> Any:
    """Gives a payload made once."""
    return PAYLOADS[kind]


def function(name: str) -> Callable[..., Any]:
    """A function of this module."""
    return globals()[name]


FLOATS: List[float] = [i + 0.5 for i in range(1000)]
DICTS = [
    {"id": i, "name": f"item {i}", "score": i * 0.5 + 0.25, "active": i % 2 == 0, "tag": "benchmark"}
    for i in range(100)
]
PAYLOADS = {"floats": FLOATS, "dicts": DICTS}
