"""Types with a converter, Python to Python: any nesting of them comes back the same."""

import array
import datetime as dt
import decimal
import fractions
import math
import os
import uuid
from dataclasses import dataclass
from typing import Any

import codec_random
import pytest
from codec_sameness import assert_same
from codec_samples import Bag, Point
from codec_strategies import values
from hypothesis import HealthCheck, given, settings
from symphony_bridge import _native, convert
from zoneinfo import ZoneInfo

# `npm run test:full` looks longer: 500,000 values.
EFFORT = 25 if os.environ.get("SYMPHONY_FULL") else 1


def round_trip(value: Any) -> Any:
    return _native._codec_decode(_native._codec_encode(value))


@given(values)
@settings(max_examples=60 * EFFORT, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_nesting_of_any_types_comes_back(value):
    assert_same(round_trip(value), value)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(4))
def test_random_values_come_back(part):
    """Each seed makes a thousand values, 20,000 in all; a failure tells the smallest part, and its seed."""
    seeds = 5 * EFFORT
    for seed in range(part * seeds, (part + 1) * seeds):
        value = codec_random.make(seed, 1000)
        if fails(value):
            part = codec_random.smallest_failing(value, fails)
            print(f"seed {seed}: {part!r}")
            assert_same(round_trip(part), part)


def fails(value):
    try:
        assert_same(round_trip(value), value)
    except (AssertionError, TypeError, ValueError):
        return True
    return False


def test_a_signalling_nan_and_other_decimals():
    for text in ("sNaN12", "-NaN", "-0", "1E+999999", "Infinity", "1.10"):
        back = round_trip(decimal.Decimal(text))
        assert str(back) == text
        assert type(back) is decimal.Decimal


def test_zones_by_name_and_folds():
    berlin = ZoneInfo("Europe/Berlin")
    twice = dt.datetime(2024, 10, 27, 2, 30, tzinfo=berlin, fold=1)
    back = round_trip([twice, twice.replace(fold=0)])
    assert [at.utcoffset() for at in back] == [dt.timedelta(hours=1), dt.timedelta(hours=2)]
    assert back[0].tzinfo is berlin


def test_an_integer_of_100_000_digits_needs_no_text():
    number = 10**100_000 + 7
    assert round_trip([number, -number]) == [number, -number]


def test_shared_values_stay_one_and_cycles_close():
    items: list = [1]
    items.append(items)
    table: dict = {"items": items}
    table["self"] = table
    bag = Bag([items])
    bag.items.append(bag)
    back = round_trip([items, table, bag, bag, bytearray(b"x")])
    assert back[0][1] is back[0]
    assert back[1]["self"] is back[1]
    assert back[1]["items"] is back[0]
    assert type(back[2]) is Bag
    assert back[2].items[0] is back[0]
    assert back[2].items[1] is back[2] is back[3]


def test_a_tuple_that_contains_itself_is_refused():
    items: list = []
    loop = (items,)
    items.append(loop)
    with pytest.raises(TypeError, match=r"cannot convert value\[0\]\[0\] .*contains itself through a tuple"):
        round_trip(loop)
    # From the list on it is a list that contains itself.
    back = round_trip(items)
    assert back[0][0] is back


def test_a_value_freed_while_packing_is_not_taken_for_another():
    class Maker:
        pass

    held: list = []

    def plain(maker):
        # Shared while it is packed, gone before the next one is made.
        held[:] = [[maker.n]]
        return held[0]

    makers = [Maker() for _ in range(100)]
    for n, maker in enumerate(makers):
        maker.n = n
    convert.register(Maker, "test:maker", plain, lambda items: items)
    try:
        assert round_trip(makers) == [[n] for n in range(100)]
    finally:
        convert.unregister("test:maker")


def test_classes_without_a_place_come_back_as_themselves():
    def make():
        @dataclass
        class Local:
            x: int

        return Local

    first, second = make(), make()
    back = round_trip([first(1), second(2), first(3)])
    assert [type(each) for each in back] == [first, second, first]


def test_objects_keep_the_order_of_their_keys():
    for keys in (
        ["1", "2", "a"],
        ["2", "1"],
        ["a", "1"],
        ["__proto__", "a"],
        ["01", "1"],
        ["4294967295", "1"],
    ):
        value = {key: i for i, key in enumerate(keys)}
        assert list(round_trip(value).items()) == list(value.items())


def test_memory_keeps_format_shape_and_order():
    cases = [
        memoryview(b""),
        memoryview(bytearray(b"abcdef")).cast("B", [2, 3]),
        memoryview(b"abcd")[::2],
        memoryview(array.array("q", [1, -1])),
        array.array("u", "h\u00e9"),
        array.array("B"),
        memoryview(b"x" * 200_000),
    ]
    for value in cases:
        back = round_trip(value)
        assert type(back) is type(value)
        if isinstance(value, array.array):
            assert_same(back, value)
        else:
            assert (back.format, back.shape, back.readonly) == (value.format, value.shape, value.readonly)
            assert back.tolist() == value.tolist()


def test_a_released_memoryview_is_told():
    gone = memoryview(b"abc")
    gone.release()
    with pytest.raises(
        TypeError, match=r"cannot convert value\[0\] \(type 'memoryview'\).*released"
    ) as caught:
        round_trip([gone])
    assert isinstance(caught.value.__cause__, ValueError)


def test_numbers_that_are_whole_stay_floats():
    assert_same(round_trip([2.0, -0.0, math.inf, 1]), [2.0, -0.0, math.inf, 1])
    assert_same(round_trip(Point(1.0, 2.0)), Point(1.0, 2.0))
    assert fractions.Fraction(1, 3) == round_trip(fractions.Fraction(1, 3))
    assert uuid.UUID(int=5) == round_trip(uuid.UUID(int=5))
