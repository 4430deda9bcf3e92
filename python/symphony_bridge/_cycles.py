"""What the Python objects that TypeScript holds lead to of TypeScript's: Python's half of the cycle report.

An object that only TypeScript's handle owns, and objects that are reached from handles alone, would go if
TypeScript let go. That is told as Python's own collector tells garbage: by comparing reference counts with
the references that are found. What cannot be seen (what native code holds, running functions) counts as an
owner from outside, so that it is not reported.

Threads: any; it takes no lock, and gives the GIL up as all Python code does.
"""

from __future__ import annotations

import builtins
import gc
import sys
import types
from typing import Any

from . import _native

MOST_OBJECTS = 200_000
"""So many objects are looked at."""

_ATOMS = (str, bytes, bytearray, int, float, complex, type(None), type(...), types.CodeType)
_ENDS = (type, types.ModuleType)
"""Modules and classes stay anyway, and lead to everything."""


def held_by_typescript(handles: list[int]) -> dict[str, Any]:
    """Return what leads from the objects under ``handles`` to objects of TypeScript's.

    ``{"objects": [{"handle", "type", "site", "leads": [lead, …]}], "complete": bool}``, where a lead is
    ``{"handle", "site", "path": [type, …]}``. Objects that something else in Python holds too are left
    out. Not complete: there were too many to look at.
    """
    sites = {row["id"]: row["site"] or None for row in _native.handles()}
    graph = _Graph(_native.held_objects(handles))
    found = []
    for handle, start in graph.starts.items():
        leads = graph.leads(start, sites)
        if leads:
            kind = _name(graph.objects[start])
            found.append({"handle": handle, "type": kind, "site": sites.get(handle), "leads": leads})
    return {"objects": found, "complete": graph.complete}


class _Graph:
    """The objects reached from handles; those that others hold as well are known as such."""

    def __init__(self, held: list[tuple[int, Any]]) -> None:
        self.complete = True
        self.objects: list[Any] = []
        self.places: dict[int, int] = {}
        self.below: list[list[int]] = []
        self.starts = {handle: self._place(thing) for handle, thing in held}
        held.clear()
        inside = self._walk()
        for start in self.starts.values():
            inside[start] += 1  # the handle itself
        self.kept_elsewhere = self._closure(self._owned_outside(inside))

    def leads(self, start: int, sites: dict[int, str | None]) -> list[dict[str, Any]]:
        """Return the objects of TypeScript's below an object, each with the types on the way."""
        if start in self.kept_elsewhere:
            return []
        found: list[dict[str, Any]] = []
        came_from: dict[int, int | None] = {start: None}
        queue = [start]
        for place in queue:
            thing = self.objects[place]
            if _is_a(thing, _native.HostRef):
                path = self._path(came_from, place)
                found.append({"handle": thing._handle, "site": sites.get(thing._id), "path": path})
                continue
            for other in self.below[place]:
                if other not in came_from and other not in self.kept_elsewhere:
                    came_from[other] = place
                    queue.append(other)
        return found

    def _path(self, came_from: dict[int, int | None], end: int) -> list[str]:
        names: list[str] = []
        place: int | None = end
        while place is not None:
            names.append(_name(self.objects[place]))
            place = came_from[place]
        return names[::-1]

    def _place(self, thing: Any) -> int:
        place = self.places.get(id(thing))
        if place is None:
            place = self.places[id(thing)] = len(self.objects)
            self.objects.append(thing)
            self.below.append([])
        return place

    def _walk(self) -> list[int]:
        """Find every object; return how often each is referred to from inside."""
        inside = [0] * len(self.objects)
        place = 0
        while place < len(self.objects):
            if len(self.objects) > MOST_OBJECTS:
                self.complete = False
                break
            thing = self.objects[place]
            if not _is_a(thing, *_ENDS, _native.HostRef):
                for other in gc.get_referents(thing):
                    if _is_a(other, *_ATOMS, *_ENDS) or _is_namespace(other):
                        continue
                    known = self._place(other)
                    if known == len(inside):
                        inside.append(0)
                    inside[known] += 1
                    self.below[place].append(known)
            place += 1
        return inside

    def _owned_outside(self, inside: list[int]) -> list[int]:
        # The last one is nobody else's: it shows what the list and the loop themselves hold.
        self.objects.append(object())
        *counts, usual = [sys.getrefcount(thing) for thing in self.objects]
        self.objects.pop()
        return [place for place, count in enumerate(counts) if count - usual > inside[place]]

    def _closure(self, places: list[int]) -> set[int]:
        reached = set(places)
        while places:
            place = places.pop()
            for other in self.below[place]:
                if other not in reached:
                    reached.add(other)
                    places.append(other)
        return reached


def _is_namespace(thing: Any) -> bool:
    """Whether it holds a module's variables."""
    if thing is builtins.__dict__:
        return True
    return _is_a(thing, dict) and dict.__contains__(thing, "__builtins__")


def _is_a(thing: Any, *kinds: type) -> bool:
    """As ``isinstance``, which would run code of the thing's own: a proxy's may fail."""
    return issubclass(type(thing), kinds)


def _name(thing: Any) -> str:
    # As `type` itself tells it: of its own, a class may say anything, or raise.
    return type.__repr__(type(thing))[len("<class '") : -len("'>")]
