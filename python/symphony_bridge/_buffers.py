"""Memory with a format: memoryview, array.array, NumPy's arrays and numbers, as the converter ``buffer``.

The form is (kind, format, shape, order, readonly, bytes): kind ``memoryview``, ``array``, ``ndarray``,
``scalar`` or, from JavaScript, ``typedarray``; format a character of ``struct`` or a NumPy type's text. NumPy
is never imported before somebody has it.
"""

from __future__ import annotations

import ast
import sys
from array import array
from typing import Any, Optional, Tuple

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
    values = numpy.frombuffer(bytearray(data), dtype) if dtype.itemsize and data else numpy.empty(0, dtype)
    values = values.reshape(shape, order=order)
    if kind == "scalar":
        return values[()]
    values.flags.writeable = not readonly
    return values


def _described(form: str) -> Any:
    # A type with fields is told by the list of them.
    return ast.literal_eval(form) if form.startswith("[") else form


def _write_ndarray(value: Any) -> _Form:
    form = _format(value.dtype)
    if form is None:
        return None
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    flat = value.T if order == "F" else value
    return ("ndarray", form, value.shape, order, not value.flags.writeable, _bytes_of(flat))


def _write_scalar(value: Any) -> _Form:
    form = _format(value.dtype)
    return None if form is None else ("scalar", form, (), "C", True, value.tobytes())


def _item(value: Any) -> Any:
    return value.item()


def _bytes_of(values: Any) -> Any:
    """The bytes of an array in C order, without a copy where they lie so."""
    numpy: Any = sys.modules["numpy"]
    values = numpy.ascontiguousarray(values)
    if values.size == 0 or values.itemsize == 0:
        return b""
    # Not the array's own buffer: types like datetime64 have none.
    return memoryview(values.reshape(-1).view(numpy.uint8))


def _format(dtype: Any) -> str | None:
    """The text that NumPy makes the same type of; None when there is none."""
    if dtype.hasobject:
        return None
    numpy: Any = sys.modules["numpy"]
    form = str(dtype.descr) if dtype.names is not None else dtype.str
    try:
        same = numpy.dtype(_described(form)) == dtype
    except (TypeError, ValueError, SyntaxError):
        return None
    return form if same else None
