"""Random values of every type that crosses, many per second, and the smallest part of one that fails."""

import array
import datetime as dt
import decimal
import fractions
import pathlib
import random
import uuid
from typing import Any, Callable, ClassVar, List, Optional

from codec_samples import Bag, Color, Pair
from symphony_bridge import _native, js


def make(seed: int, leaves: int) -> Any:
    """A list of nested values with about as many leaves."""
    maker = _Maker(random.Random(seed))
    top: List[Any] = []
    while maker.leaves < leaves:
        top.append(maker.value(5))
    return top


def smallest_failing(value: Any, fails: Callable[[Any], bool]) -> Any:
    """The smallest part of a value that fails by itself; the value, when none does."""
    for part in _parts(value):
        if fails(part):
            return smallest_failing(part, fails)
    return value


def _parts(value: Any) -> List[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, Bag):
        return [value.items, value.by_name]
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else []


class _Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.leaves = 0
        self.shared: List[Any] = []

    def value(self, depth: int) -> Any:
        if depth == 0 or self.rng.random() < 0.5:
            self.leaves += 1
            return self.rng.choice(self.LEAVES)(self)
        if self.shared and self.rng.random() < 0.1:
            return self.rng.choice(self.shared)
        made = self.rng.choice(self.CONTAINERS)(self, depth - 1)
        if self.rng.random() < 0.2:
            self.shared.append(made)
        return made

    def some(self, depth: int) -> List[Any]:
        return [self.value(depth) for _ in range(self.rng.randrange(5))]

    def cyclic(self, depth: int) -> Any:
        made: List[Any] = []
        made += self.some(depth)
        made.append({"up": made})
        return made

    def text(self) -> str:
        alphabet = self.rng.choice(
            ["ab01", "\u00e9\u00ff", "\u65e5\U0001f600", "\ud83d\ude00a\U0001f600", "\0\n"]
        )
        return "".join(self.rng.choices(alphabet, k=self.rng.randrange(8)))

    def name(self) -> str:
        return "".join(self.rng.choices("ab/.\udc80\u65e5", k=self.rng.randrange(8)))

    def int(self) -> int:
        size = self.rng.choice([1, 8, 23, 24, 31, 53, 54, 64, 65, 200])
        return self.rng.getrandbits(size) * self.rng.choice([1, -1])

    def float(self) -> float:
        return self.rng.choice([-0.0, 0.0, 0.5, 1.0, 1e300, float("inf"), float("nan"), self.rng.random()])

    def zone(self) -> Optional[dt.timezone]:
        offset = dt.timedelta(seconds=self.rng.randrange(-80000, 80000))
        return self.rng.choice([None, dt.timezone.utc, dt.timezone(offset), dt.timezone(offset, self.name())])

    def datetime(self) -> dt.datetime:
        start = dt.datetime(2, 1, 1, tzinfo=self.zone(), fold=self.rng.randrange(2))
        span = dt.timedelta(
            self.rng.randrange(3_000_000), self.rng.randrange(86400), self.rng.randrange(10**6)
        )
        return (start + span).replace(fold=start.fold)

    def date_of_js(self) -> js.JsDate:
        ms = dt.timedelta(milliseconds=self.rng.randrange(-(10**13), 10**13))
        return js.JsDate(1970, 1, 1, tzinfo=dt.timezone.utc) + ms  # type: ignore[return-value]

    def view(self) -> memoryview:
        form, shape = self.rng.choice([("B", [24]), ("d", [3]), ("i", [2, 3]), ("h", [3, 2, 2]), ("q", [0])])
        view = memoryview(bytearray(self.rng.getrandbits(8) for _ in range(24)))
        if 0 in shape:
            return view[:0].cast(form)
        return view.cast("B").cast(form, shape) if len(shape) > 1 else view.cast(form)

    LEAVES: ClassVar[List[Callable[["_Maker"], Any]]] = [
        lambda self: self.rng.choice([None, _native.undefined, True, False, ..., NotImplemented]),
        lambda self: self.rng.choice(list(Color)),
        text,
        int,
        float,
        zone,
        datetime,
        date_of_js,
        view,
        lambda self: complex(self.float(), self.float()),
        lambda self: decimal.Decimal(self.int()).scaleb(self.rng.randrange(-9, 9)),
        lambda self: fractions.Fraction(self.int(), abs(self.int()) + 1),
        lambda self: uuid.UUID(int=self.rng.getrandbits(128)),
        lambda self: pathlib.PurePosixPath("/", self.name()),
        lambda self: self.datetime().date(),
        lambda self: self.datetime().timetz(),
        lambda self: dt.timedelta(self.rng.randrange(-999, 999), self.rng.randrange(86400), 5),
        lambda self: range(self.rng.randrange(9), self.int(), self.rng.randrange(1, 5)),
        lambda self: slice(None, self.int(), self.float()),
        lambda self: array.array("d", [self.rng.random() for _ in range(self.rng.randrange(4))]),
        lambda self: js.JsBigInt(self.rng.randrange(-(2**53) + 1, 2**53)),
        lambda self: js.JsBytes(self.text().encode("utf-8", "surrogatepass"), "Buffer"),
        lambda self: bytearray(self.rng.randrange(5)),
        lambda self: bytes(self.rng.randrange(5)),
        lambda self: frozenset({self.text(), self.text()}),
        lambda self: {self.int(), self.int()},
    ]
    CONTAINERS: ClassVar[List[Callable[["_Maker", Any], Any]]] = [
        some,
        cyclic,
        lambda self, depth: tuple(self.some(depth)),
        lambda self, depth: [self.float() for _ in range(self.rng.randrange(9))],
        lambda self, depth: {self.text(): self.value(depth) for _ in range(3)},
        lambda self, depth: {self.int(): self.value(depth) for _ in range(3)},
        lambda self, depth: js.JsMap({self.rng.choice(["", "a", "\u65e5"]): self.value(depth)}),
        lambda self, depth: Pair(self.value(depth), self.value(depth)),
        lambda self, depth: Bag(self.some(depth), {self.text(): self.value(depth)}),
    ]
