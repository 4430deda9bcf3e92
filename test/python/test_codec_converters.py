"""Converters that programs add, models of other libraries, and values that defend themselves."""

import collections
import dataclasses
import datetime
import functools
import gc
import weakref
from dataclasses import InitVar, dataclass
from typing import Any, Optional

import attrs
import pydantic
import pytest
from symphony_bridge import _native, convert


def round_trip(value: Any) -> Any:
    return _native._codec_decode(_native._codec_encode(value))


class Money:
    def __init__(self, amount: int) -> None:
        self.amount = amount


class Euro(Money):
    pass


@pytest.fixture
def registered():
    names = []

    def register(*args: Any, **options: Any) -> None:
        convert.register(*args, **options)
        names.append(args[1])

    yield register
    for name in names:
        convert.unregister(name)


def test_a_converter_makes_the_value_again(registered):
    with pytest.raises(TypeError, match="no conversion"):
        round_trip(Money(1))
    registered(Money, "money", lambda money: money.amount, Money)
    back = round_trip([Money(3), {"a": Money(4)}])
    assert [type(back[0]), back[0].amount, back[1]["a"].amount] == [Money, 3, 4]
    convert.unregister("money")
    with pytest.raises(TypeError, match="no conversion"):
        round_trip(Money(1))
    convert.register(Money, "money", lambda money: money.amount, Money)


def test_priority_before_class_before_base_before_predicate(registered):
    def named(name):
        return lambda value: name, lambda plain: (name, plain)

    registered(lambda cls: issubclass(cls, Money), "predicate", *named("predicate"))
    assert round_trip(Euro(1))[0] == "predicate"
    registered(Money, "base", *named("base"))
    assert round_trip(Euro(1))[0] == "base"
    registered(lambda cls: cls.__name__ == "Euro", "high", *named("high"), priority=5)
    assert round_trip(Euro(1))[0] == "high"
    registered(Euro, "exact", *named("exact"))
    assert round_trip(Euro(1))[0] == "high"
    registered(Euro, "exact and high", *named("exact and high"), priority=5)
    assert round_trip(Euro(1))[0] == "exact and high"
    assert round_trip(Money(1))[0] == "base"


def test_the_later_of_equals(registered):
    for name in ("first", "second"):
        registered(Money, name, lambda money, name=name: name, lambda plain: plain)
    assert round_trip(Money(1)) == "second"


@pytest.mark.parametrize(("priority", "converts"), [(-1, []), (0, ["a node"]), (1, ["a node", "a date"])])
def test_where_priorities_stand_among_the_conversions_of_the_bridge(registered, priority, converts):
    values = {"a node": Node("a"), "a date": datetime.date(2026, 1, 2), "a list": [1]}
    for name, value in values.items():
        kind = type(value)
        registered(kind, name, lambda _, name=name: name, lambda plain: plain, priority=priority)
    for name, value in values.items():
        assert round_trip((value,)) == (name if name in converts else value,)


def test_names_are_taken_once(registered):
    registered(Money, "once", lambda money: 1, Money)
    for name in ("once", "datetime", "js:Map"):
        with pytest.raises(ValueError, match="registered already"):
            convert.register(Euro, name, lambda money: 1, Money)


def test_what_a_converter_raises_is_told_with_its_path(registered):
    def fails(money):
        raise KeyError("no rate")

    registered(Money, "fails", fails, Money)
    with pytest.raises(TypeError, match=r"cannot convert value\.a\[1\] \(type 'Money'\).*KeyError") as caught:
        round_trip({"a": [0, Money(1)]})
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_reader_may_refuse(registered):
    def read(plain):
        raise convert.Refusal("too little")

    registered(Money, "refuses", lambda money: money.amount, read)
    with pytest.raises(TypeError, match=r"cannot convert value\[0\] \(type 'refuses'\): too little"):
        round_trip([Money(1)])


