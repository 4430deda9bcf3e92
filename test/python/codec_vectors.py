"""Golden vectors of the codec: values in a neutral form, and the frames that both sides write for them.

`python test/python/codec_vectors.py` rewrites the file;
test_codec.py and test/unit/codecVectors.test.ts read it.
"""

import array
import base64
import datetime as dt
import decimal
import fractions
import importlib
import json
import pathlib
import sys
import uuid
from pathlib import Path
from typing import Any, Dict, List

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2] / "python"), str(Path(__file__).parent)]
from symphony_bridge import js

FILE = Path(__file__).parent.parent / "fixtures" / "codec-vectors.json"
BOTH = ["python", "typescript"]

# name, writers (who writes exactly this frame; everybody reads it), value as [kind, content]
VALUES: List[Any] = [
    ("none", BOTH, ["none"]),
    ("undefined", BOTH, ["undefined"]),
    ("true", BOTH, ["bool", True]),
    ("false", BOTH, ["bool", False]),
    *((f"int {n}", BOTH, ["int", str(n)]) for n in (0, -1, 2**23 - 1, -(2**23), 2**23, -(2**23) - 1)),
    *(
        (f"int {n}", BOTH, ["int", str(n)])
        for n in (2**53 - 1, -(2**53) + 1, 2**53, -(2**53), 2**64, -(10**60))
    ),
    *((f"float {x}", BOTH, ["float", x]) for x in ("1.5", "-0.0", "nan", "inf", "-inf", "5e-324", "1e+300")),
    ("integral float", ["python"], ["float", "2.0"]),
    ("empty text", BOTH, ["str", ""]),
    ("ascii", BOTH, ["str", "plain text, longer than the short path takes"]),
    ("latin-1", BOTH, ["str", "caf\u00e9 \u00ff"]),
    ("utf-16", BOTH, ["str", "\u65e5\u672c\u8a9e and \U0001f600"]),
    ("lone surrogate", BOTH, ["str", "a\ud800"]),
    ("long utf-16", BOTH, ["str", "\u0100" * 300]),
    ("bytes", BOTH, ["bytes", "00ff41"]),
    ("large bytes", BOTH, ["bytes", "ab" * 70000]),
    ("bytearray", BOTH, ["bytearray", "0102"]),
    ("empty list", BOTH, ["list", []]),
    ("ints", BOTH, ["list", [["int", "1"], ["int", "9007199254740991"]]]),
    ("floats", BOTH, ["list", [["float", "1.5"], ["float", "nan"], ["float", "-0.0"]]]),
    ("int beside float", ["python"], ["list", [["int", "1"], ["float", "2.5"]]]),
    ("mixed", BOTH, ["list", [["str", "a"], ["float", "2.5"], ["none"], ["int", "3"]]]),
    ("tuple", BOTH, ["tuple", [["int", "1"], ["tuple", []], ["list", [["str", "x"]]]]]),
    ("set", BOTH, ["set", [["str", "only"]]]),
    ("frozenset", BOTH, ["frozenset", [["tuple", [["int", "1"]]]]]),
    ("empty object", BOTH, ["object", []]),
    ("object", BOTH, ["object", [["b", ["int", "1"]], ["\u65e5", ["none"]], ["07", ["bool", True]]]]),
    (
        "shapes",
        BOTH,
        [
            "list",
            [
                ["object", [["id", ["int", "1"]], ["at", ["object", [["x", ["int", "2"]]]]]]],
                ["object", [["id", ["int", "3"]], ["at", ["object", [["x", ["int", "4"]]]]]]],
                ["object", [["at", ["none"]], ["id", ["none"]]]],
            ],
        ],
    ),
    ("map with int keys", BOTH, ["map", [[["int", "1"], ["str", "a"]], [["tuple", []], ["none"]]]]),
    (
        "map with an index-like key behind a name",
        BOTH,
        ["map", [[["str", "b"], ["int", "1"]], [["str", "7"], ["int", "2"]]]],
    ),
    ("map with __proto__", BOTH, ["map", [[["str", "__proto__"], ["int", "1"]]]]),
    (
        "dataclass",
        BOTH,
        ["dataclass", "codec_samples:Point", [["x", ["float", "1.5"]], ["y", ["float", "2.5"]]]],
    ),
    ("nested dataclass", BOTH, ["dataclass", "codec_samples:Bag.Tag", [["text", ["str", "t"]]]]),
    # What stands in a list stands there once; `again` is that item once more.
    (
        "shared list",
        BOTH,
        ["shared", [["list", [["int", "1"]]], ["again", 0], ["map", [[["int", "1"], ["again", 0]]]]]],
    ),
    ("list that contains itself", BOTH, ["cycle"]),
    ("complex", BOTH, ["complex", "1.5", "-0.0"]),
    ("decimals", BOTH, ["list", [["decimal", "1.50"], ["decimal", "-Infinity"]]]),
    ("fraction", BOTH, ["fraction", "3", "-7"]),
    ("uuid", BOTH, ["uuid", "12345678-1234-5678-1234-567812345678"]),
    ("path", BOTH, ["path", "PurePosixPath", "/a/b"]),
    ("naive datetime", BOTH, ["datetime", [2024, 2, 29, 23, 59, 58, 999999], 1, None]),
    ("datetime with offset", BOTH, ["datetime", [1, 1, 1, 0, 0, 0, 0], 0, [-3600000001, None]]),
    ("datetime with named offset", BOTH, ["datetime", [2024, 7, 1, 12, 0, 0, 0], 0, [7200000000, "CEST"]]),
    ("date", BOTH, ["date", [2024, 2, 29]]),
    ("time", BOTH, ["time", [1, 2, 3, 4], 0]),
    ("timedelta", BOTH, ["timedelta", [-1, 86399, 5]]),
    ("range", BOTH, ["range", [10, 0, -3]]),
    ("slice", BOTH, ["slice", [["none"], ["int", "5"], ["none"]]]),
    ("enum", BOTH, ["enum", "codec_samples:Color", "RED", ["str", "red"]]),
    ("named tuple", BOTH, ["namedtuple", "codec_samples:Pair", ["left", "right"], [["int", "1"], ["none"]]]),
    ("ellipsis", BOTH, ["ellipsis"]),
    ("surrogates in a row", BOTH, ["surrogates", [0x61, 0xD83D, 0xDE00]]),
    ("surrogates in a row beside a character of two", BOTH, ["parts", [[0xD83D], [0xDE00, 0x1F600]]]),
    ("typed memoryview", ["python"], ["memoryview", "d", "000000000000f83f0000000000000080"]),
    ("array", BOTH, ["array", "H", "01000200"]),
    ("small BigInt", BOTH, ["bigint", "-7"]),
    ("js bytes", BOTH, ["js:bytes", "DataView", "0102"]),
    ("js Date", BOTH, ["js:Date", -1.0]),
    ("js Map", BOTH, ["js:Map", [[["str", "a"], ["int", "1"]]]]),
    ("js object", BOTH, ["js:object", [[["str", "__proto__"], ["int", "1"]]]]),
    ("long list", BOTH, ["list", [["int", str(i)] for i in range(300)]]),
    ("wide arg", BOTH, ["str", "x" * (2**24 - 1)]),
]


