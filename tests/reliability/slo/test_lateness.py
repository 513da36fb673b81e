"""Lateness: found at the deadline and the grace, whatever else is waited for, and the same after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.delivery.arrival import Expected, Promise
from freehold.delivery.interval import day
from freehold.estate.calendars import Days
from freehold.estate.schedules import Schedule
from freehold.foundation import Where
from freehold.reliability.slo.lateness import Lateness
from freehold.reliability.slo.rhythm import Declared

from .shop import START

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Every:
    """Due every so many hours after the start, with half an hour of grace."""

    asset: str
    hours: int

    def after(self, instant: datetime) -> Iterator[Expected]:
        """Yield what is due after an instant."""
        n = (instant - START) // (self.hours * HOUR) + 1
        while True:
            due = START + n * self.hours * HOUR
            yield Expected(self.asset, day(due.date()), due, due + HOUR / 2)
            n += 1


def at(hours: float) -> datetime:
    """Return an instant so many hours after the start."""
    return START + timedelta(hours=hours)


def dues(found: tuple[Expected, ...]) -> list[float]:
    """Return how many hours after the start each was due."""
    return [(one.due_at - START) / HOUR for one in found]


def test_it_is_late_at_the_deadline_and_the_grace() -> None:
    """One microsecond before it is not; at that instant it is, once."""
    waiting = Lateness([Every("a", 24)], {"a": START}, START)

    assert waiting.wake_at == at(24.5)
    assert waiting.pass_to(at(24.5) - timedelta(microseconds=1)) == ()
    assert dues(waiting.pass_to(at(24.5))) == [24]
    assert waiting.pass_to(at(24.5)) == ()
    assert waiting.wake_at == at(48.5)


@pytest.mark.parametrize(
    ("came", "missing"),
    [
        pytest.param([20], [], id="early, and nearer to this one"),
        pytest.param([24.2], [], id="within the grace"),
        pytest.param([8], [24], id="a correction of the day before is not this day's"),
        pytest.param([20, 22], [], id="twice is once"),
        pytest.param([26], [], id="late, and there"),
        pytest.param([], [24], id="never"),
    ],
)
def test_data_belongs_to_what_was_due_or_to_what_is_due_next(came: list[float], missing: list[float]) -> None:
    """What comes is what was due by then; from the middle on it is the next."""
    waiting = Lateness([Every("a", 24)], {"a": START}, START)
    for hours in came:
        waiting.pass_to(at(hours))
        waiting.arrived("a", at(hours))
    waiting.pass_to(at(30))

    assert dues(waiting.missing.get("a", ())) == missing


def test_one_after_the_other_in_the_order_of_deadlines() -> None:
    """Of many data sets each is found at its own instant, and the heap sleeps to the earliest of all."""
    waiting = Lateness([Every("slow", 24), Every("fast", 5)], {"slow": START, "fast": START}, START)
    found = []
    while (wake := waiting.wake_at) is not None and wake <= at(25):
        found += [(one.asset, wake) for one in waiting.pass_to(wake)]

    assert found == [*(("fast", at(n + 0.5)) for n in (5, 10, 15, 20)), ("slow", at(24.5))]


@given(st.lists(st.floats(0.01, 200), max_size=12), st.floats(1, 200))
def test_a_restart_knows_the_same(came: list[float], now: float) -> None:
    """What is known follows from the newest arrival: whoever starts with it waits for the same, and misses the same."""
    lived = Lateness([Every("a", 7)], {"a": START}, START)
    told = sorted(hours for hours in came if hours <= now)
    for hours in told:
        lived.pass_to(at(hours))
        lived.arrived("a", at(hours))
    lived.pass_to(at(now))

    started = Lateness([Every("a", 7)], {"a": at(told[-1]) if told else START}, at(now))
    started.pass_to(at(now))

    assert (started.missing, started.wake_at) == (lived.missing, lived.wake_at)


def test_what_never_came_is_waited_for_from_now_on() -> None:
    """Nobody was there to deliver or to miss what was due before; what is due and within its grace is waited for."""
    assert Lateness([Every("a", 24)], {}, at(24.2)).wake_at == at(24.5)
    assert Lateness([Every("a", 24)], {}, at(24.6)).wake_at == at(48.5)


def promise(**said: str) -> Promise:
    """Return a promise for six in the morning in Berlin, Monday to Friday."""
    return Promise(
        frozenset(range(5)), False, datetime.min.time().replace(hour=6), HOUR, ZoneInfo("Europe/Berlin"), **said
    )


def test_a_rhythm_of_days_follows_the_wall_clock() -> None:
    """Friday's data is due on Saturday at six in Berlin; the clocks go forward in the night to Sunday."""
    rhythm = Declared("a", "p", promise(), Days())
    found = rhythm.after(datetime.fromisoformat("2011-03-25T05:00:00+00:00"))

    assert [next(found).due_at.isoformat() for _ in range(2)] == [
        "2011-03-26T06:00:00+01:00",
        "2011-03-29T06:00:00+02:00",
    ]


def test_a_rhythm_of_cron_may_keep_to_working_days() -> None:
    """Every four hours, and on working days only where a calendar is named."""
    cron = Schedule(where=Where(""), cron="0 */4 * * *", zone="UTC")
    friday = datetime.fromisoformat("2011-03-04T19:00:00+00:00")
    always, worked = (
        Declared("a", "p", promise(cron=cron.cron), Days(), cron, is_worked_only=only) for only in (False, True)
    )

    assert [e.due_at.isoformat()[:16] for e, _ in zip(always.after(friday), range(2), strict=False)] == [
        "2011-03-04T20:00", "2011-03-05T00:00",
    ]  # fmt: skip
    assert [e.due_at.isoformat()[:16] for e, _ in zip(worked.after(friday), range(2), strict=False)] == [
        "2011-03-04T20:00", "2011-03-07T00:00",
    ]  # fmt: skip
