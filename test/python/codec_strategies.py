"""Values of every type that crosses, as Hypothesis makes and shrinks them, and how many one of them holds."""

import array
import datetime as dt
import enum
import pathlib
from typing import Any

from codec_samples import Bag, Color, Pair
from hypothesis import strategies as st
from symphony_bridge import _native, js

try:
    import numpy
except ImportError:
    numpy = None


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


def count(value: Any) -> int:
    """How many values a value is: itself and all inside it."""
    if isinstance(value, dict):
        return 1 + sum(count(key) + count(item) for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return 1 + sum(map(count, value))
    if isinstance(value, Bag):
        return 1 + count(value.items) + count(value.by_name)
    return 1


def _zones() -> Any:
    offsets = st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23))
    return st.none() | st.builds(dt.timezone, offsets) | st.builds(dt.timezone, offsets, st.text(max_size=3))


def _arrays() -> Any:
    def make(numbers: Any, kind: str, order: str) -> Any:
        size = numpy.dtype(kind).itemsize
        made = numpy.array(numbers, "u1").repeat(size, axis=-1)
        return numpy.ascontiguousarray(made).view(kind).copy(order)

    row = st.lists(st.integers(0, 1), min_size=2, max_size=2)
    kinds = st.sampled_from(["?", "u1", "<i4", ">i8", ">f8", "<c8", "M8[s]", "S3", "V2"])
    return st.builds(make, row | st.lists(row, min_size=1, max_size=3), kinds, st.sampled_from("CF"))


small = st.integers(-(2**53) + 1, 2**53 - 1)
texts = st.text(st.characters(), max_size=12) | st.text("a\ud83d\ude00\U0001f600", max_size=8)
_numbers = st.one_of(
    st.complex_numbers(),
    st.decimals().filter(lambda x: not x.is_snan()),
    st.fractions(),
    small.map(js.JsBigInt),
    st.integers(-(10**400), 10**400),
    st.integers(),
    st.floats(),
)
_times = st.one_of(
    st.datetimes(timezones=_zones(), allow_imaginary=True),
    st.dates(),
    st.times(timezones=_zones()),
    st.timedeltas(),
    st.builds(lambda at: js.JsDate(*at.timetuple()[:6], tzinfo=dt.timezone.utc), st.datetimes()),
)
_paths = st.lists(st.text("abc.", min_size=1, max_size=4)).map(lambda parts: pathlib.PurePosixPath(*parts))
_memory = st.one_of(
    st.builds(array.array, st.sampled_from("bhiqfd"), st.lists(st.integers(-100, 100), max_size=4)),
    st.builds(
        lambda code, items: memoryview(array.array(code, items)),
        st.sampled_from("bhiqfd"),
        st.lists(st.integers(-100, 100), max_size=4),
    ),
    st.binary(max_size=24).map(memoryview),
    st.binary(max_size=4).map(lambda data: memoryview(data * 8).cast("d")),
    st.lists(small.map(lambda n: n % 2**31), min_size=6, max_size=6).map(
        lambda items: memoryview(array.array("i", items)).cast("B").cast("i", [2, 3])
    ),
    st.binary(max_size=8).map(bytearray),
    st.builds(js.JsBytes, st.binary(), st.sampled_from(["Buffer", "DataView"])),
)
leaves = st.one_of(
    _numbers,
    _times,
    texts,
    _paths,
    _memory,
    st.uuids(),
    st.builds(range, small, small, small.filter(bool)),
    st.builds(slice, st.none() | small, small),
    st.sampled_from([..., NotImplemented, None, _native.undefined, True, 2.0, Color.RED, Level.LOW]),
    st.sampled_from([Access.READ, Access.READ | Access.WRITE, Access(0)]),
    *([] if numpy is None else [_arrays()]),
)
hashable = st.one_of(
    texts, small, st.dates(), st.uuids(), st.binary(max_size=3), st.sampled_from(list(Color))
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(st.floats() | small, max_size=6),
        st.sets(small) | st.frozensets(texts, max_size=4),
        # The same object more than once keeps being one.
        st.lists(inner, min_size=1, max_size=3).map(lambda items: [items, items, {"again": items}]),
        st.builds(Pair, inner, inner),
        st.builds(Bag, st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
        st.dictionaries(texts, inner, max_size=4),
        st.dictionaries(hashable, inner, max_size=4),
        # With other keys a Map would not come back as an object, so it need not say that it is one.
        st.dictionaries(st.text("ab\u00e9", max_size=4), inner, max_size=3).map(js.JsMap),
    ),
    max_leaves=40,
)
