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


def echo(value: Any) -> Any:
    """Gives back what it takes."""
    return value


def repeat(callback: Callable[[], Any], count: int) -> None:
    """Calls back many times."""
    for _ in range(count):
        callback()


def array() -> Any:
    """Gives 8 MiB of NumPy's, made once."""
    global _array
    if _array is None:
        import numpy

        _array = numpy.arange(1024 * 1024, dtype="float64")
    return _array


def function(name: str) -> Callable[..., Any]:
    """A function of this module."""
    return globals()[name]


_array: Any = None
FLOATS: List[float] = [i + 0.5 for i in range(1000)]
DICTS = [
    {"id": i, "name": f"item {i}", "score": i * 0.5 + 0.25, "active": i % 2 == 0, "tag": "benchmark"}
    for i in range(100)
]
PAYLOADS = {"floats": FLOATS, "dicts": DICTS}
