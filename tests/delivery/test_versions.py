"""A new major version is published beside the one before, which stays as it was until its day."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shop import HERE, MODELS, RAW, Shop, days, ordinary_day, shop, write_day
from version_worker import POINTS
from versions_of_daily import COLUMNS, GONE, SECOND, first, promise, second

from freehold.delivery import Delivery, RunOutcome
from freehold.delivery.applying import publish_change
from freehold.delivery.majors import advanced, placed_by_ledger, places_of
from freehold.delivery.plan import Action, ChangeClass, Plan, Version
from freehold.delivery.plan import plan as plan_of
from freehold.estate.dashboards import Dashboard, Reading
from freehold.estate.model import Estate
from freehold.foundation import FreeholdError, Problems

HERE_PATH = Path("estate-of-values")
WORKER = Path(__file__).parent / "version_worker.py"
KINDS = pytest.mark.parametrize("name", GONE, ids=("by interval", "whole", "by key", "a view"))


def _apply(live: Shop, estate: Estate, change: str = "c-1", **more: Any) -> tuple[Delivery, RunOutcome]:
    (live.root / "estate.yaml").write_text("# files are kept as they are\n")
    delivery = live.with_estate(estate)
    return delivery, publish_change(delivery, list(delivery.graph.assets), change, **more)


def _plan(live: Shop, before: Estate, after: Estate, **more: Any) -> Plan:
    """Plan as the command does: both estates named as the ledger says that they are published."""
    now = live.clock.now()
    held = placed_by_ledger(before, live.ledger, "prod", now)[0]
    version = Version(held, "what was applied", is_deployed=True)
    return plan_of(placed_by_ledger(after, live.ledger, "prod", now)[0], version, "prod", "duckdb", **more)


def _columns(live: Shop, name: str) -> list[str]:
    session = live.delivery.session("test")
    try:
        return [c.name for c in session.columns_of(f"SELECT * FROM shop_orders.{name}")]
    finally:
        session.close()


def _rows(live: Shop, name: str) -> list[tuple[Any, ...]]:
    return sorted(live.rows(f"SELECT * FROM shop_orders.{name}"))


@pytest.fixture
def versioned(live: Shop) -> Shop:
    """A shop of which version 1 of `daily` is in force."""
    _apply(live, first(live.root, "daily"))
    return live


@KINDS
def test_old_readers_see_the_old_shape_throughout(live: Shop, name: str) -> None:
    """Whatever kind the output is of: the old name shows the old columns and rows, the new one the new."""
    _apply(live, first(live.root, name))
    before = _rows(live, name)
    _, outcome = _apply(live, second(live.root, name), "c-2")
    assert not outcome.is_refused
    assert _columns(live, name) == list(COLUMNS[name]) or set(_columns(live, name)) == set(COLUMNS[name])
    assert _rows(live, name) == before
    assert set(_columns(live, f"{name}_v2")) == set(COLUMNS[name]) - {GONE[name]}
    assert len(_rows(live, f"{name}_v2")) == len(before)


@KINDS
def test_new_data_goes_to_the_new_version_alone(live: Shop, name: str) -> None:
    """The old version is fed no more: its rows are those of the day it was left."""
    _apply(live, first(live.root, name))
    before = _rows(live, name)
    delivery, _ = _apply(live, second(live.root, name), "c-2")
    write_day(live.root, days(6)[-1], [("z", "new", 9, 9.0), ("z", "newer", 1, 1.0)])
    outcome = delivery.run()
    assert outcome.exit_code == 0
    assert _rows(live, name) == before
    assert _rows(live, f"{name}_v2") != [row[: len(COLUMNS[name]) - 1] for row in before]
    assert delivery.run().nothing_to_do


@KINDS
def test_a_rollback_takes_the_new_version_away_and_leaves_the_old(live: Shop, name: str) -> None:
    """After it the old version is there as it was, the new one is not; unpinned, the new one comes back."""
    _apply(live, first(live.root, name))
    before = _rows(live, name)
    delivery, _ = _apply(live, second(live.root, name), "c-2")
    back = delivery.rollback("shop.orders")
    assert back.withdrawn == (f"shop.orders.{name}_v2",)
    assert _rows(live, name) == before
    with pytest.raises(FreeholdError):
        _columns(live, f"{name}_v2")
    assert delivery.run().nothing_to_do
    status = next(s for s in delivery.status() if s.product.id == "shop.orders")
    assert any("was taken back" in reason for reason in status.reasons)
    delivery.unpin("shop.orders")
    assert delivery.run().exit_code == 0
    assert len(_rows(live, f"{name}_v2")) == len(before)
    assert _rows(live, name) == before


def test_models_read_the_version_of_today_unless_they_name_another(versioned: Shop) -> None:
    """`ref('x')` means the latest, as in dbt; `ref('x', v=1)` the one before, as it was left."""
    models = {
        "now": "select max(sold_on) as last from {{ ref('daily') }}",
        "then": "select max(sold_on) as last, sum(lines) as lines from {{ ref('daily', v=1) }}",
    }
    delivery, _ = _apply(versioned, second(versioned.root, "daily", **models), "c-2")
    assert delivery.graph.assets["shop.orders.now"].inputs == ("shop.orders.daily_v2",)
    assert delivery.graph.assets["shop.orders.then"].inputs == ("shop.orders.daily",)
    write_day(versioned.root, days(6)[-1], ordinary_day(5))
    delivery.run()
    assert versioned.rows("SELECT last FROM shop_orders.now") == [(days(6)[-1],)]
    assert versioned.rows("SELECT last, lines FROM shop_orders.then") == [(days(5)[-1], 15)]


def test_a_version_that_is_not_there_is_told_with_those_that_are(versioned: Shop) -> None:
    """A reference to version 7 names the versions there are."""
    seven = "select * from {{ ref('daily', v=7) }}"
    with pytest.raises(Problems) as caught:
        _apply(versioned, second(versioned.root, "daily", then=seven), "c-2")
    (error,) = caught.value.errors
    assert error.code == "FH-M019"
    assert "1, 2" in error.fix


def test_versions_follow_each_other(versioned: Shop) -> None:
    """Version 3 comes beside 2 and 1; each earlier one names the latest."""
    _apply(versioned, second(versioned.root, "daily"), "c-2")
    delivery, _ = _apply(versioned, second(versioned.root, "daily", "3.0.0"), "c-3")
    found = delivery.earlier_versions()
    assert {name: (e.version, e.latest) for name, e in found.items()} == {
        "shop.orders.daily": ("1.4.0", "shop.orders.daily_v3"),
        "shop.orders.daily_v2": ("2.0.0", "shop.orders.daily_v3"),
    }
    assert set(_columns(versioned, "daily")) == set(COLUMNS["daily"])
    assert len(_rows(versioned, "daily_v3")) == 5


def test_going_back_to_the_old_contract_feeds_the_old_version_again(versioned: Shop) -> None:
    """Whoever reverts the change gets the old name fed again; the new name is what nothing builds any more."""
    _apply(versioned, second(versioned.root, "daily"), "c-2")
    delivery, _ = _apply(versioned, first(versioned.root, "daily"), "c-3")
    write_day(versioned.root, days(6)[-1], ordinary_day(5))
    delivery.run()
    assert len(_rows(versioned, "daily")) == 6
    assert not delivery.earlier_versions()
    assert set(delivery.retired()) == {"shop.orders.daily_v2"}


def test_an_environment_that_starts_from_another_names_versions_like_it(versioned: Shop) -> None:
    """A version that production has beside the old one has the same name in every environment."""
    _apply(versioned, second(versioned.root, "daily"), "c-2")
    places = placed_by_ledger(second(versioned.root, "daily"), versioned.ledger, "dev", versioned.clock.now())[1]
    assert places["shop.orders.daily"].asset == "shop.orders.daily_v2"


@pytest.mark.parametrize(
    ("ends", "until"),
    [
        ("2024-06-30", date(2024, 6, 30)),
        ("2020-01-01", None),
        ("", None),
    ],
    ids=["the contract's end of support", "an end that is past counts for nothing", "no end: the usual notice"],
)
def test_the_old_version_has_an_end(live: Shop, ends: str, until: date | None) -> None:
    """The contract says when, else the notice of the tier, else ninety days."""
    _apply(live, first(live.root, "daily", ends=ends))
    delivery, _ = _apply(live, second(live.root, "daily"), "c-2")
    usual = live.clock.now().astimezone(UTC).date() + timedelta(days=90)
    assert delivery.earlier_versions()["shop.orders.daily"].until == (until or usual)


def test_the_notice_of_the_tier_is_the_end_by_default(versioned: Shop) -> None:
    """A tier that promises thirty days of notice keeps the old version for thirty days."""
    tiers = {"tiers": {1: {"notice": "30d"}}}
    delivery, _ = _apply(versioned, replace(second(versioned.root, "daily"), defaults=tiers), "c-2")
    expected = versioned.clock.now().astimezone(UTC).date() + timedelta(days=30)
    assert delivery.earlier_versions()["shop.orders.daily"].until == expected


def test_the_plan_tells_the_version_its_end_and_who_must_move(versioned: Shop) -> None:
    """Not "breaks": the old version is read on, until its day, and the dashboard that reads it is named."""
    board = Dashboard(
        "board", "Board pack", "csv", HERE, viewers=41, reads=(Reading("shop.orders.daily", "lines", HERE),)
    )
    found = _plan(versioned, first(versioned.root, "daily"), second(versioned.root, "daily"), dashboards=(board,))
    change = next(c for c in found.changes if c.asset == "shop.orders.daily_v2")
    assert (change.action, change.change, change.declared) == (
        Action.VERSION,
        ChangeClass.BREAKING,
        "shop.orders.daily",
    )
    assert change.beside is not None
    assert change.beside.asset == "shop.orders.daily"
    assert [str(r.verdict) for r in found.dashboards] == ["must move"]
    assert not found.findings
    assert "shop.orders.daily" not in {c.asset for c in found.changes}


def test_a_plan_after_it_is_applied_finds_nothing(versioned: Shop) -> None:
    """What is in force is compared by the names it is published by."""
    after = second(versioned.root, "daily")
    _apply(versioned, after, "c-2")
    assert not _plan(versioned, after, after).changes


def test_breaking_without_a_major_version_is_no_new_version(versioned: Shop) -> None:
    """The plan blocks it, as ever, and nothing is named otherwise."""
    found = _plan(versioned, first(versioned.root, "daily"), second(versioned.root, "daily", "1.5.0"))
    assert found.is_blocked
    assert {c.asset for c in found.changes} >= {"shop.orders.daily"}


def test_below_version_one_nothing_is_promised_so_nothing_is_kept() -> None:
    """0.9 to 0.10, and 0.9 to 1.0, take the place of what was there."""
    estate = shop(HERE_PATH, MODELS, (RAW, promise("daily", "0.9.0")))
    later = shop(HERE_PATH, MODELS, (RAW, promise("daily", "1.0.0")))
    found = advanced(places_of(estate), later, datetime(2024, 1, 1, tzinfo=UTC), lambda _: True)
    assert found["shop.orders.daily"].asset == "shop.orders.daily"


def test_a_version_nobody_could_read_is_not_kept() -> None:
    """What was never published has no readers to spare."""
    before = shop(HERE_PATH, MODELS, (RAW, promise("daily", "1.0.0")))
    after = shop(HERE_PATH, MODELS, (RAW, promise("daily", "2.0.0")))
    found = advanced(places_of(before), after, datetime(2024, 1, 1, tzinfo=UTC), lambda _: False)
    assert found["shop.orders.daily"].asset == "shop.orders.daily"


def test_the_name_of_a_version_must_be_free() -> None:
    """An asset of the files with that name is nobody's new version by accident."""
    before = shop(HERE_PATH, MODELS, (RAW, promise("daily", "1.0.0")))
    after = shop(HERE_PATH, MODELS | {"daily_v2": "select 1 as one"}, (RAW, promise("daily", "2.0.0")))
    with pytest.raises(FreeholdError) as caught:
        advanced(places_of(before), after, datetime(2024, 1, 1, tzinfo=UTC), lambda _: True)
    assert caught.value.code == "FH-D221"


