"""Intervals: the half-open spans of time that data is built, checked and published in."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from freehold.foundation import Exit, FreeholdError

GRAINS = ("hour", "day", "month")


class Interval(NamedTuple):
    """From `start` (included) to `end` (excluded); without a time zone, as the data itself counts.

    A tuple, because a run compares thousands of them with each other.
    """

    start: datetime
    end: datetime

    def __str__(self) -> str:
        if self.end - self.start == timedelta(days=1) and self.start == _midnight(self.start):
            return f"{self.start:%Y-%m-%d}"
        if self.start == _midnight(self.start) and self.end == _midnight(self.end):
            return f"{self.start:%Y-%m-%d}..{self.end - timedelta(days=1):%Y-%m-%d}"
        return f"{self.start:%Y-%m-%dT%H:%M}..{self.end:%Y-%m-%dT%H:%M}"

    def overlaps(self, other: Interval) -> bool:
        """Say whether the two share an instant."""
        return self.start < other.end and other.start < self.end

    def covers(self, other: Interval) -> bool:
        """Say whether the other lies wholly inside."""
        return self.start <= other.start and other.end <= self.end


def day(of: date) -> Interval:
    """Return the interval of one day."""
    start = datetime(of.year, of.month, of.day)  # noqa: DTZ001 - intervals carry no time zone
    return Interval(start, start + timedelta(days=1))


@lru_cache(maxsize=65_536)
def cell(instant: datetime, grain: str) -> Interval:
    """Return the hour, day or month an instant falls in."""
    if grain == "hour":
        start = instant.replace(minute=0, second=0, microsecond=0)
        return Interval(start, start + timedelta(hours=1))
    if grain == "month":
        start = _midnight(instant).replace(day=1)
        return Interval(start, (start + timedelta(days=32)).replace(day=1))
    return day(instant.date())


def hull(intervals: list[Interval]) -> Interval | None:
    """Return the smallest interval that covers all of them; None of none."""
    if not intervals:
        return None
    return Interval(min(i.start for i in intervals), max(i.end for i in intervals))


def parse_interval(text: str) -> Interval:
    """Read `2011-03-01` or `2011-03-01..2011-03-07`, the last day included.

    Raises:
        FreeholdError: FH-D001 the text is no interval, or it ends before it begins.
    """
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?", text.strip())
    try:
        if not found:
            raise ValueError(text)
        first = day(date.fromisoformat(found[1]))
        last = day(date.fromisoformat(found[2])) if found[2] else first
    except (ValueError, OverflowError):
        raise _no_interval(text) from None
    if last.end < first.end:
        raise FreeholdError(
            "FH-D001",
            f"The interval `{text}` ends before it begins.",
            fix=f"Write {found[2]}..{found[1]}.",
            exit_code=Exit.USAGE,
        )
    return Interval(first.start, last.end)


def _no_interval(text: str) -> FreeholdError:
    return FreeholdError(
        "FH-D001",
        f"`{text}` is no interval.",
        fix="Write a day (2011-03-01) or two with two dots between (2011-03-01..2011-03-07); the last day is included.",
        exit_code=Exit.USAGE,
    )


def _midnight(instant: datetime) -> datetime:
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)
