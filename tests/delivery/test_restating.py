"""Numbers that readers had in front of them and that are others now: told once, with what they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shop import MODELS, Shop, days, ordinary_day, shop, write_day

from freehold.delivery.serving import broken


@pytest.fixture
def live(opened: Shop) -> Shop:
    """A shop with three days, published one a run."""
    for index, on in enumerate(days(3)):
        write_day(opened.root, on, ordinary_day(index))
        assert opened.delivery.run().exit_code == 0
    return opened


def told(shop: Shop) -> dict[str, dict[str, Any]]:
    """Return what was told of restatements, by asset."""
    return {str(event.subject): dict(event.data) for event in shop.ledger.read(types=("asset.restated",))}


def lines(shop: Shop, first: datetime, last: datetime) -> list[str]:
    """Return what happened between two instants."""
    assets = {f"shop.orders.{name}" for name in ("raw", *MODELS)}
    return [one.told for one in broken(shop.ledger, "prod", "prod", assets, first, last)]


def test_what_comes_for_the_first_time_is_no_restatement(live: Shop) -> None:
    """Nor is a run that finds nothing new."""
    live.delivery.run()
    assert told(live) == {}


def test_a_file_that_comes_again_restates_its_day(live: Shop) -> None:
    """Its rows, and those of whatever is made of them by day; other days stand."""
    write_day(live.root, days(3)[1], ordinary_day(1)[:2])
    live.delivery.run()
    found = told(live)
    assert {"shop.orders.lines", "shop.orders.daily"} <= set(found)
    one = found["shop.orders.lines"]
    assert (one["intervals"], one["rows_before"], one["rows"], one["why"]) == (1, 3, 2, "inputs")
    assert (one["interval_start"], one["interval_end"]) == ("2024-01-02T00:00:00Z", "2024-01-03T00:00:00Z")


def test_the_same_file_again_restates_nothing(live: Shop) -> None:
    """Another time of writing is no other content."""
    write_day(live.root, days(3)[1], ordinary_day(1))
    live.delivery.run()
    assert told(live) == {}


def test_another_definition_restates_all_days(live: Shop) -> None:
    """Of the asset that was changed and of what is made of it."""
    changed = MODELS["lines"].replace("quantity * price", "quantity * price * 2")
    assert changed != MODELS["lines"]
    live.with_estate(shop(live.root, MODELS | {"lines": changed})).run()
    found = told(live)
    assert (found["shop.orders.lines"]["intervals"], found["shop.orders.lines"]["why"]) == (3, "definition")
    assert found["shop.orders.daily"]["intervals"] == 3


def test_going_back_restates_what_it_changes(live: Shop) -> None:
    """A day that came again and is taken back shows its first rows again; a day that goes is no restatement."""
    write_day(live.root, days(3)[2], ordinary_day(2)[:2])
    live.delivery.run()
    live.delivery.rollback("shop.orders")
    one = told(live)["shop.orders.lines"]
    assert (one["intervals"], one["rows_before"], one["rows"], one["why"]) == (1, 2, 3, "rollback")
    before = len(told(live))
    live.delivery.rollback("shop.orders")
    assert len(told(live)) == before


def test_it_is_told_of_the_time_it_changes_too(live: Shop) -> None:
    """Who asks in March what happened in January reads that a day of it is another now; February is not hit."""
    january, february, march, april = (datetime(2024, month, 1, tzinfo=UTC) for month in range(1, 5))
    live.clock.advance(march - january)
    write_day(live.root, days(3)[1], ordinary_day(1)[:2])
    live.delivery.run()

    (line,) = lines(live, january, february)
    assert line.startswith("02 Jan 2024 of shop.orders.")
    assert line.endswith("since what it is made of came anew")
    assert lines(live, february, march - timedelta(days=1)) == []
    assert lines(live, march, april) == [line]
    assert lines(live, april, april + timedelta(days=30)) == []
