"""Built-in converters: how types of the standard library and of JavaScript cross.

A type is told by its module and name, so nothing is imported before such a value is met. Writers give what
crosses by itself; readers take what came from anywhere: what they raise becomes a refusal.
"""

from __future__ import annotations

import sys
from array import array
from typing import Any, Callable, Optional, Tuple

from . import _buffers, _models, js

_Rule = Optional[Tuple[Any, ...]]


def exact_rule(cls: type) -> _Rule:
    """The rule for exactly this type; None when it has none of its own."""
    rule = _OWN.get(cls)
    if rule is not None:
        return rule
    # Not `cls.__module__`: a metaclass may say anything there, or raise.
    module: Any = type.__getattribute__(cls, "__module__")
    class_name: str = type.__getattribute__(cls, "__name__")
    if type(module) is not str:
        return None
    if module == "numpy" or module.startswith("numpy."):
        return _buffers.numpy_rule(cls)
    known = _WRITERS.get((module, class_name))
    if known is None:
        return None
    home, name, write = known
    # A class of the user's may have the same names.
    found = getattr(sys.modules.get(home), class_name, None)
    return ("convert", name, write) if found is cls else None


def reader(name: str) -> Callable[[Any], Any] | None:
    """The reader of a built-in converter; None when there is none of this name."""
    return _READERS.get(name)


def _write_datetime(value: Any) -> Any:
    date = (value.year, value.month, value.day)
    return (*date, value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo)


def _read_datetime(plain: Any) -> Any:
    from datetime import datetime

    year, month, day, hour, minute, second, microsecond, fold, zone = plain
    return datetime(year, month, day, hour, minute, second, microsecond, zone, fold=fold)


def _read_date(plain: Any) -> Any:
    from datetime import date

    return date(*plain)


def _write_time(value: Any) -> Any:
    return (value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo)


def _read_time(plain: Any) -> Any:
    from datetime import time

    hour, minute, second, microsecond, fold, zone = plain
    return time(hour, minute, second, microsecond, zone, fold=fold)


def _read_timedelta(plain: Any) -> Any:
    from datetime import timedelta

    days, seconds, microseconds = plain
    return timedelta(days, seconds, microseconds)


def _write_timezone(value: Any) -> Any:
    offset, *name = value.__getinitargs__()
    return (((offset.days * 86400) + offset.seconds) * 10**6 + offset.microseconds, name[0] if name else None)


def _read_timezone(plain: Any) -> Any:
    from datetime import timedelta, timezone

    offset, name = plain
    delta = timedelta(microseconds=offset)
    if name is not None:
        return timezone(delta, name)
    return timezone(delta) if offset else timezone.utc


def _write_zone(value: Any) -> Any:
    if value.key is None:
        raise TypeError("a time zone that was read from a file has no name to send")
    return value.key


def _read_zone(plain: Any) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(plain)


def _read_complex(plain: Any) -> Any:
    real, imaginary = plain
    return complex(real, imaginary)


def _read_decimal(plain: Any) -> Any:
    from decimal import Decimal

    return Decimal(_text(plain))


def _read_fraction(plain: Any) -> Any:
    from fractions import Fraction

    numerator, denominator = plain
    return Fraction(numerator, denominator)


def _read_uuid(plain: Any) -> Any:
    from uuid import UUID

    return UUID(_text(plain))


def _write_path(value: Any) -> Any:
    return (type(value).__name__, str(value))


def _read_path(plain: Any) -> Any:
    import pathlib

    name, text = plain
    if name not in _PATHS:
        raise TypeError(f"there is no path type {name!r}")
    return getattr(pathlib, name)(_text(text))


def _read_js_bytes(plain: Any) -> Any:
    kind, data = plain
    return js.JsBytes(data, _text(kind))


def _write_js_date(value: Any) -> float:
    from datetime import timedelta

    return float((value - _epoch()) / timedelta(milliseconds=1))


def _read_js_date(plain: Any) -> Any:
    from datetime import timedelta

    return _epoch() + timedelta(milliseconds=plain)