def build(form: List[Any], undefined: Any) -> Any:
    """The Python value of a neutral form."""
    kind, *rest = form
    content = rest[0] if rest else None
    if kind in RICH:
        return RICH[kind](*rest)
    if kind == "shared":
        return shared(content, undefined)

    def inner(item: List[Any]) -> Any:
        return build(item, undefined)

    if kind == "dataclass":
        module, name = content.split(":")
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found(**{key: inner(item) for key, item in rest[1]})
    makers: Dict[str, Any] = {
        "none": lambda: None,
        "undefined": lambda: undefined,
        "bool": lambda: content,
        "int": lambda: int(content),
        "float": lambda: float(content),
        "str": lambda: content,
        "bytes": lambda: bytes.fromhex(content),
        "bytearray": lambda: bytearray.fromhex(content),
        "list": lambda: [inner(item) for item in content],
        "tuple": lambda: tuple(inner(item) for item in content),
        "set": lambda: {inner(item) for item in content},
        "frozenset": lambda: frozenset(inner(item) for item in content),
        "map": lambda: {inner(key): inner(item) for key, item in content},
        "object": lambda: {key: inner(item) for key, item in content},
    }
    return makers[kind]()


def shared(forms: List[Any], undefined: Any) -> Any:
    """A list in which ["again", n] is item n once more, at any depth."""
    made: List[Any] = []

    def item(form: List[Any]) -> Any:
        if form[0] == "again":
            return made[form[1]]
        if form[0] == "map":
            return {item(key): item(value) for key, value in form[1]}
        return build(form, undefined)

    for form in forms:
        made.append(item(form))
    return made


