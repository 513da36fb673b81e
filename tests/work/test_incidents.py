"""Incidents that are open: which there are, what they touch, and whom they keep from using it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from freehold.connect.paging import Matters
from freehold.delivery.serving import broken
from freehold.ledger import Event, Ledger
from freehold.work.incidents import Incident, open_incidents

AT = datetime(2024, 3, 1, 12, tzinfo=UTC)


def _opened(**more: Any) -> Event:
    said = {"incident": "i-1", "kind": "data", "detected_at": AT.isoformat(), "sev": 1, **more}
    return Event("incident.opened", said, occurred_at=AT, product="shop.orders")


def _then(type_: str, **more: Any) -> Event:
    return Event(f"incident.{type_}", {"incident": "i-1", **more}, occurred_at=AT)


def _duplicate(of: str, **more: Any) -> Event:
    said = {"item": of, "rel": "duplicate_of", "target": "i-1", **more}
    return Event("work.linked", said, subject=of, occurred_at=AT)


_OVER = _then("resolved", restored_at=AT.isoformat())


def _found(root: Path, events: Sequence[Event]) -> tuple[Incident, ...]:
    with Ledger.open("sqlite:///state.db", root=root) as ledger:
        ledger.append(*events)
        return open_incidents(ledger, "prod", "prod")


@pytest.mark.parametrize(
    ("events", "severities"),
    [
        ([_opened()], [1]),
        ([_opened(), _then("acknowledged", responder="user:idp/ana", acknowledged_at=AT.isoformat())], [1]),
        ([_opened(), _OVER], []),
        ([_opened(), _then("updated", sev=5)], []),
        ([_opened(), _then("updated", sev=3)], [3]),
        ([_opened(), _OVER, _opened(sev=2)], [2]),
        ([_opened(), _opened(incident="i-2", sev=2), _duplicate("i-2")], [1, 2]),
        ([_opened(), _opened(incident="i-2"), _duplicate("i-2"), _OVER], []),
        ([_opened(), _opened(incident="i-2"), _duplicate("i-2"), _duplicate("i-2", ended=True), _OVER], [1]),
        ([_OVER], []),
        ([_opened(sev=None)], [None]),
    ],
    ids=[
        "opened",
        "acknowledged",
        "resolved",
        "a false alarm",
        "less severe",
        "opened again",
        "twice, and both open",
        "a duplicate of what is over",
        "a duplicate no more",
        "of no incident",
        "untold",
    ],
)
def test_an_incident_is_open_until_it_is_resolved_or_none(
    tmp_path: Path, events: list[Event], severities: list[int | None]
) -> None:
    """As its events tell it, whoever wrote them."""
    assert [one.sev for one in _found(tmp_path, events)] == severities


def test_what_joined_it_later_is_of_it_too(tmp_path: Path) -> None:
    """Beside what whoever opened it named; the root comes first."""
    judged = Event("incident.judged", {"incident": "i-1", "root": "shop.orders.raw", "sev": 1,
                   "assets": ["shop.orders.raw", "shop.orders.days"]}, subject="i-1")  # fmt: skip
    (found,) = _found(tmp_path, [_opened(assets=["shop.orders.lines"]), judged])

    assert found.assets == ("shop.orders.raw", "shop.orders.lines", "shop.orders.days")
    assert found.touches({"shop.orders.days"})


@pytest.mark.parametrize(
    ("severity", "stops"), [(1, True), (2, False), (4, False), (None, True)], ids=["worst", "second", "least", "untold"]
)
def test_only_the_worst_keeps_readers_away(severity: int | None, stops: bool) -> None:
    """And what nobody told is not taken for harmless."""
    assert Incident("i", "shop.orders", AT, sev=severity).stops is stops


@pytest.mark.parametrize(
    ("assets", "of", "is_touched"),
    [
        (("shop.orders.lines",), {"shop.orders.lines"}, True),
        (("shop.orders.lines",), {"shop.orders.days"}, False),
        ((), {"shop.orders.days"}, True),
        ((), {"shop.customers.people"}, False),
    ],
    ids=["what it names", "what it does not name", "all of its product", "another product"],
)
def test_what_it_touches(assets: tuple[str, ...], of: set[str], is_touched: bool) -> None:
    """The assets it names; where it names none, those of its product."""
    assert Incident("i", "shop.orders", AT, assets, 1).touches(of) is is_touched


def test_an_incident_of_no_environment_is_of_the_one_that_consumers_read(tmp_path: Path) -> None:
    """Work items are of no environment: pages of metrics, channels and states tell their incidents there alone."""
    later = datetime(2024, 3, 2, tzinfo=UTC)
    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:
        ledger.append(_opened(assets=["shop.orders.lines"]))
        said = {"incident": "i-2", "kind": "data", "detected_at": AT.isoformat(), "assets": ["shop.orders.lines"]}
        ledger.append(Event("incident.opened", said, occurred_at=AT, env="pr-12"))
        told, there = (list(broken(ledger, env, "prod", {"shop.orders.lines"}, AT, later)) for env in ("prod", "pr-12"))
        matters = {env: Matters(ledger, env, "prod") for env in ("prod", "pr-12")}
        for one in matters.values():
            one.look()
        open_ = open_incidents(ledger, "prod", "prod")
        elsewhere = open_incidents(ledger, "pr-12", "prod")

    assert [[one.kind for one in found] for found in (told, there)] == [["incident"], ["incident"]]
    assert {env: list(one.by_id) for env, one in matters.items()} == {"prod": ["i-1"], "pr-12": ["i-2"]}
    assert [one.id for one in open_] == ["i-1"]
    assert [one.id for one in elsewhere] == ["i-2"], "it is mended on a branch while consumers are kept from it"
