"""What Python's own exceptions know besides their message: fields for programs, a next step for people.

Any thread. Must not know how errors travel. Every reader here may meet an exception whose attributes
are missing, of the wrong type or raise: callers guard.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
import traceback
from asyncio import CancelledError
from typing import Any, Callable, Dict

Details = Dict[str, Any]


def details_of(error: BaseException) -> Details | None:
    """Return the fields that the exception's own class defines, None when there are none."""
    for kind, read in _DETAILS:
        if isinstance(error, kind):
            return {key: value for key, value in read(error).items() if value is not None}
    return None


def hint_of(error: BaseException) -> str:
    """Return what to do next; empty when nothing is known that the message does not say."""
    for kind, tell in _HINTS:
        if isinstance(error, kind):
            return tell if isinstance(tell, str) else tell(error)
    return ""


def _syntax_details(error: Any) -> Details:
    return {
        "filename": error.filename,
        "line": error.lineno,
        "offset": error.offset,
        "end_line": getattr(error, "end_lineno", None),
        "end_offset": getattr(error, "end_offset", None),
        "text": error.text,
        "excerpt": _excerpt(error),
    }


def _excerpt(error: SyntaxError) -> str | None:
    """The line at fault with its caret, as Python prints it."""
    if not error.text:
        return None
    lines = "".join(traceback.format_exception_only(type(error), error)).splitlines()
    shown = [line for line in lines if line.startswith("    ")]
    return "\n".join(shown) or None


def _os_details(error: Any) -> Details:
    return {
        "errno": error.errno,
        "strerror": error.strerror,
        "filename": _path(error.filename),
        "filename2": _path(error.filename2),
    }


def _path(name: Any) -> Any:
    return os.fsdecode(name) if isinstance(name, bytes) else name


def _exit_details(error: Any) -> Details:
    # What `python` would make of it as the exit code of a process.
    code = error.code
    return {"exit_code": 0 if code is None else int(code) if isinstance(code, int) else 1, "code": code}


_DETAILS: tuple[tuple[type[BaseException], Callable[[Any], Details]], ...] = (
    (SyntaxError, _syntax_details),
    (ImportError, lambda error: {"name": error.name, "path": error.path}),
    (OSError, _os_details),
    (
        UnicodeError,
        lambda error: {name: getattr(error, name, None) for name in ("encoding", "start", "end", "reason")},
    ),
    (SystemExit, _exit_details),
    (KeyError, lambda error: {"key": error.args[0] if error.args else None}),
    (AttributeError, lambda error: {"name": getattr(error, "name", None)}),
    (NameError, lambda error: {"name": getattr(error, "name", None)}),
    (StopIteration, lambda error: {"value": error.value}),
)


def _module_hint(error: Any) -> str:
    name = error.name or ""
    top = name.partition(".")[0]
    if not top:
        return ""
    if top != name and _is_installed(top):
        return f"The package {top} is installed for {sys.executable}, but has no module {name}."
    if top in getattr(sys, "stdlib_module_names", ()):
        return f"It belongs to Python's standard library, but {sys.executable} was built without it."
    distribution = _DISTRIBUTIONS.get(name, _DISTRIBUTIONS.get(top, top))
    command = f"{shlex.quote(sys.executable)} -m pip install {distribution}"
    return f"Install it for the interpreter that runs here: {command}"


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


# Where a package is installed by another name than it is imported by.
_DISTRIBUTIONS = {
    "Crypto": "pycryptodome",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "google.protobuf": "protobuf",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "pptx": "python-pptx",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "usb": "pyusb",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}


def _import_hint(error: Any) -> str:
    return f"It was looked for in {error.path}." if error.path else ""


def _path_hint(error: Any) -> str:
    name = _path(error.filename)
    if not isinstance(name, str):
        return ""
    return f"Check {name!r}." if os.path.isabs(name) else f"Check {name!r}; it is relative to {os.getcwd()}."


def _recursion_hint(_error: Any) -> str:
    return f"A function calls itself without end, or deeper than {sys.getrecursionlimit()} levels."


def _unicode_hint(error: Any) -> str:
    return (
        f"The data is not {getattr(error, 'encoding', 'text')}: name its encoding, or say errors='replace'."
    )


_HINTS: tuple[tuple[type[BaseException], Any], ...] = (
    (ModuleNotFoundError, _module_hint),
    (ImportError, _import_hint),
    (SyntaxError, "Correct the line; nothing of the file has run."),
    (KeyboardInterrupt, "The code was interrupted: by Ctrl+C, by Stop or by code of its own."),
    (SystemExit, "The code called sys.exit(). Inside a call that ends the call, not the process."),
    (MemoryError, "Ask for less at once, or run it in the subprocess host, whose memory is its own."),
    (RecursionError, _recursion_hint),
    (StopIteration, "The iterator had ended: give next() a default, or loop over it."),
    (StopAsyncIteration, "The iterator had ended: loop over it with `async for`."),
    (GeneratorExit, "A generator was closed, and this left it."),
    (CancelledError, "A task was cancelled inside Python, not by whoever made this call."),
    (UnicodeError, _unicode_hint),
    (FileNotFoundError, _path_hint),
    (PermissionError, _path_hint),
)