def cycle() -> Any:
    """A list that contains itself."""
    made: List[Any] = []
    made.append(made)
    return made


def zone(form: Any) -> Any:
    """A fixed offset, with or without a name."""
    if form is None:
        return None
    offset, name = form
    delta = dt.timedelta(microseconds=offset)
    return dt.timezone(delta) if name is None else dt.timezone(delta, name)


def named(name: str) -> Any:
    """A class of codec_samples."""
    module, _, cls = name.partition(":")
    return getattr(importlib.import_module(module), cls)


RICH: Dict[str, Any] = {
    "cycle": cycle,
    "complex": lambda real, imaginary: complex(float(real), float(imaginary)),
    "decimal": decimal.Decimal,
    "fraction": lambda top, bottom: fractions.Fraction(int(top), int(bottom)),
    "uuid": uuid.UUID,
    "path": lambda name, text: getattr(pathlib, name)(text),
    "datetime": lambda fields, fold, form: dt.datetime(*fields, zone(form), fold=fold),
    "date": lambda fields: dt.date(*fields),
    "time": lambda fields, fold: dt.time(*fields, fold=fold),
    "timedelta": lambda fields: dt.timedelta(*fields),
    "range": lambda fields: range(*fields),
    "slice": lambda forms: slice(*(build(form, None) for form in forms)),
    "enum": lambda name, member, _value: named(name)[member],
    "namedtuple": lambda name, _fields, forms: named(name)(*(build(form, None) for form in forms)),
    "ellipsis": lambda: ...,
    "surrogates": lambda units: "".join(map(chr, units)),
    "parts": lambda parts: "".join(chr(point) for part in parts for point in part),
    "memoryview": lambda form, content: memoryview(bytearray.fromhex(content)).cast(form),
    "array": lambda form, content: array.array(form, bytes.fromhex(content)),
    "bigint": lambda text: js.JsBigInt(text),
    "js:bytes": lambda kind, content: js.JsBytes(bytes.fromhex(content), kind),
    "js:Date": lambda ms: js.JsDate(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(milliseconds=ms),
    "js:Map": lambda pairs: js.JsMap({build(key, None): build(value, None) for key, value in pairs}),
    "js:object": lambda pairs: js.JsRecord({build(key, None): build(value, None) for key, value in pairs}),
}


def main() -> None:
    """Writes the file anew."""
    from symphony_bridge import _native

    entries = []
    for name, writers, form in VALUES:
        frame = _native._codec_encode(build(form, _native.undefined))
        if name in ("wide arg", "large bytes"):
            # The file stays small: both tests make these frames, and compare their checksum.
            import hashlib

            digest = hashlib.sha256(frame).hexdigest()
            short = [form[0], {"repeat": form[1][:2] if form[0] == "bytes" else form[1][:1]}]
            short[1]["times"] = len(form[1]) // len(short[1]["repeat"])
            entries.append({"name": name, "writers": writers, "value": short, "sha256": digest})
        else:
            text = base64.b64encode(frame).decode()
            entries.append({"name": name, "writers": writers, "value": form, "frame": text})
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="ascii")


if __name__ == "__main__":
    main()
