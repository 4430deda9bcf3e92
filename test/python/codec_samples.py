"""Dataclasses that the codec's tests send across."""

from collections import namedtuple
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Dict, List


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass(frozen=True)
class Circle:
    center: Point
    radius: float
    area: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "area", 3 * self.radius**2)


@dataclass
class Bag:
    items: List[Any] = field(default_factory=list)
    by_name: Dict[str, Any] = field(default_factory=dict)

    @dataclass
    class Tag:
        text: str


@dataclass
class Picky:
    age: int

    def __post_init__(self) -> None:
        if self.age < 0:
            raise ValueError("age must not be negative")


class NotData:
    pass


class Color(Enum):
    RED = "red"
    BLUE = "blue"


Pair = namedtuple("Pair", "left right")
