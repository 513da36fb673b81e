"""The four figures of how changes reach production, over histories made by hand of which each figure is known.

What was stated (a rollback, a repair, a cause that a person linked) and what was inferred are never added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from freehold.foundation import SimulatedClock
from freehold.insight import Asking, compute, period_named
from freehold.ledger import Event, Ledger

LONDON = "Europe/London"  # an hour ahead of UTC from 27 March 2011 on
MINUTE, HOUR = 60, 3_600


def at(text: str) -> datetime:
    """Read an instant; without a zone it is in UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def iso(text: str) -> str:
    """Return an instant as payloads have it."""
    return at(text).isoformat()


@dataclass(frozen=True)
class Told:
    """An event, when it happened, and when it was recorded: at once, unless something else is said."""

    when: str
    type: str
    data: dict[str, Any]
    by: str = ""
    recorded: str = ""

    @property
    def recorded_at(self) -> datetime:
        """When it was recorded."""
        return at(self.recorded or self.when)

    def event(self) -> Event:
        """Return it as a ledger takes it."""
        return Event(self.type, self.data, occurred_at=at(self.when), env="prod", correlation_id=self.by)


def deployed(when: str, id_: str, **said: Any) -> Told:
    """Say that a deployment came to production."""
    return Told(when, "deploy.completed", {"deploy_id": id_, "env": "prod", "status": "success", **said})


def taken_back(when: str, id_: str, to: str, by: str) -> Iterator[Told]:
    """Say that a deployment was taken back, which is a deployment of its own to the ledger."""
    yield deployed(when, by)
    yield Told(when, "deploy.rolled_back", {"deploy_id": id_, "to": to}, by)


def caused(when: str, incident: str, deployment: str, basis: str = "explicit", **said: Any) -> Told:
    """Say that a deployment caused an incident."""
    return Told(when, "incident.cause_linked", {"incident": incident, "deploy_id": deployment, "basis": basis, **said})


def incident(id_: str, seen: str, restored: str = "") -> Iterator[Told]:
    """Say that an incident was seen, and when somebody verified that it is over."""
    yield Told(seen, "incident.opened", {"incident": id_, "kind": "data", "sev": 2, "detected_at": iso(seen)})
    if restored:
        yield Told(
            restored, "incident.resolved", {"incident": id_, "restored_at": iso(restored), "verified_by": "check:c"}
        )


def merged(when: str, change: str, **said: Any) -> Told:
    """Say that a change was merged."""
    return Told(when, "change.merged", {"change_id": change, **said})


def good(count: int = 5) -> list[Told]:
    """Return as many deployments on the first days of March with which nothing was wrong."""
    return [deployed(f"2011-03-{day:02}T10:00", f"g{day}") for day in range(1, count + 1)]


@dataclass(frozen=True)
class History:
    """What happened, and each figure: numerator, denominator and value; and what stands beside them, by name."""

    told: Sequence[Told]
    figures: dict[str, tuple[Any, ...]]
    period: str = "2011-03"
    zone: str = "UTC"
    as_of: str = "2011-06-01"
    beside: dict[str, Any] = field(default_factory=dict)


CFR, FREQUENCY, LEAD, RESTORE = (
    "change-failure-rate", "deployment-frequency", "lead-time-for-changes", "time-to-restore"
)  # fmt: skip
A_WEEK = 7 * 24
OF_MARCH = 31 * 24 / A_WEEK  # weeks, and in London an hour less
SECOND = "2011-03-10T12:00:00"

