"""NumPy's arrays and numbers through the codec."""

import sys

import numpy
import pytest
from codec_sameness import assert_same
from hypothesis import given, settings
from hypothesis import strategies as st
from symphony_bridge import _native

DTYPES = [
    *("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"),
    *("S3", "U5", "V4", "M8[ns]", "M8[D]", "m8[s]", ">i4", ">f8", ">U2", ">M8[us]"),
    [("id", "<i4"), ("at", "<f8", (2,)), ("name", "U4")],
    "g",
]


def round_trip(value):
    return _native._codec_decode(_native._codec_encode(value))


def arrays():
    shapes = st.lists(st.integers(0, 4), max_size=3)

    def make(dtype, shape, order, step, readonly, seed):
        dtype = numpy.dtype(dtype)
        size = int(numpy.prod(shape, dtype=int)) * dtype.itemsize
        data = bytes((seed * 31 + i * 7) % 2 if dtype.kind in "bU" else (seed + i) % 128 for i in range(size))
        if dtype.kind == "U":
            data = bytes(size)
        made = numpy.frombuffer(bytearray(data), dtype) if size else numpy.empty(0, dtype)
        made = made.reshape(shape, order=order)
        if made.ndim and step != 1:
            made = made[::step]
        made.flags.writeable = not readonly
        return made

    return st.builds(
        make,
        st.sampled_from(DTYPES),
        shapes,
        st.sampled_from("CF"),
        st.sampled_from([1, 2, -1]),
        st.booleans(),
        st.integers(0, 100),
    )


@given(arrays())
@settings(max_examples=300, deadline=None)
def test_any_array_comes_back(value):
    back = round_trip(value)
    assert type(back) is numpy.ndarray
    assert back.dtype == value.dtype
    assert back.shape == value.shape
    assert back.tobytes() == value.tobytes()
    assert back.flags.writeable == value.flags.writeable
    if value.flags.c_contiguous or value.flags.f_contiguous:
        assert [back.flags.c_contiguous, back.flags.f_contiguous] == [
            value.flags.c_contiguous,
            value.flags.f_contiguous,
        ]


def test_numbers_become_pythons_own():
    values = [numpy.int64(5), numpy.float32(0.5), numpy.bool_(True), numpy.complex128(1j), numpy.str_("x")]
    assert_same(round_trip(values), [5, 0.5, True, 1j, "x"])


def test_what_holds_references_has_no_value_form():
    with pytest.raises(TypeError, match=r"cannot convert value\[0\] \(type 'ndarray'\)"):
        round_trip([numpy.array([object()])])
    with pytest.raises(TypeError, match=r"type 'MaskedArray'"):
        round_trip(numpy.ma.array([1], mask=[True]))


def test_large_arrays_are_lent_and_given_back():
    value = numpy.zeros(1 << 20)
    before = sys.getrefcount(value)
    assert_same(round_trip(value), value)
    assert sys.getrefcount(value) == before
    value.resize(10, refcheck=False)


def test_a_pack_cannot_ask_for_references():
    frame = _native._codec_encode(numpy.zeros(1, "V8"))
    with pytest.raises(TypeError, match="buffer"):
        _native._codec_decode(frame.replace(b"|V8", b"|O8"))
