"""The codec, Python to Python: value and type come back; what cannot cross is told by its path."""

import base64
import contextlib
import dataclasses
import gc
import hashlib
import json
import os
import random
import sys
from collections import OrderedDict

import pytest
from codec_sameness import assert_same
from codec_samples import Bag, Circle, NotData, Picky, Point
from codec_vectors import FILE, build
from hypothesis import given, settings
from hypothesis import strategies as st
from symphony_bridge import _native

# `npm run test:full` looks longer.
EFFORT = 20 if os.environ.get("SYMPHONY_FULL") else 1
VECTORS = json.loads(FILE.read_text(encoding="ascii"))


def round_trip(value):
    return _native._codec_decode(_native._codec_encode(value))


def no_pairs(text):
    return not any("\ud800" <= a <= "\udbff" and "\udc00" <= b <= "\udfff" for a, b in zip(text, text[1:]))


text = st.text(st.characters(), max_size=30) | st.text("\ud800\udfffa\u0100", max_size=8).filter(no_pairs)
# True equals 1 in Python, so sets and keys draw from one type at a time.
keys = [st.integers(), text, st.binary(max_size=8), st.tuples(st.integers(), text)]
leaves = st.one_of(
    st.none(),
    st.just(_native.undefined),
    st.booleans(),
    st.integers(),
    st.integers(-(2**400), 2**400),
    st.floats(),
    text,
    st.binary(),
    st.binary().map(bytearray),
    st.lists(st.floats()),
    *(st.sets(key) for key in keys),
    *(st.frozensets(key) for key in keys),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        *(st.dictionaries(key, inner) for key in keys),
        st.builds(Bag, st.lists(inner), st.dictionaries(text, inner)),
    ),
    max_leaves=30,
)


@given(values)
@settings(max_examples=100 * EFFORT, deadline=None)
def test_any_value_comes_back_with_its_type(value):
    assert_same(round_trip(value), value)


@pytest.mark.parametrize(
    "number",
    [0, -1, 2**23 - 1, 2**23, -(2**23), 2**53, -(2**53), 2**63 - 1, -(2**63), 2**64, 7**5000, -(7**5000)],
)
def test_integers_of_any_size(number):
    assert_same(round_trip([number]), [number])


def test_large_bytes_travel_as_segments():
    data = random.Random(1).randbytes(200_000) if sys.version_info >= (3, 9) else bytes(200_000)
    assert round_trip({"a": data, "b": [data]}) == {"a": data, "b": [data]}


def test_dicts_alike_send_their_keys_once():
    rows = [{"id": i, "name": str(i)} for i in range(1000)]
    assert len(_native._codec_encode(rows)) < 1000 * 20
    # Keys that are equal but not the same objects are found by their text.
    rows = [{"".join(["i", "d", str(i % 2)]): i} for i in range(1000)]
    assert round_trip(rows) == rows
    assert len(_native._codec_encode(rows)) < 1000 * 10


def test_thousands_of_shapes():
    rows = [{f"k{i}": i, "same": [i]} for i in range(5000)]
    assert_same(round_trip(rows), rows)
    wide = {f"w{i}": i for i in range(3000)}
    assert_same(round_trip([wide, wide]), [wide, wide])


def test_dataclasses():
    circle = Circle(Point(1.5), 2.0)
    back = round_trip({"c": [circle, circle]})["c"][1]
    assert type(back) is Circle
    assert back == circle
    assert round_trip(Bag.Tag("x")) == Bag.Tag("x")


def test_undefined_is_one_falsy_object():
    undefined = _native.undefined
    assert not undefined
    assert repr(undefined) == "undefined"
    assert round_trip([undefined])[0] is undefined


class Level(int):
    pass


