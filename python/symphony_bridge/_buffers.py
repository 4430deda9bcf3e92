"""Memory with a format: memoryview, array.array, NumPy's arrays and numbers, as the converter ``buffer``.

The form is (kind, format, shape, order, readonly, bytes): kind ``memoryview``, ``array``, ``ndarray``,
``scalar`` or, from JavaScript, ``typedarray``; format a character of ``struct`` or a NumPy type's text. NumPy
is never imported before somebody has it.
"""

from __future__ import annotations

import ast
import sys
from array import array
from contextlib import suppress
from typing import Any, Iterator, Optional, Tuple

from . import _native

_Form = Optional[Tuple[Any, ...]]


def numpy_rule(cls: type) -> tuple[Any, ...] | None:
    """The rule for exactly this type of NumPy's."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return None
    if cls is numpy.ndarray:
        return ("buffer", _write_ndarray)
    if issubclass(cls, numpy.generic):
        return ("scalar", _item, _write_scalar)
    return None


def write_memoryview(value: memoryview) -> _Form:
    """The form of a memoryview. One that was released raises ``ValueError``."""
    order: Any = "C" if value.c_contiguous or not value.f_contiguous else "F"
    data: Any = value if value.contiguous and value.ndim == 1 else value.tobytes(order)
    return ("memoryview", value.format, value.shape, order, value.readonly, data)


def write_array(value: Any) -> _Form:
    """The form of an array.array."""
    return ("array", value.typecode, (len(value),), "C", False, value)


def read(plain: Any) -> Any:
    """What a form stands for, in memory of its own."""
    kind, form, shape, order, readonly, data = plain
    if type(form) is not str or type(shape) is not tuple or order not in ("C", "F"):
        raise TypeError("a buffer's form is broken")
    if kind == "array":
        made = array(form)
        made.frombytes(data)
        if (len(made),) != shape:
            raise ValueError("a buffer's shape and size differ")
        return made
    if kind in ("memoryview", "typedarray"):
        return _native._view_of(data, form, shape, order, bool(readonly))
    if kind not in ("ndarray", "scalar"):
        raise TypeError(f"there is no kind of buffer {kind!r}")
    import numpy

    dtype: Any = numpy.dtype(_described(form))
    if dtype.hasobject:
        raise TypeError("references cannot be read from bytes")
    # `frombuffer` refuses to make nothing of nothing.
    values = numpy.frombuffer(bytearray(data), dtype) if data else numpy.zeros(shape, dtype)
    values = values.reshape(shape, order=order)
    if kind == "scalar":
        return values[()]
    values.flags.writeable = not readonly
    return values


def _described(form: str) -> Any:
    # A type with fields is told by the list of them, or by where each of them lies.
    return ast.literal_eval(form) if form.startswith(("[", "{")) else form


def _write_ndarray(value: Any) -> _Form:
    form = _format(value.dtype)
    if form is None:
        return None
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    flat = value.T if order == "F" else value
    return ("ndarray", form, value.shape, order, not value.flags.writeable, _bytes_of(flat))


def _write_scalar(value: Any) -> _Form:
    form = _format(value.dtype)
    # The bytes of an empty text are one too many.
    data = value.tobytes() if value.dtype.itemsize else b""
    return None if form is None else ("scalar", form, (), "C", True, data)


def _item(value: Any) -> Any:
    return value.item()


def _bytes_of(values: Any) -> Any:
    """The bytes of an array in C order, without a copy where they lie so."""
    numpy: Any = sys.modules["numpy"]
    if values.size == 0 or values.itemsize == 0:
        return b""
    if values.dtype.names is not None:
        # As records, a copy would leave between their fields whatever lay in its memory before.
        values = values.view(f"V{values.itemsize}")
    values = numpy.ascontiguousarray(values)
    # Not the array's own buffer: types like datetime64 have none.
    return memoryview(values.reshape(-1).view(numpy.uint8))


def _format(dtype: Any) -> str | None:
    """The text that NumPy makes the same type of; None when there is none."""
    if dtype.hasobject:
        return None
    return next((form for form in _forms(dtype) if _makes(form, dtype)), None)


def _forms(dtype: Any) -> Iterator[str]:
    if dtype.names is None:
        yield dtype.str
        return
    # A list of the fields is usual; there is none where they lie in another order or over each other.
    with suppress(ValueError):
        yield str(dtype.descr)
    yield str(_fields(dtype))


def _makes(form: str, dtype: Any) -> bool:
    numpy: Any = sys.modules["numpy"]
    try:
        made = numpy.dtype(_described(form))
    except (TypeError, ValueError, SyntaxError):
        return False
    return bool(made == dtype and made.isalignedstruct == dtype.isalignedstruct)


def _fields(dtype: Any) -> Any:
    """What NumPy makes a type of: its fields with their places, or its text."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return (_fields(base), shape)
    if dtype.names is None:
        return dtype.str
    fields = [dtype.fields[name] for name in dtype.names]
    told = {
        "names": list(dtype.names),
        "formats": [_fields(field[0]) for field in fields],
        "offsets": [int(field[1]) for field in fields],
        "itemsize": dtype.itemsize,
        "aligned": dtype.isalignedstruct,
    }
    if any(len(field) > 2 for field in fields):
        told["titles"] = [field[2] if len(field) > 2 else None for field in fields]
    return told