def test_the_old_version_goes_after_its_day_and_never_before(versioned: Shop) -> None:
    """Before its last day is over it stays, whatever is asked; after it, it goes for good and is forgotten."""
    delivery, _ = _apply(versioned, second(versioned.root, "daily"), "c-2")
    until = delivery.earlier_versions()["shop.orders.daily"].until
    versioned.clock.move_to(datetime.combine(until, datetime.min.time(), UTC))
    assert not delivery.retire(["shop.orders.daily"])
    assert len(_rows(versioned, "daily")) == 5
    versioned.clock.move_to(datetime.combine(until, datetime.min.time(), UTC) + timedelta(days=1))
    assert not delivery.retire([])
    assert set(delivery.retire(["shop.orders.daily"])) == {"shop.orders.daily"}
    with pytest.raises(FreeholdError):
        _rows(versioned, "daily")
    again = versioned.with_estate(second(versioned.root, "daily"))
    assert "shop.orders.daily" not in again.graph.assets
    assert again.graph.assets["shop.orders.daily_v2"].is_output
    assert again.run().nothing_to_do
    assert len(_rows(versioned, "daily_v2")) == 5


def test_a_change_that_fails_leaves_no_version(versioned: Shop) -> None:
    """Whole or not at all: where another part of the change fails, there is no second version."""
    bad = {"totals": "select nowhere from {{ ref('lines') }}"}
    _, outcome = _apply(versioned, second(versioned.root, "daily", **bad), "c-2")
    assert outcome.is_refused
    with pytest.raises(FreeholdError):
        _rows(versioned, "daily_v2")
    assert len(_rows(versioned, "daily")) == 5
    assert "shop.orders.daily" in versioned.with_estate(first(versioned.root, "daily")).graph.assets


