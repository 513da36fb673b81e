"""Which matters there are for channels, and where they are told: as alerts are routed, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import watched_estate
from freehold.connect.messages import Channel, channels_of
from freehold.connect.paging import Matter, Matters, Told, concerns, due
from freehold.delivery.graph import Graph
from freehold.foundation import Caller
from freehold.ledger import Event
from freehold.reliability import watch
from freehold.reliability.alerts import silence
from freehold.work import Work
from watched_estate import LINES, START, Bench

_CHANNELS = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: pager, owner: data}
spec: {review_by: 2999-01-31}
---
apiVersion: freehold.dev/v1
kind: Channel
metadata: {id: oncall, owner: data}
spec: {to: pagerduty, routing_key: env:KEY, as: service:pager, pages: {}}
---
apiVersion: freehold.dev/v1
kind: Channel
metadata: {id: special, owner: data}
spec: {to: pagerduty, routing_key: env:KEY, as: service:pager, pages: {severity: 1, products: [shop.orders]}}
"""
_ROUTED = """\
apiVersion: freehold.dev/v1
kind: Alerting
metadata: {id: alerting}
spec: {route: {routes: [{matchers: ["product=shop.orders"], receiver: "channel:special"}]}}
"""
_MUTED = """\
apiVersion: freehold.dev/v1
kind: Alerting
metadata: {id: alerting}
spec:
  route: {mute_time_intervals: [mornings]}
  time_intervals: [{name: mornings, time_intervals: [{times: [{start_time: "06:00", end_time: "07:00"}]}]}]
"""


class Watched(Bench):
    """What goes wrong becomes alerts and incidents, and those pages."""

    def __init__(self, root: Path, alerting: str = "") -> None:
        files = {"channels.yaml": _CHANNELS} | ({"alerting.yaml": alerting} if alerting else {})
        super().__init__(watched_estate.write(root, **files))
        self.matters = Matters(self.ledger, "prod", "prod")

    def look(self) -> list[str]:
        """Take a turn of all, and return which channels are told of something now."""
        watch(self.estate, self.ledger, "prod", lambda: Graph.of(self.estate, "prod"), self.clock)
        self.matters.look()
        return [one.id for one in channels_of(self.estate).values() if any(map(self._is_due(one), self._all()))]

    def _all(self) -> list[Matter]:
        return [*self.matters.by_id.values()]

    def _is_due(self, channel: Channel) -> Any:
        now = self.clock.now()
        return lambda one: concerns(channel, one, self.estate) and due("pagerduty", one, Told(), now)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """An estate that is watched."""
    made = Watched(tmp_path)
    with made.ledger:
        yield made


def test_an_incident_that_alerts_opened_pages_once_somebody_is_notified(watched: Watched) -> None:
    """After group_wait, and not before."""
    watched.check("fail")
    assert watched.look() == []
    assert [one.is_incident for one in watched.matters.by_id.values()] == [True]
    assert watched.pass_by(seconds=31).look() == ["oncall"]


def test_a_silence_keeps_its_incident_quiet(watched: Watched) -> None:
    """It is opened all the same, and told once the silence is over."""
    silence(watched.ledger, "prod", ["product=shop.orders"], START, START + timedelta(hours=1))
    watched.check("fail")
    for _ in range(11):
        assert watched.pass_by(minutes=5).look() == []
    assert len(watched.matters.by_id) == 1
    assert watched.pass_by(minutes=10).look() == ["oncall"]


@pytest.mark.parametrize(
    ("alerting", "at_first", "later"),
    [
        pytest.param(_ROUTED, ["special"], ["special"], id="a route leads to one channel, and to no other"),
        pytest.param(_MUTED, [], ["oncall"], id="a route that is muted is told afterwards"),
    ],
)
def test_an_incident_goes_where_its_alerts_go(
    tmp_path: Path, alerting: str, at_first: list[str], later: list[str]
) -> None:
    """And when they do."""
    watched = Watched(tmp_path, alerting)
    with watched.ledger:
        watched.check("fail")
        watched.look()
        assert watched.pass_by(minutes=1).look() == at_first
        assert watched.pass_by(hours=2).look() == later