def test_rules_keep_no_type_alive():
    class Short:
        pass

    with pytest.raises(TypeError):
        round_trip(Short())
    gone = weakref.ref(Short)
    del Short
    gc.collect()
    assert gone() is None


@dataclass
class Scaled:
    value: float
    scale: InitVar[float]

    def __post_init__(self, scale):
        self.value *= scale


@dataclass(frozen=True)
class Node:
    name: str
    next: Optional[list] = None


def test_dataclasses_with_constructor_only_arguments_and_frozen_cycles():
    assert round_trip(Scaled(2.0, 3.0)).value == 6.0
    node = Node("a", [])
    node.next.append(node)
    back = round_trip(node)
    assert back.next[0] is back


def test_attrs_classes():
    @attrs.define
    class Place:
        name: str
        _secret: int = 0

    back = round_trip([Place("x", secret=5)])[0]
    assert back == Place("x", secret=5)


def test_pydantic_models():
    class Person(pydantic.BaseModel):
        name: str
        age: int = pydantic.Field(alias="years")

    back = round_trip([Person(name="x", years=5)])[0]
    assert back == Person(name="x", years=5)


class Liar:
    @property
    def __class__(self):
        return dict


class Furious:
    def __getattr__(self, name):
        raise ZeroDivisionError(name)

    def __getattribute__(self, name):
        raise ZeroDivisionError(name)


class Meta(type):
    def __getattribute__(cls, name):
        raise ZeroDivisionError(name)


def furious_class():
    return Meta("FuriousClass", (), {})


class LongDict(dict):
    def __len__(self):
        return 10**9

    def items(self):
        raise ZeroDivisionError


# Made late: what collects tests looks at parameters, too.
HOSTILE = {
    "says it is a dict": Liar,
    "raises at every look": Furious,
    "its class raises": lambda: type.__call__(furious_class()),
    "a class that raises": furious_class,
    "a dict of another kind": lambda: LongDict(a=1),
    "an ordered dict": lambda: collections.OrderedDict(a=1),
    "a function": lambda: functools.partial(print),
    "an object": object,
    "its class has no module": lambda: type("", (int,), {"__module__": 7})(3),
    "nearly a named tuple": lambda: type("T", (tuple,), {"_fields": "ab"})((1, 2)),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_hostile_values_are_told_by_path_and_type(make):
    with pytest.raises(TypeError, match=r"cannot convert value\.deep\[0\] \(type ") as caught:
        _native._codec_encode({"deep": [make()]})
    assert caught.value.code == "conversion"


def test_a_class_that_raises_at_every_look_is_one_without_a_conversion():
    with pytest.raises(TypeError, match="no conversion for this type"):
        _native._codec_encode(type.__call__(furious_class()))


def test_an_attribute_that_raises_is_told_with_its_cause():
    @dataclass
    class Shy:
        x: int = 1

        def __getattribute__(self, name):
            if name == "x":
                raise LookupError("not today")
            return object.__getattribute__(self, name)

    with pytest.raises(TypeError, match=r"value\[0\] \(type 'Shy'\).*LookupError: not today") as caught:
        _native._codec_encode([Shy()])
    assert isinstance(caught.value.__cause__, LookupError)


def test_what_ends_a_thread_passes_unchanged():
    @dataclass
    class Stops:
        x: int = 1

        def __getattribute__(self, name):
            if name == "x":
                raise KeyboardInterrupt
            return object.__getattribute__(self, name)

    with pytest.raises(KeyboardInterrupt):
        _native._codec_encode([Stops()])


def test_a_converter_that_gives_itself_ends_in_an_error(registered):
    registered(Money, "endless", lambda money: Money(money.amount + 1), Money)
    with pytest.raises(TypeError, match="nested more than 1000 levels deep"):
        round_trip(Money(1))


def test_a_blank_dataclass_gets_only_its_fields():
    made = dataclasses.make_dataclass("Ring", [("up", object)])
    ring = made(None)
    ring.up = [ring]
    back = round_trip(ring)
    assert type(back) is made
    assert back.up[0] is back