HISTORIES = {
    "a rollback of a rollback is neither a deployment nor a failure of one": History(
        [*good(), deployed("2011-03-10T10:00", "d"), *taken_back("2011-03-10T11:00", "d", "g5", "r1"),
         *taken_back("2011-03-10T12:00", "r1", "d", "r2")],
        {CFR: (1, 6, 1 / 6), FREQUENCY: (6, OF_MARCH, 6 / OF_MARCH)},
    ),
    "a deployment that is taken back twice has failed once": History(
        [*good(), deployed("2011-03-10T10:00", "d"), *taken_back("2011-03-10T11:00", "d", "g5", "r1"),
         *taken_back("2011-03-12T11:00", "d", "g5", "r2"), caused("2011-03-12T12:00", "i", "d")],
        {CFR: (1, 6, 1 / 6)},
    ),
    "a deployment, its rollback and the next one in one second are two deployments": History(
        [*good(), deployed(SECOND, "d1"), *taken_back(SECOND, "d1", "g5", "r1"), deployed(SECOND, "d2")],
        {CFR: (1, 7, 1 / 7), FREQUENCY: (7, OF_MARCH, 7 / OF_MARCH)},
    ),
    "what is told twice counts once": History(
        [*good(), *good(), deployed("2011-03-10T10:00", "d"), deployed("2011-03-11T10:00", "d")],
        {CFR: (0, 6, 0), FREQUENCY: (6, OF_MARCH, 6 / OF_MARCH)},
    ),
    "a repair of a repair: both that needed one have failed": History(
        [*good(), deployed("2011-03-10T10:00", "d1"), deployed("2011-03-10T11:00", "d2", hotfix_of="d1"),
         deployed("2011-03-10T12:00", "d3", hotfix_of="d2")],
        {CFR: (2, 8, 2 / 8)},
    ),
    "a rollback in April is a failure of the deployment of March": History(
        [*good(), deployed("2011-03-31T10:00", "d"), *taken_back("2011-04-02T10:00", "d", "g5", "r")],
        {CFR: (1, 6, 1 / 6), FREQUENCY: (6, OF_MARCH, 6 / OF_MARCH)},
    ),
    "as of before that rollback, nothing had failed": History(
        [*good(), deployed("2011-03-31T10:00", "d"), *taken_back("2011-04-02T10:00", "d", "g5", "r")],
        {CFR: (0, 6, 0)}, as_of="2011-04-01",
    ),
    "two deployments may have caused an incident: neither is said to have": History(
        [*good(), deployed(SECOND, "d1"), deployed(SECOND, "d2"), caused("2011-03-11T10:00", "i", "d1", "inferred"),
         caused("2011-03-11T10:00", "i", "d2", "inferred")],
        {CFR: (0, 7, 0)}, beside={"inferred": 2 / 7},
    ),
    "of two that may have caused it, a person names one: it has failed, the other may have": History(
        [*good(), deployed(SECOND, "d1"), deployed(SECOND, "d2"), caused("2011-03-11T10:00", "i", "d1", "inferred"),
         caused("2011-03-11T10:00", "i", "d2", "inferred"), caused("2011-03-12T10:00", "i", "d2")],
        {CFR: (1, 7, 1 / 7)}, beside={"inferred": 1 / 7},
    ),
    "two that a person names have both failed": History(
        [*good(), deployed(SECOND, "d1"), deployed(SECOND, "d2"), caused("2011-03-12T10:00", "i", "d1"),
         caused("2011-03-12T10:00", "i", "d2")],
        {CFR: (2, 7, 2 / 7)}, beside={"inferred": 0},
    ),
    "a cause that is corrected in April moves the failure": History(
        [*good(), deployed(SECOND, "d1"), deployed(SECOND, "d2"), deployed(SECOND, "d3"),
         caused("2011-03-12T10:00", "i", "d1"), caused("2011-03-12T11:00", "i", "d3", "inferred"),
         caused("2011-04-12T10:00", "i", "d1", ended=True), caused("2011-04-12T10:00", "i", "d2"),
         caused("2011-04-12T10:00", "i", "d3", "inferred", ended=True)],
        {CFR: (1, 8, 1 / 8)}, beside={"inferred": 0},
    ),
    "as of before it was corrected, the cause was the other, and one more was suspected": History(
        [*good(), deployed(SECOND, "d1"), deployed(SECOND, "d2"), deployed(SECOND, "d3"),
         caused("2011-03-12T10:00", "i", "d1"), caused("2011-03-12T11:00", "i", "d3", "inferred"),
         caused("2011-04-12T10:00", "i", "d1", ended=True), caused("2011-04-12T10:00", "i", "d2"),
         caused("2011-04-12T10:00", "i", "d3", "inferred", ended=True)],
        {CFR: (1, 8, 1 / 8)}, as_of="2011-04-01", beside={"inferred": 1 / 8},
    ),
    "a cause that is taken back leaves no failure, and one that is said again is one": History(
        [*good(), deployed(SECOND, "d1"), deployed(SECOND, "d2"), caused("2011-03-12T10:00", "i", "d1"),
         caused("2011-03-13T10:00", "i", "d1", ended=True), caused("2011-03-12T10:00", "j", "d2"),
         caused("2011-03-13T10:00", "j", "d2", ended=True), caused("2011-03-14T10:00", "j", "d2")],
        {CFR: (1, 7, 1 / 7)},
    ),
    "in London, March begins and ends an hour apart from UTC's": History(
        [*good(), deployed("2011-02-28T23:59:59", "february"), deployed("2011-03-31T22:59:59", "last"),
         deployed("2011-03-31T23:00", "april")],
        {CFR: (0, 6, 0), FREQUENCY: (6, OF_MARCH - 1 / A_WEEK, 6 / (OF_MARCH - 1 / A_WEEK))}, zone=LONDON,
    ),
    "in UTC, what came at eleven on its last evening is of March": History(
        [*good(), deployed("2011-02-28T23:59:59", "february"), deployed("2011-03-31T22:59:59", "last"),
         deployed("2011-03-31T23:00", "april")],
        {CFR: (0, 7, 0), FREQUENCY: (7, OF_MARCH, 7 / OF_MARCH)},
    ),
    "a change waits from its merge to the first deployment that carried it": History(
        [*chain.from_iterable(
            (merged(f"2011-03-{day:02}T08:00", f"c{day}"), deployed(f"2011-03-{day:02}T{8 + day:02}:00", f"d{day}",
             change_ids=[f"c{day}"])) for day in range(1, 6)),
         deployed("2011-03-20T10:00", "again", change_ids=["c1", "c2"])],
        {LEAD: (15 * HOUR, 5, 3 * HOUR)}, beside={"mean": 3 * HOUR, "p90": 4.6 * HOUR},
    ),
    "merged and deployed in one second, urgent ones apart, and one of which no merge is known": History(
        [*(merged(SECOND, f"c{n}") for n in range(5)), merged(SECOND, "u", **{"class": "urgent"}),
         deployed(SECOND, "d", change_ids=[*(f"c{n}" for n in range(5)), "u", "unknown"])],
        {LEAD: (0, 5, 0)},
    ),
    "a merge of February that is in production in March waits until then": History(
        [*(merged("2011-02-28T22:00", f"c{n}") for n in range(5)),
         deployed("2011-03-01T00:00", "d", change_ids=[f"c{n}" for n in range(5)])],
        {LEAD: (5 * 2 * HOUR, 5, 2 * HOUR)},
    ),
    "an incident that is over at midnight in London is of April": History(
        [*chain.from_iterable(incident(f"i{n}", f"2011-03-1{n}T10:00", f"2011-03-1{n}T10:30") for n in range(5)),
         *incident("late", "2011-03-31T22:00", "2011-03-31T23:00")],
        {RESTORE: (5 * 30 * MINUTE, 5, 30 * MINUTE)}, zone=LONDON,
    ),
    "in UTC it is of March": History(
        [*chain.from_iterable(incident(f"i{n}", f"2011-03-1{n}T10:00", f"2011-03-1{n}T10:30") for n in range(5)),
         *incident("late", "2011-03-31T22:00", "2011-03-31T23:00")],
        {RESTORE: (5 * 30 * MINUTE + HOUR, 6, 35 * MINUTE)}, beside={"p50": 30 * MINUTE},
    ),
    "seen and over in one second, twice over in one second: what was said last counts": History(
        [*chain.from_iterable(incident(f"i{n}", SECOND, SECOND) for n in range(5)),
         Told(SECOND, "incident.resolved", {"incident": "i0", "verified_by": "user:idp/a",
                                            "restored_at": "2011-03-10T13:00:00Z"})],
        {RESTORE: (HOUR, 5, HOUR / 5)}, beside={"p50": 0},
    ),
}  # fmt: skip
CASES = [pytest.param(one, kpi, id=f"{name}: {kpi}") for name, one in HISTORIES.items() for kpi in one.figures]