def test_an_incident_is_of_what_joined_it(watched: Watched) -> None:
    """What it touches and how bad it is are as everywhere: as judged, and of a false alarm as bad as it was told."""
    opened = {"incident": "i1", "kind": "data", "sev": 3, "detected_at": START.isoformat()}
    judged = {"incident": "i1", "root": LINES, "assets": [LINES], "began_at": START.isoformat(), "sev": 3,
              "tier": 1, "symptom": "check", "factors": [], "reach": {}, "suspects": []}  # fmt: skip
    for type_, said in (("incident.opened", opened), ("incident.judged", judged),
                        ("incident.updated", {"incident": "i1", "sev": 2}),
                        ("incident.updated", {"incident": "i1", "sev": 5})):  # fmt: skip
        watched.ledger.append(Event(type_, said, occurred_at=START, env="prod"))
    watched.matters.look()
    (one,) = watched.matters.by_id.values()

    assert (one.assets, one.products, one.severity) == ((LINES,), {"shop.orders"}, 2)
    assert one.has_ended


def test_an_incident_that_somebody_opened_pages_at_once(watched: Watched) -> None:
    """No alert has to say so, and no silence keeps it quiet."""
    silence(watched.ledger, "prod", ["product=shop.orders"], START, START + timedelta(hours=1))
    fields = {"what": "Orders are empty", "kind": "data", "sev": 1, "assets": [LINES]}
    ledger = watched.ledger.acting(Caller("user:idp/vera", assurance="oidc"))
    Work(watched.estate, ledger, clock=watched.clock).create("incident", fields, product="shop.orders")
    assert watched.look() == ["oncall", "special"]


def raised(bench: Bench, id_: str, product: str = "shop.orders", **said: Any) -> None:
    """Record an alert that pages and is part of no incident."""
    data = {"alert_id": id_, "rule": "rows", "asset": f"{product}.lines", "page": True, "severity": "critical"}
    about = {"env": "prod", "subject": data["asset"], "product": product, "occurred_at": bench.clock.now()}
    bench.ledger.append(Event("alert.raised", {**data, "reason": f"{id_} is wrong", **said}, **about))  # type: ignore[arg-type]


def notified(bench: Bench, reason: str, *alerts: str, **said: Any) -> None:
    """Record that a group is to be told of."""
    data = {"group": "g", "receiver": None, "labels": {}, "alerts": [*alerts], "reason": reason, **said}
    bench.ledger.append(Event("alert.notified", data, occurred_at=bench.clock.now(), env="prod"))


@pytest.mark.parametrize("is_quiet", [False, True])
def test_a_group_that_ended_is_another_when_it_is_heard_of_again(watched: Watched, is_quiet: bool) -> None:
    """Whether its end was told or not; an end that nobody is told leaves nothing to be told."""
    raised(watched, "a1")
    notified(watched, "first", "a1")
    notified(watched, "resolved", is_quiet=is_quiet)
    raised(watched, "a2")
    notified(watched, "first", "a2")
    watched.matters.look()

    assert [one.state for one in watched.matters.by_id.values()] == (["open"] if is_quiet else ["resolved", "open"])


def test_a_group_is_of_what_its_alerts_are_of(watched: Watched) -> None:
    """Of several products it is of none of them alone; and each alert's words are told by themselves."""
    raised(watched, "a1")
    notified(watched, "first", "a1")
    watched.matters.look()
    (one,) = watched.matters.by_id.values()
    assert (one.product, one.assets) == ("shop.orders", (LINES,))

    raised(watched, "a2", "shop.hr")
    notified(watched, "new", "a1", "a2")
    watched.matters.look()
    (one,) = watched.matters.by_id.values()
    assert (one.product, one.assets, one.products) == (
        "",
        (LINES, "shop.hr.lines"),
        frozenset({"shop.orders", "shop.hr"}),
    )
    seen = one.told_by(lambda alert: alert.reason if alert.product == "shop.hr" else "")
    assert [step.text for step in seen.steps] == ["", "a2 is wrong"]


def test_what_ended_long_ago_is_forgotten(watched: Watched) -> None:
    """What is open is kept, and so is what ended lately."""
    raised(watched, "a1")
    notified(watched, "first", "a1")
    notified(watched, "resolved")
    watched.matters.look()
    assert len(watched.matters.by_id) == 1
    watched.pass_by(days=8)
    raised(watched, "a2")
    notified(watched, "first", "a2")
    watched.matters.look()
    assert [one.state for one in watched.matters.by_id.values()] == ["open"]
