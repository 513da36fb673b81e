"""Watching: what is late and what burns, as signals; the same after a restart, and beside another watch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from freehold.delivery.graph import Graph
from freehold.estate.model import Estate
from freehold.foundation import SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability.signals import Signal
from freehold.reliability.slo import Watch, signals

from .shop import ASSET, OTHER, START, estate, observe, slo_file

RAW = "shop.orders.raw"
FEED = "shop.orders.feed"
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: shop.orders
status: active
inputPorts:
  - {name: raw, version: 1.0.0, contractId: shop.orders.raw}
outputPorts:
  - {name: lines, version: 1.0.0, contractId: shop.orders.lines}
  - {name: days, version: 1.0.0, contractId: shop.orders.days}
"""
SOURCE = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.orders.%s
version: 1.0.0
status: active
schema: [{name: %s, properties: [{name: sold_on, logicalType: date}]}]
servers: [{server: landing, type: local, path: "landing/%s", format: csv}]
slaProperties: [{property: timeOfAvailability, value: "05:30"}]
customProperties: [{property: "freehold:arrives", value: {%s}}]
"""


WITH_FEED = PRODUCT.replace(
    "outputPorts", "  - {name: feed, version: 1.0.0, contractId: shop.orders.feed}\noutputPorts"
)
RAW_FILE = SOURCE % ("raw", "raw", "{date}.csv", "days: sun-sat, grace: 30m")
FEED_FILE = SOURCE % ("feed", "feed", "feed.csv", 'cron: "0 */4 * * *", grace: 15m')


@pytest.fixture
def shop(tmp_path: Path) -> Estate:
    """An estate with a file for each day until half past five."""
    root = tmp_path / "shop"
    (root / "landing").mkdir(parents=True)
    return estate(root, {"shop/orders.odps.yaml": PRODUCT, "shop/contracts/raw.odcs.yaml": RAW_FILE})


@pytest.fixture
def fed(shop: Estate) -> Estate:
    """The same, with data that comes every four hours."""
    return estate(shop.root, {"shop/orders.odps.yaml": WITH_FEED, "shop/contracts/feed.odcs.yaml": FEED_FILE})


@pytest.fixture
def ledger(shop: Estate) -> Iterator[Ledger]:
    """Its ledger, whose clock stands still."""
    with Ledger.open("sqlite:///state.db", root=shop.root, clock=SimulatedClock(START)) as opened:
        yield opened


def at(hours: float) -> datetime:
    """Return an instant so many hours after 1 March 2011."""
    return START + timedelta(hours=hours)


def deliver(shop: Estate, day: int) -> None:
    """Put the file of a day of March into the folder."""
    (shop.root / "landing" / f"2011-03-{day:02}.csv").write_text("sold_on\n", encoding="utf-8")


def come(ledger: Ledger, hours: float, type_: str = "asset.published") -> None:
    """Record that the feed came: built here, or told of another tool's run."""
    said = {"asset": FEED, "deployment": f"{hours}"}
    if type_ == "run.completed":
        said = {"asset": "airflow.feed", "run_id": f"{hours}", "status": "success", "outputs": [FEED]}
    ledger.append(Event(type_, said, occurred_at=at(hours), env="prod", subject=said["asset"]))


def watch(shop: Estate, ledger: Ledger, now: datetime) -> Watch:
    """Begin to watch."""
    return Watch(shop, Graph.of(shop, "prod", "duckdb"), ledger, "prod", now)


def told(found: tuple[Signal, ...]) -> list[tuple[str, str, datetime]]:
    """Return who saw what of which asset, since when."""
    return [(one.asset, one.monitor, one.since) for one in found]


def test_a_file_that_does_not_come_is_late_at_the_grace(shop: Estate, ledger: Ledger) -> None:
    """The file of 2 March is due on the 3rd at half past five: late at six, and until it is there."""
    deliver(shop, 1)
    come(ledger, 29)
    watching = watch(shop, ledger, at(50))

    assert watching.wake_at == at(54)
    assert watching.signals(at(53.99)) == ()
    (found,) = watching.signals(at(54))
    assert (found.asset, found.monitor, found.since, found.is_breach) == (RAW, "arrival", at(53.5), True)
    assert ledger.get(found.evidence).data["interval_start"] == "2011-03-02T00:00:00Z"
    deliver(shop, 2)
    assert watching.signals(at(54.1)) == ()
    assert watching.wake_at == at(78)


def test_a_day_that_never_came_stays_told_when_the_next_is_there(shop: Estate, ledger: Ledger) -> None:
    """What is missing before a newer delivery is a gap, and no new lateness hides behind it."""
    deliver(shop, 1)
    watching = watch(shop, ledger, at(50))
    watching.signals(at(54))
    deliver(shop, 3)

    assert told(watching.signals(at(78))) == [(RAW, "gap", at(53.5))]
    assert told(watching.signals(at(102))) == [(RAW, "arrival", at(101.5)), (RAW, "gap", at(53.5))]


@pytest.mark.parametrize("type_", ["asset.published", "run.completed"])
def test_data_that_others_tell_of_arrives_by_their_events(fed: Estate, ledger: Ledger, type_: str) -> None:
    """A publication of ours, or the run of another tool that wrote it, ends the wait."""
    watching = watch(fed, ledger, at(1))
    assert told(watching.signals(at(4.25))) == [(FEED, "arrival", at(4))]
    come(ledger, 4.5, type_)

    assert watching.signals(at(4.6)) == ()
    (again,) = watching.signals(at(8.25))
    assert ledger.get(again.evidence).type == type_