PLAIN = "no conversion for this type; pass a ref or a plain value"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"items": [0, NotData()]}, f"cannot convert value.items[1] (type 'NotData'): {PLAIN}"),
        ([(NotData,)], f"cannot convert value[0][0] (type 'type'): {PLAIN}"),
        ({"a b": {3: NotData()}}, f"cannot convert value[\"a b\"][3] (type 'NotData'): {PLAIN}"),
        ({(1,): NotData()}, f"cannot convert value<value 0> (type 'NotData'): {PLAIN}"),
        ({NotData(): 1}, f"cannot convert value<key 0> (type 'NotData'): {PLAIN}"),
        (Bag([NotData()]), f"cannot convert value.items[0] (type 'NotData'): {PLAIN}"),
        (Level(1), f"cannot convert value (type 'Level'): {PLAIN}"),
        (OrderedDict(a=1), f"cannot convert value (type 'OrderedDict'): {PLAIN}"),
    ],
)
def test_what_cannot_cross_is_named_by_path_and_type(value, message):
    with pytest.raises(TypeError) as caught:
        _native._codec_encode(value)
    assert str(caught.value).startswith(message)
    assert caught.value.code == "conversion"


def test_nesting_ends_in_an_error():
    def nest(levels):
        value = "core"
        for _ in range(levels):
            value = [value]
        return value

    assert _native._codec_encode(nest(1000))
    with pytest.raises(TypeError, match="nested more than 1000 levels deep"):
        _native._codec_encode(nest(1001))


def test_errors_of_the_value_pass_unchanged():
    picky = Picky(3)
    picky.age = -3
    frame = _native._codec_encode(picky)
    with pytest.raises(ValueError, match="age must not be negative"):
        _native._codec_decode(frame)


@pytest.mark.parametrize(
    ("module", "name", "reason"),
    [
        ("codec_samples", "Other", "it cannot be found"),
        ("codec_samples", "test.<locals>.Point", "it cannot be found"),
        ("codec_sampler", "Point", "its module cannot be imported"),
        ("codec_samples", "NotData", "it is not a dataclass"),
        ("math", "pi", "it is not a dataclass"),
        ("codec_samples", "Bag", "it has no field 'x'"),
    ],
)
def test_a_type_that_cannot_be_rebuilt_is_refused(module, name, reason):
    disguised = dataclasses.make_dataclass("P", ["x"])
    disguised.__module__, disguised.__qualname__ = module, "#" + name[1:]
    frame = _native._codec_encode([disguised(1)])
    # As long as a class lives, it is found whatever its name says.
    assert type(_native._codec_decode(frame)[0]) is disguised
    frame = frame.replace(b":#" + name[1:].encode(), b":" + name.encode())
    with pytest.raises(TypeError, match=f"cannot convert value\\[0\\] .*{reason}") as caught:
        _native._codec_decode(frame)
    assert caught.value.code == "conversion"


def test_a_list_that_changes_while_it_is_read():
    items: list = []

    @dataclasses.dataclass
    class Evil:
        x: int = 0

        def __getattribute__(self, name):
            if name == "x":
                items.clear()
                return 1
            return object.__getattribute__(self, name)

    items.extend([Evil(), "a", "b"])
    with pytest.raises(TypeError, match="changed while it was read"):
        _native._codec_encode(items)


def test_finaliser_that_empties_a_dict_while_its_values_are_read():
    """The collector may run inside the conversion of a large int."""

    class Emptier:
        def __init__(self, target):
            self.target, self.me = target, self

        def __del__(self):
            self.target.clear()

    for _ in range(20):
        first = {"a": 1, "b": "text"}
        second = {"a": 2**70, "b": "-".join(["text"] * 100)}
        expected = [dict(first), dict(second)]
        Emptier(second)
        thresholds = gc.get_threshold()
        gc.set_threshold(1)
        try:
            frame = _native._codec_encode([first, second])
        finally:
            gc.set_threshold(*thresholds)
        assert _native._codec_decode(frame) == expected
        assert second == {}


