"""An index of the words in source files: what editors and type checkers know of the component."""

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

@dataclass
class Hit:
    """A line that was found."""

    path: Path
    line: int
    text: str

class Query:
    """What to look for."""

    @dataclass
    class Word(Query):
        """The whole word."""

        _0: str

    @dataclass
    class Prefix(Query):
        """Any word that begins so."""

        _0: str

    @dataclass
    class Near(Query):
        """Both words, at most so many lines apart."""

        first: str
        second: str
        lines: int

class Order(enum.Enum):
    """In which order hits come."""

    File = "File"
    Shortest = "Shortest"

class Index:
    """The index. Any number of calls may be under way at once."""

    def __init__(self) -> None: ...
    def add(
        self, folder: str | PathLike[str], progress: Callable[[int, int], object] | None
    ) -> Awaitable[int]:
        """Read all Python files of a folder; the awaitable gives how many."""

    def search(self, query: Query, order: Order = ...) -> list[Hit]:
        """Find what the query asks for."""

    def best(self, query: Query, judge: Callable[[Hit], float | Awaitable[float]]) -> Awaitable[Hit | None]:
        """Ask ``judge`` for a number for each hit; the awaitable gives the best hit."""