def test_a_ledger_from_before_versions_were_told_starts_from_the_estate_in_force(live: Shop) -> None:
    """Estates that were applied without a word of versions publish each output by its own name."""
    estate = first(live.root, "daily")
    assert places_of(estate)["shop.orders.daily"].asset == "shop.orders.daily"
    assert places_of(estate)["shop.orders.daily"].version == "1.4.0"


def test_a_promise_that_was_never_given_names_who_reads_it() -> None:
    """Though nothing changes: a dashboard on a column that a contract promises and no model gives is told as broken."""
    estate = shop(HERE_PATH, MODELS | {"daily": SECOND["daily"]}, (RAW, promise("daily", "1.0.0")))
    board = Dashboard("board", "Board", "csv", HERE, reads=(Reading("shop.orders.daily", "lines", HERE),))
    other = Dashboard("other", "Other", "csv", HERE, reads=(Reading("shop.orders.daily", "revenue", HERE),))
    found = plan_of(estate, Version(estate, "itself", is_deployed=True), "prod", "duckdb", dashboards=(board, other))
    assert not found.changes
    assert [f.code for f in found.findings] == ["FH-M016"]
    assert [(r.dashboard.id, str(r.verdict)) for r in found.dashboards] == [("board", "breaks")]


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_there_is_one_truth(opened: Shop, point: str) -> None:
    """Before the settlement nothing of the version is there, after it all of it; the old one is read throughout.

    Applied again, it ends as though nobody had killed it, and the ledger tells each release once.
    """
    for index, on in enumerate(days(3)):
        write_day(opened.root, on, ordinary_day(index))
    _apply(opened, first(opened.root))
    before = _rows(opened, "daily")
    opened.close()
    killed = subprocess.run([sys.executable, str(WORKER), str(opened.root), point], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    after = Shop.open(opened.root, first(opened.root), seed=5)
    try:
        is_settled = point.startswith("after")
        there = after.rows("SELECT count(*) FROM freehold.publication WHERE asset = 'shop.orders.daily_v2'")
        assert there == [(int(is_settled),)]
        assert _rows(after, "daily") == before
        if is_settled and point != "after the ledger knows":
            with pytest.raises(FreeholdError) as caught:
                after.delivery.run()  # by the estate that was in force, as far as its ledger could know
            assert caught.value.code == "FH-D222"
        again = after.with_estate(second(after.root))
        assert not publish_change(again, list(again.graph.assets), "c-2").is_refused
        assert again.run().nothing_to_do
        assert _rows(after, "daily") == before
        assert len(_rows(after, "daily_v2")) == 3
        released = Counter(after.rows("SELECT asset, deployment FROM freehold.release"))
        told = after.ledger.read(types=("asset.published",))
        assert Counter((e.data["asset"], e.data["deployment"]) for e in told) == released
        applied = [e for e in after.ledger.read(types=("estate.applied",)) if "daily_v2" in str(e.data["versions"])]
        assert len(applied) == 1
        assert after.ledger.verify().ok
    finally:
        after.close()
