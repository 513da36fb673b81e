"""Reporting periods: what a name such as `2011-03` or `2011-Q2` means in a time zone, and which one was before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from freehold.foundation import Exit, FreeholdError, near
from freehold.foundation.times import time_zones
from freehold.metrics.timing import Calendar

_NAMES = (
    ("year", re.compile(r"(\d{4})")),
    ("quarter", re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)),
    ("month", re.compile(r"(\d{4})-(\d\d)")),
    ("week", re.compile(r"(\d{4})-?W(\d\d)", re.IGNORECASE)),
    ("day", re.compile(r"(\d{4}-\d\d-\d\d)")),
)
_RANGE = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)")
_A_DAY = timedelta(days=1)
_EARLIEST = "1900"  # before it nobody recorded anything, and what was before the year 1 cannot be said
GRAINS = ("day", "week", "month", "quarter", "year")
GRAIN_OF = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, not including, `end`; both aware. `grain` is empty for one that is no calendar's."""

    start: datetime
    end: datetime
    name: str = ""
    grain: str = ""

    @classmethod
    def month(cls, year: int, month: int, zone: str = "UTC") -> Period:
        """Return a calendar month."""
        return holding(date(year, month, 1), "month", zone)

    def __str__(self) -> str:
        return self.name or f"{self.start.isoformat()}..{self.end.isoformat()}"

    def is_closed(self, known: datetime) -> bool:
        """Whether all of it has passed."""
        return self.end <= known


def holding(day: date, grain: str, zone: str = "UTC") -> Period:
    """Return the period of a grain in which a day lies."""
    calendar = Calendar()
    first = calendar.start_of(grain, day)
    step = calendar.step(grain)
    index = first.year * 12 + first.month - 1 + step.months
    last = first + timedelta(days=step.days) if step.days else date(index // 12, index % 12 + 1, 1)
    return Period(_midnight(first, zone), _midnight(last, zone), _name(first, grain), grain)


def period_named(text: str, zone: str = "UTC") -> Period:
    """Return the period a name means: 2011, 2011-Q2, 2011-03, 2011-W09, 2011-03-07, 2011-03-01..2011-03-14.

    Raises:
        FreeholdError: FH-K004 it is no period.
    """
    try:
        if ends := _RANGE.fullmatch(text):
            first, last = (date.fromisoformat(end) for end in ends.groups())
            if first <= last and text >= _EARLIEST:
                return Period(_midnight(first, zone), _midnight(last + _A_DAY, zone), text)
        for grain, pattern in _NAMES:
            if (found := pattern.fullmatch(text)) and text >= _EARLIEST:
                return holding(_first_day(grain, *found.groups()), grain, zone)
    except (ValueError, OverflowError):
        pass  # a month 13, a week 60
    raise FreeholdError(
        "FH-K004", f"`{text}` is no period.",
        fix="Write 2011, 2011-Q2, 2011-03, 2011-W09, 2011-03-07 or 2011-03-01..2011-03-14.", exit_code=Exit.USAGE,
    )  # fmt: skip


def last_periods(period: Period, count: int, zone: str = "UTC") -> tuple[Period, ...]:
    """Return as many periods of one kind, in order, of which the given one is the last.

    Raises:
        FreeholdError: FH-K004 the period is no calendar's, so that nobody knows which was before it.
    """
    if count > 1 and not period.grain:
        raise FreeholdError(
            "FH-K004", f"What was before `{period}` is not known.", fix="Ask for a day, week, month, quarter or year.",
            exit_code=Exit.USAGE,
        )  # fmt: skip
    found = [period]
    while len(found) < count:
        before = (found[0].start.astimezone(ZoneInfo(zone)) - _A_DAY / 2).date()
        found.insert(0, holding(before, period.grain, zone))
    return tuple(found)


def ending_before(moment: datetime, grain: str, zone: str = "UTC") -> Period:
    """Return the last period of a grain that was over at a moment."""
    last = moment.astimezone(ZoneInfo(zone)) - timedelta(microseconds=1)  # at the end of a month, that month is meant
    running = holding(last.date(), grain, zone)
    return running if running.is_closed(moment) else last_periods(running, 2, zone)[0]


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        FreeholdError: FH-K006 there is none of that name; near ones are told.
    """
    if name not in time_zones():
        fix = near(name, time_zones()) or "Use an IANA name such as Europe/London."
        raise FreeholdError("FH-K006", f"There is no time zone `{name}`.", fix=fix, exit_code=Exit.USAGE)
    return ZoneInfo(name)


def _first_day(grain: str, first: str, second: str = "1") -> date:
    if grain == "day":
        return date.fromisoformat(first)
    if grain == "week":
        return date.fromisocalendar(int(first), int(second), 1)
    return date(int(first), int(second) * 3 - 2 if grain == "quarter" else int(second), 1)


def _name(first: date, grain: str) -> str:
    if grain == "week":
        year, week, _ = first.isocalendar()
        return f"{year}-W{week:02}"
    if grain == "quarter":
        return f"{first.year}-Q{first.month // 3 + 1}"
    return first.isoformat()[: {"year": 4, "month": 7}.get(grain, 10)]


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)