def test_a_dict_that_changes_while_it_is_read():
    table: dict = {}

    @dataclasses.dataclass
    class Evil:
        x: int = 0

        def __getattribute__(self, name):
            if name == "x":
                table.clear()
                table.update({f"n{i}": object() for i in range(100)})
                return 1
            return object.__getattribute__(self, name)

    for keys in (["a", "b"], [1, 2]):
        table.clear()
        table.update({keys[0]: Evil(), keys[1]: "value"})
        with pytest.raises(TypeError):
            _native._codec_encode(table)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 12),
)
@settings(max_examples=300 * EFFORT, deadline=None)
def test_hostile_frames_give_errors_and_nothing_else(flips, cut):
    frame = bytearray(SOUND[: len(SOUND) - cut * 8])
    for at, byte in flips:
        frame[at % len(frame)] = byte
    survives(bytes(frame))


ops = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.tuples(st.integers(0, 25), st.integers(0, 6), st.sampled_from((0, 0, 0x80))).map(
        lambda op: op[0] | op[2] | op[1] << 8
    ),
    st.integers(0, 25).map(lambda tag: tag - 256),
)


@given(st.lists(ops, max_size=40), st.integers(0, 8), st.integers(0, 16))
@settings(max_examples=400 * EFFORT, deadline=None)
def test_random_ops_give_errors_and_nothing_else(ops, nums, chars):
    survives(frame_of(ops, nums, chars))


def test_a_million_nested_lists_are_refused():
    with pytest.raises(ValueError, match="nested too deep") as caught:
        _native._codec_decode(frame_of([13 | 1 << 8] * 1_000_000, 0, 0))
    assert caught.value.code == "frame-invalid"


@pytest.mark.parametrize("entry", VECTORS, ids=lambda entry: entry["name"])
def test_golden_vectors(entry):
    form = entry["value"]
    if "sha256" in entry:
        form = [form[0], form[1]["repeat"] * form[1]["times"]]
    value = build(form, _native.undefined)
    frame = _native._codec_encode(value)
    if "sha256" in entry:
        assert hashlib.sha256(frame).hexdigest() == entry["sha256"]
    elif "python" in entry["writers"]:
        assert base64.b64encode(frame).decode() == entry["frame"]
    given_frame = base64.b64decode(entry["frame"]) if "frame" in entry else frame
    assert_same(_native._codec_decode(given_frame), value)


def frame_of(ops, nums, chars):
    """A frame with these ops, and nums and chars of no meaning."""
    body = b"\x41" * (nums * 8)
    body += b"".join((op & 0xFFFFFFFF).to_bytes(4, "little") for op in ops)
    body += b"\0" * (-len(body) % 8) + b"B" * chars
    body += b"\0" * (-len(body) % 8)
    header = (64 + len(body)).to_bytes(4, "little") + b"\x02\0\x01\0" + b"\0" * 32
    for count in (len(ops), nums, chars, 0, 0, 0):
        header += count.to_bytes(4, "little")
    return header + body


def survives(frame):
    """Decoding gives a value or a clear error."""
    with contextlib.suppress(TypeError, ValueError):
        _native._codec_decode(frame)


SOUND = _native._codec_encode(
    [{"a": [1, 2.5, "text"], "b": {1: None}}, ("\u65e5", 10**30, b"bytes"), {1, 2}, bytes(100), [1.5, 2.5]]
)


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "row", "r\u00f6w", "r\u0101w", 7, None]), text), max_size=40)
)
@settings(max_examples=100 * EFFORT)
def test_texts_that_repeat_in_records(rows):
    records = [{"kind": kind, "name": name} for kind, name in rows]
    assert round_trip(records) == records


def test_a_text_that_repeats_in_records_is_made_once():
    first, *others = round_trip([{"kind": "a repeated text"} for _ in range(10)])[1:]
    assert all(record["kind"] is first["kind"] for record in others)
    texts = [f"text {i}" for i in range(20)]
    assert [record["kind"] for record in round_trip([{"kind": text} for text in texts])] == texts
