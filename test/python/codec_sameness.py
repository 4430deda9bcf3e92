"""Sameness for the codec's tests: equal values of equal types, shared and cyclic in the same places."""

import math
from array import array
from dataclasses import fields, is_dataclass
from typing import Any, Dict, Optional, Tuple

IDENTITY = (list, dict, set, bytearray)


def assert_same(a: Any, b: Any, met: Optional[Dict[int, Tuple[Any, Any]]] = None) -> None:
    """Fails unless both are the same all the way down, in equal order, NaN, -0.0 and identities included."""
    met = {} if met is None else met
    assert type(a) is type(b)
    if isinstance(a, IDENTITY) or is_dataclass(a):
        if id(a) in met:
            assert met[id(a)][1] is b
            return
        # Both are kept, so that their ids stay theirs.
        met[id(a)] = (a, b)
    if isinstance(a, float):
        assert math.copysign(1, a) == math.copysign(1, b) or math.isnan(a)
        assert a == b or (math.isnan(a) and math.isnan(b))
    elif isinstance(a, complex):
        assert_same((a.real, a.imag), (b.real, b.imag))
    elif isinstance(a, (list, tuple, array)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert_same(x, y, met)
    elif isinstance(a, slice):
        assert_same((a.start, a.stop, a.step), (b.start, b.stop, b.step), met)
    elif isinstance(a, dict):
        assert len(a) == len(b)
        for x, y in zip(a.items(), b.items()):
            assert_same(x[0], y[0], met)
            assert_same(x[1], y[1], met)
    elif is_dataclass(a):
        for field in fields(a):
            assert_same(getattr(a, field.name), getattr(b, field.name), met)
    elif isinstance(a, memoryview):
        facts = [(v.format, v.shape, v.strides, v.readonly, v.tobytes()) for v in (a, b)]
        assert facts[0] == facts[1]
    elif type(a).__module__.startswith("numpy"):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()
        if type(a).__name__ == "ndarray":
            assert [a.flags.writeable, a.flags.f_contiguous] == [b.flags.writeable, b.flags.f_contiguous]
    else:
        assert a == b or (a != a and b != b)
        assert repr(a) == repr(b) or isinstance(a, (set, frozenset))
