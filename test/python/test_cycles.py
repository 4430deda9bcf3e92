"""Python's half of the report of cycles, over objects that stand in for TypeScript's."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
from symphony_bridge import _cycles, _native


class Listener:
    """A function of TypeScript's, as far as the report asks."""

    _handle = 3
    _id = 7


class Refusing(type):
    """Lets nobody read a class."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("do not ask")


class Secret(metaclass=Refusing):
    """Of a class that tells nothing, not even its name."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing


class Odd(dict):  # type: ignore[type-arg]
    """Does not tell its keys."""

    def __contains__(self, key: object) -> bool:
        raise RuntimeError("do not ask")


class Liar:
    """Does not tell its class, nor whether it is another thing."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("do not ask")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("do not ask")


class Lost:
    """In a module that has no name."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing


Lost.__module__ = Liar()  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def _listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "HostRef", Listener)


def leads_of(table: list[Any]) -> list[dict[str, Any]]:
    """Return the leads from the object in a table, which holds it as a handle would."""
    graph = _cycles._Graph([(1, table[0])])
    return graph.leads(graph.starts[1], {7: "shop.py:3"})


def test_a_lead_has_the_types_on_its_way() -> None:
    [lead] = leads_of([{"listeners": [Listener()]}])
    listener = f"{__name__}.Listener"
    assert lead == {"handle": 3, "site": "shop.py:3", "path": ["dict", "list", listener]}


def test_what_somebody_else_holds_leads_nowhere() -> None:
    mine = [Listener()]
    assert leads_of([mine]) == []
    assert leads_of([{"mine": mine}]) == []


def test_regression_objects_that_fail_when_they_are_asked_do_not_spoil_the_report() -> None:
    [lead] = leads_of([[Liar(), weakref.proxy(Lost(1)), Odd(), Listener()]])
    assert lead["path"] == ["list", f"{__name__}.Listener"]


def test_regression_a_class_is_not_asked_for_its_name() -> None:
    [lead] = leads_of([Secret([Listener()])])
    assert lead["path"][0] == f"{__name__}.Secret"
    [lead] = leads_of([Lost([Listener()])])
    assert lead["path"][0] == "Lost"