def recorded(folder: Path, told: Sequence[Told]) -> Ledger:
    """Return a ledger in which it was told in the order of recording; within a second, as it stands there."""
    clock = SimulatedClock(at("2011-01-01"))
    ledger = Ledger.open("sqlite:///state.db", root=folder, clock=clock)
    for one in sorted(told, key=lambda one: one.recorded_at):
        clock.move_to(one.recorded_at)
        ledger.append(one.event())
    return ledger


@pytest.mark.parametrize(("history", "kpi"), CASES)
def test_a_history_has_its_figures(tmp_path: Path, history: History, kpi: str) -> None:
    """Numerator, denominator and value are those that were worked out by hand; what is inferred stands beside."""
    with recorded(tmp_path, history.told) as ledger:
        period = period_named(history.period, history.zone)
        found = compute(kpi, ledger, period, at(history.as_of), Asking(zone=history.zone))

    assert (found.numerator, found.denominator, found.value) == pytest.approx(history.figures[kpi], rel=1e-11)
    assert {name: found.beside[name] for name in history.beside} == pytest.approx(history.beside, rel=1e-11)


def test_many_deployments_and_incidents(tmp_path: Path) -> None:
    """Of 600 deployments in a month every sixth was taken back, every tenth caused an incident, some did both; of 300
    incidents the n-th took n minutes.
    """
    start = at("2011-03-01T00:00")
    told: list[Told] = []
    for n in range(600):
        when = (start + timedelta(minutes=60 * n)).isoformat()
        ready = (start + timedelta(minutes=59 * n)).isoformat()
        told += [merged(ready, f"c{n}"), deployed(when, f"d{n}", change_ids=[f"c{n}"])]
        told += taken_back(when, f"d{n}", "before", f"r{n}") if n % 6 == 0 else ()
        told += [caused(when, f"i{n}", f"d{n}")] if n % 10 == 0 else [caused(when, f"i{n}", f"d{n}", "inferred")]
    for n in range(1, 301):
        seen = start + timedelta(minutes=90 * n)
        told += incident(f"i{n}", seen.isoformat(), (seen + timedelta(minutes=n)).isoformat())
    march = period_named("2011-03")
    with recorded(tmp_path, told) as ledger:
        found = {kpi: compute(kpi, ledger, march, at("2011-06-01")) for kpi in (CFR, FREQUENCY, LEAD, RESTORE)}

    failed = len({n for n in range(600) if n % 6 == 0 or n % 10 == 0})
    assert (found[CFR].numerator, found[CFR].denominator, failed) == (140, 600, 140)
    assert found[CFR].beside["inferred"] == pytest.approx((600 - 140) / 600)
    assert (found[FREQUENCY].numerator, found[FREQUENCY].n) == (600, 31)
    assert (found[LEAD].value, found[LEAD].beside["mean"]) == (299.5 * MINUTE, 299.5 * MINUTE)
    assert (found[RESTORE].value, found[RESTORE].beside["p50"]) == (150.5 * MINUTE, 150.5 * MINUTE)
    assert found[RESTORE].beside["p90"] == pytest.approx(270.1 * MINUTE)