def test_a_restart_loses_nothing(fed: Estate, ledger: Ledger) -> None:
    """Whoever starts after hours in which nobody watched tells what a watch would have told that never stopped."""
    deliver(fed, 1)
    lived = watch(fed, ledger, at(30))
    come(ledger, 32)
    for hours in (32, 36.3, 40.3, 54):
        lived.signals(at(hours))
    started = watch(fed, ledger, at(55))

    assert started.signals(at(55)) == lived.signals(at(55))
    assert told(started.signals(at(55))) == [(RAW, "arrival", at(53.5)), (FEED, "arrival", at(36))]
    assert started.wake_at == lived.wake_at


def test_what_never_came_is_late_though_nobody_watches_for_long(fed: Estate, ledger: Ledger) -> None:
    """Since when it is waited for is kept: commands that look once each find it late, as one that stays does."""
    assert watch(fed, ledger, at(1)).late(at(1)) == ()
    assert watch(fed, ledger, at(4.2)).late(at(4.2)) == ()

    assert told(watch(fed, ledger, at(4.3)).signals(at(4.3))) == [(FEED, "arrival", at(4))]


def test_two_watch_beside_each_other(fed: Estate, ledger: Ledger) -> None:
    """Neither needs to know of the other: what is expected is recorded once, and both tell the same."""
    deliver(fed, 1)
    come(ledger, 29)
    one, other = watch(fed, ledger, at(30)), watch(fed, ledger, at(30))
    come(ledger, 54.1)

    assert one.signals(at(55)) == other.signals(at(55))
    told = [e.data["interval_start"] for e in ledger.read(types=("run.expected",))]
    assert told == ["2011-03-01T00:00:00Z", "2011-03-02T00:00:00Z"]


def test_what_burns_is_told_with_when_it_is_gone(shop: Estate, ledger: Ledger) -> None:
    """Data of the first day stale since midnight: 7.2 hours of budget, and a page's worth burns after ten minutes."""
    (shop.root / "orders.yaml").write_text(slo_file(), encoding="utf-8")
    declared = estate(shop.root, {})
    observe(ledger, -29, 0.0, target_s=86_400)
    graph = Graph.of(declared, "prod", "duckdb")
    of_file = [
        [
            one
            for one in signals(declared, graph, ledger, "prod", START + timedelta(days=1, minutes=m))
            if one.monitor == "orders"
        ]
        for m in (0, 10, 440)
    ]

    assert of_file[0] == []
    ((burning,), (gone,)) = of_file[1:]
    assert (burning.asset, burning.since, burning.is_breach) == (ASSET, START + timedelta(days=1), True)
    assert "burns 16.7 times as fast as it may, and it is gone by 2011-03-02 07:12" in burning.reason
    assert gone.reason.startswith("nothing is left of the error budget of shop.orders.lines: freshness 99 %")
    assert gone.fingerprint == burning.fingerprint
    assert ledger.get(burning.evidence).type == "freshness.observed"


def test_what_burns_is_the_same_whichever_output_is_worst(shop: Estate, ledger: Ledger) -> None:
    """An SLO over two outputs is one alert for as long as it burns; which of them is worst is told in words."""
    (shop.root / "orders.yaml").write_text(slo_file(service="shop.orders"), encoding="utf-8")
    declared = estate(shop.root, {})
    graph = Graph.of(declared, "prod", "duckdb")
    found = []
    for asset, day in ((OTHER, 3.0), (ASSET, 9.0)):
        for one in (ASSET, OTHER):
            observe(ledger, day - 3, day - 3.5, one, target_s=86_400)
        observe(ledger, day - 0.5, day - 0.6, ASSET if asset == OTHER else OTHER, target_s=86_400)
        at = START + timedelta(days=day + (3 if asset == ASSET else 0))
        found += [one for one in signals(declared, graph, ledger, "prod", at) if one.monitor == "orders"]

    assert len({one.fingerprint for one in found}) == 1
    assert [one.reason.rpartition(" by ")[2] for one in found] == [OTHER, ASSET]


def test_a_budget_that_went_long_ago_wakes_nobody(shop: Estate, ledger: Ledger) -> None:
    """After a day of stale data it is gone, and stays so for weeks; while nothing more is bad, no promise is broken."""
    (shop.root / "orders.yaml").write_text(slo_file(), encoding="utf-8")
    declared = estate(shop.root, {})
    graph = Graph.of(declared, "prod", "duckdb")
    observe(ledger, -29, 0.0)
    for day in (2.0, 4.0, 6.0, 8.0):
        observe(ledger, day, day + 1.5)
    at_once, later = (
        [one for one in signals(declared, graph, ledger, "prod", START + timedelta(days=d)) if one.monitor == "orders"]
        for d in (1.9, 8.0)
    )

    assert [one.is_breach for one in at_once] == [True]
    assert [(one.is_breach, one.reason.partition(" of the")[0]) for one in later] == [(False, "nothing is left")]


def test_nothing_is_written_while_nothing_happens(fed: Estate, ledger: Ledger) -> None:
    """Asking a thousand times between two deadlines leaves the ledger as it was."""
    watching = watch(fed, ledger, at(1))
    watching.signals(at(5))
    before = len(list(ledger.read()))
    for second in range(1000):
        watching.late(at(5) + timedelta(seconds=second))

    assert len(list(ledger.read())) == before
