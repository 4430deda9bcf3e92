"""The editor's functions where there is no editor: a script run by plain ``python``."""

from __future__ import annotations

import sys
from typing import Any, Callable

from .errors import HostUnavailable


def answer(path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the stand-in of the editor's function ``path``."""
    function = _FUNCTIONS.get(path)
    if function is None:
        raise HostUnavailable(
            f"no editor is connected, so {path}() is not available",
            hint="Run the script from the editor, or with `npm run conductor -- SCRIPT`.",
        )
    return function(*args, **kwargs)


async def answer_async(path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Awaitable form of :func:`answer`."""
    return answer(path, args, kwargs)


def _message(text: str, level: str = "info") -> None:
    print(f"[{level}] {text}")


def _progress(fraction: float | None = None, text: str = "") -> None:
    print(f"[{'  … ' if fraction is None else format(fraction, '4.0%')}] {text}")


def _active_text() -> str | None:
    return None


def _open(path: str | None = None, text: str | None = None, language: str | None = None) -> None:
    print(f"[open] {path}" if text is None else text)


def _ask(question: str) -> bool:
    if not sys.stdin or not sys.stdin.isatty():
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "editor.message": _message,
    "editor.progress": _progress,
    "editor.active_text": _active_text,
    "editor.open": _open,
    "editor.ask": _ask,
}
