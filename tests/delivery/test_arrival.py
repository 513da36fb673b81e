"""When data is due: on the days that a contract and a calendar say, up to now, however long a calendar is closed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from freehold.delivery.arrival import Promise, expected, late
from freehold.estate.calendars import days_of
from freehold.estate.model import Calendar
from freehold.foundation import Where
from freehold.reliability.slo.rhythm import Declared

NOW = datetime(2026, 1, 9, 12, tzinfo=UTC)  # a Friday
SOURCE: Any = SimpleNamespace(id="shop.orders.raw")


def promise(zone: str = "UTC") -> Promise:
    """Return a promise of every day of the week but holidays, by six in the morning after."""
    return Promise(frozenset(range(7)), True, time(6), timedelta(), ZoneInfo(zone))


def closed(first: str, last: str) -> Calendar:
    """Return a calendar that is frozen from one day to another."""
    return Calendar("shop", Where("calendars.yaml"), {"freeze": [{"from": first, "to": last, "reason": "Sold"}]})


@pytest.mark.parametrize(
    ("zone", "last"),
    [
        pytest.param("UTC", 8, id="what is of yesterday was due this morning"),
        pytest.param(
            "Pacific/Kiritimati", 8, id="where it is tomorrow already, what is of today is not due before six"
        ),
        pytest.param("Pacific/Honolulu", 7, id="where it is night, what is of yesterday is not due yet"),
    ],
)
def test_every_day_is_due_up_to_now_by_the_clock_there(zone: str, last: int) -> None:
    """From the day that is asked for to the last one whose hour has passed."""
    due = [one.interval.start.day for one in expected(SOURCE, promise(zone), None, date(2026, 1, 5), NOW)]

    assert due == list(range(5, last + 1))


def test_a_calendar_that_is_closed_for_good_ends_what_is_due() -> None:
    """Nothing is awaited any more: neither until now, nor after it."""
    calendar = closed("2026-01-07", "9999-12-31")
    due = expected(SOURCE, promise(), calendar, date(2026, 1, 5), NOW)
    after = Declared(SOURCE.id, "shop.orders", promise(), days_of(calendar)).after(NOW)

    assert [one.interval.start.day for one in late(due, (), NOW)] == [5, 6]
    assert next(after, None) is None
