"""Calendars: which days are worked, and what has the form of hours or days and is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import pytest

from freehold.estate import load_estate
from freehold.estate.calendars import Days, days_of, weekdays
from freehold.estate.model import Calendar
from freehold.foundation import Problems, Where

HEAD = "apiVersion: freehold.dev/v1\nkind: Calendar\nmetadata: {id: odd}\n"


def test_a_calendar_says_which_days_are_worked() -> None:
    """Holidays and weekends are not worked; in a freeze people work, and change nothing."""
    freeze = [{"from": "2011-12-19", "to": "2011-12-27", "reason": "Christmas trading"}]
    days = days_of(Calendar("england", Where(""), {
        "country": "GB", "subdivision": "ENG", "working_days": "mon-fri", "hours": "09:00-17:30", "freeze": freeze,
    }))  # fmt: skip

    assert days.hours == (time(9), time(17, 30))
    worked = {on: days.is_worked(on) for on in (date(2011, 12, 19), date(2011, 12, 24), date(2011, 12, 27))}
    assert list(worked.values()) == [True, False, False]
    frozen = days.freeze_on(date(2011, 12, 27))
    assert frozen is not None
    assert frozen.reason == "Christmas trading"
    assert days.freeze_on(date(2011, 12, 28)) is None


def test_without_a_calendar_monday_to_friday_are_worked() -> None:
    """What no file says is the usual week, around the clock."""
    assert days_of(None) == Days()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat-mon", {5, 6, 0}),
        ("mon,wed", {0, 2}),
        ("Sun", {6}),
        ("mon-sun", set(range(7))),
    ],
)
def test_days_of_the_week_are_read(text: str, expected: set[int]) -> None:
    """Spans may go over the weekend."""
    assert weekdays(text) == expected


@pytest.mark.parametrize(
    ("spec", "column", "problem"),
    [
        ('hours: "25:00-26:00"', 15, "`25:00-26:00` are no hours of a day."),
        ('hours: "09:00-09:00"', 15, "`09:00-09:00` are no hours of a day."),
        ("freeze: [{from: 2011-02-30, to: 2011-03-01}]", 24, "`from: 2011-02-30` is no day of any calendar."),
    ],
)
def test_what_is_no_hour_and_no_day_is_told(
    write: Callable[[dict[str, str]], Path], spec: str, column: int, problem: str
) -> None:
    """A text of the right form that names nothing is an error with its place."""
    with pytest.raises(Problems) as caught:
        load_estate(write({"odd.yaml": f"{HEAD}spec: {{{spec}}}\n"}), cache=False)

    (error,) = caught.value.errors
    assert (error.code, error.problem, str(error.where)) == ("FH-V105", problem, f"odd.yaml:4:{column}")