def _epoch() -> js.JsDate:
    from datetime import timezone

    return js.JsDate(1970, 1, 1, tzinfo=timezone.utc)


def error_rule(mro: tuple[type, ...]) -> _Rule:
    """The rule for exceptions, which cross as values, too; None for any other class."""
    return ("convert", "error", _write_error) if BaseException in mro else None


def _write_error(value: Any) -> Any:
    from . import _error_payload, _native

    return _error_payload.describe(value, _native.keep_error, light=False)


def _read_error(plain: Any) -> Any:
    from . import _error_payload, _native

    if not isinstance(plain, dict):
        raise TypeError("it is no description of an error")
    return _error_payload.rebuild(plain, _native.kept_error)


def _read_ellipsis(_plain: Any) -> Any:
    return ...


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"text is wanted, not {type(value).__name__}")
    return value


_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")

# Types that are always there.
_OWN: dict[type, tuple[Any, ...]] = {
    complex: ("convert", "complex", lambda value: (value.real, value.imag)),
    range: ("convert", "range", lambda value: (value.start, value.stop, value.step)),
    slice: ("convert", "slice", lambda value: (value.start, value.stop, value.step)),
    type(...): ("convert", "ellipsis", lambda _value: None),
    type(NotImplemented): ("convert", "notimplemented", lambda _value: None),
    array: ("buffer", _buffers.write_array),
    memoryview: ("buffer", _buffers.write_memoryview),
    js.JsBigInt: ("bigint",),
    js.JsBytes: ("convert", "js:bytes", lambda value: (value.kind, bytes(value))),
    js.JsConverted: ("converted",),
    js.JsDate: ("convert", "js:Date", _write_js_date),
    js.JsMap: ("pairs", "js:Map"),
    js.JsRecord: ("pairs", "js:object"),
}

# (module and name as the type tells them) → (module that holds it, converter, writer).
_WRITERS: dict[tuple[str, str], tuple[str, str, Callable[[Any], Any]]] = {
    ("decimal", "Decimal"): ("decimal", "decimal", str),
    ("fractions", "Fraction"): (
        "fractions",
        "fraction",
        lambda value: (value.numerator, value.denominator),
    ),
    ("uuid", "UUID"): ("uuid", "uuid", str),
    ("datetime", "datetime"): ("datetime", "datetime", _write_datetime),
    ("datetime", "date"): ("datetime", "date", lambda value: (value.year, value.month, value.day)),
    ("datetime", "time"): ("datetime", "time", _write_time),
    ("datetime", "timedelta"): (
        "datetime",
        "timedelta",
        lambda value: (value.days, value.seconds, value.microseconds),
    ),
    ("datetime", "timezone"): ("datetime", "timezone", _write_timezone),
    ("zoneinfo", "ZoneInfo"): ("zoneinfo", "zoneinfo", _write_zone),
    **{
        (module, name): ("pathlib", "path", _write_path)
        for name in _PATHS
        for module in ("pathlib", "pathlib._local")
    },
}

_READERS: dict[str, Callable[[Any], Any]] = {
    "complex": _read_complex,
    "decimal": _read_decimal,
    "fraction": _read_fraction,
    "uuid": _read_uuid,
    "path": _read_path,
    "datetime": _read_datetime,
    "date": _read_date,
    "time": _read_time,
    "timedelta": _read_timedelta,
    "timezone": _read_timezone,
    "zoneinfo": _read_zone,
    "range": lambda plain: range(*plain),
    "slice": lambda plain: slice(*plain),
    "enum": _models.read_enum,
    "namedtuple": _models.read_namedtuple,
    "ellipsis": _read_ellipsis,
    "notimplemented": lambda _plain: NotImplemented,
    "js:bytes": _read_js_bytes,
    "js:Date": _read_js_date,
    "js:Map": js.JsMap,
    "js:object": js.JsRecord,
    "buffer": _buffers.read,
    "error": _read_error,
    # What a call packs for a receiver that may want either: the plain number, and NumPy's own.
    "scalar": lambda plain: plain[1],
}
