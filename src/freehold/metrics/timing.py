"""Grains, periods and calendars: how an instant becomes the period it lies in, as SQL and as dates.

Weeks begin on Monday and years in January unless a calendar says otherwise. A period is a number of months, or of
days, or of hours; months differ in length, so the three do not convert into each other.
"""

from __future__ import annotations

import calendar as months
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlglot import exp

from freehold.foundation import FreeholdError, Where, near

GRAINS = ("hour", "day", "week", "month", "quarter", "year")
FISCAL = ("fiscal_quarter", "fiscal_year")
_MONTHS = {"month": 1, "quarter": 3, "year": 12, "fiscal_quarter": 3, "fiscal_year": 12}
_UNITS = {
    "h": ("hours", 1), "hour": ("hours", 1), "d": ("days", 1), "day": ("days", 1), "w": ("days", 7),
    "week": ("days", 7), "mo": ("months", 1), "month": ("months", 1), "q": ("months", 3), "quarter": ("months", 3),
    "y": ("months", 12), "year": ("months", 12),
}  # fmt: skip
_PERIOD = re.compile(r"\s*(\d{1,6})\s*([a-zA-Z]+)\s*")
_DAY = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d)?)?)?)?")  # a zone has --timezone to be said in
_YEARS = range(1001, 8999)  # whatever length of time is added or taken away, there is a day of that name
_LONGEST = {"months": 12_000, "days": 366_000, "hours": 8_784_000}  # a thousand years


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time in one unit; the other two are 0."""

    months: int = 0
    days: int = 0
    hours: int = 0

    def __str__(self) -> str:
        unit, amount = self.unit
        return f"{amount} {unit.removesuffix('s') if amount == 1 else unit}"

    @property
    def unit(self) -> tuple[str, int]:
        """The unit (`months`, `days` or `hours`) and how many of it."""
        for name in ("months", "days", "hours"):
            if amount := getattr(self, name):
                return name, amount
        return "days", 0

    def __add__(self, other: Period) -> Period:
        """Add a period of the same unit.

        Raises:
            ValueError: the units differ.
        """
        if self.unit[0] != other.unit[0] and self.unit[1] and other.unit[1]:
            raise ValueError(f"{self} and {other}")
        return Period(self.months + other.months, self.days + other.days, self.hours + other.hours)

    def before(self, instant: datetime) -> datetime:
        """Return the instant that lies this long before; the last day of a month where it has fewer days."""
        if not self.months:
            return instant - timedelta(days=self.days, hours=self.hours)
        index = instant.year * 12 + instant.month - 1 - self.months
        year, month = index // 12, index % 12 + 1
        return instant.replace(year=year, month=month, day=min(instant.day, months.monthrange(year, month)[1]))

    def after(self, instant: datetime) -> datetime:
        """Return the instant that lies this long after."""
        return Period(months=-self.months, days=-self.days, hours=-self.hours).before(instant)

    def keeps_whole(self, grain: str) -> bool:
        """Whether shifting by it maps each period of a grain to exactly one other."""
        if grain in _MONTHS:
            return self.months > 0 and self.months % _MONTHS[grain] == 0
        if grain == "week":
            return self.days > 0 and self.days % 7 == 0
        return self.days > 0 or (grain == "hour" and self.hours > 0)


def period(text: str, where: Where | None = None) -> Period:
    """Read `28d`, `1 month`, `2 weeks`.

    Raises:
        FreeholdError: FH-N104 it is no length of time.
    """
    match = _PERIOD.fullmatch(str(text))
    word = match[2].lower() if match else ""
    unit = _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))
    amount = int(match[1]) * unit[1] if match and unit else 0
    if not match or not unit or not amount or amount > _LONGEST[unit[0]]:
        meant = near(word, [*_UNITS, *(f"{u}s" for u in _UNITS if len(u) > 2)]) if match and not unit else ""
        raise FreeholdError(
            "FH-N104", f"`{text}` is no length of time.", where=where,
            fix=meant or "Write a number of hours, days, weeks, months, quarters or years, such as 28d or `1 month`.",
        )  # fmt: skip
    return Period(**{unit[0]: amount})


@dataclass(frozen=True, slots=True)
class Calendar:
    """When years and weeks begin, and the zone days are counted in (None: as the data has them)."""

    fiscal_start: int = 1  # month, 1 to 12
    week_start: int = 0  # 0 is Monday
    zone: str | None = None

    def step(self, grain: str) -> Period:
        """Return the length of one period of a grain."""
        if grain in _MONTHS:
            return Period(months=_MONTHS[grain])
        return Period(hours=1) if grain == "hour" else Period(days=7 if grain == "week" else 1)

    def start_of(self, grain: str, day: date) -> date:
        """Return the first day of the period a day lies in; `hour` counts as `day`."""
        if grain in ("hour", "day"):
            return day
        if grain == "week":
            return day - timedelta(days=(day.weekday() - self.week_start) % 7)
        length, shift = _MONTHS[grain], self._shift(grain)
        index = day.year * 12 + day.month - 1 - shift
        index = index - index % length + shift
        return date(index // 12, index % 12 + 1, 1)

    def trunc(self, grain: str, instant: exp.Expr, *, of_days: bool = False) -> exp.Expr:
        """Return SQL for the start of the period an instant (a local timestamp, or a date) lies in.

        It is a DATE for all grains but `hour`, which gives a TIMESTAMP.
        """
        if grain == "hour":
            return exp.TimestampTrunc(this=instant, unit=exp.var("HOUR"))
        if grain == "day":
            return instant if of_days else as_date(instant)
        if grain == "week":
            return self._trunc_week(instant)
        shift, unit = self._shift(grain), grain.removeprefix("fiscal_")
        start: exp.Expr = instant
        if shift:
            start = plus(start, Period(months=-shift))
        start = exp.TimestampTrunc(this=as_timestamp(start), unit=exp.var(unit.upper()))
        return as_date(plus(start, Period(months=shift)) if shift else start)

    def _trunc_week(self, instant: exp.Expr) -> exp.Expr:
        shift = self.week_start
        start = plus(instant, Period(days=-shift)) if shift else instant
        start = exp.TimestampTrunc(this=as_timestamp(start), unit=exp.var("WEEK"))
        return as_date(plus(start, Period(days=shift)) if shift else start)

    def _shift(self, grain: str) -> int:
        """Return how many months after January the first year (or quarter) of a grain begins."""
        if grain == "fiscal_year":
            return self.fiscal_start - 1
        return (self.fiscal_start - 1) % 3 if grain == "fiscal_quarter" else 0


def as_date(value: exp.Expr) -> exp.Expr:
    """Return a cast to DATE."""
    return exp.Cast(this=value, to=exp.DataType.build("date"))


def as_timestamp(value: exp.Expr) -> exp.Expr:
    """Return a cast to a timestamp without zone: truncating a date or an instant would go by the session's zone."""
    return exp.Cast(this=value, to=exp.DataType.build("timestamp"))


def plus(value: exp.Expr, length: Period) -> exp.Expr:
    """Return SQL for a date or timestamp moved by a period; a negative one goes back. Engines give a timestamp."""
    unit, amount = length.unit
    kind = exp.DateAdd if amount >= 0 else exp.DateSub
    return kind(this=value, expression=exp.Literal.number(abs(amount)), unit=exp.var(unit.removesuffix("s").upper()))


def grain_named(word: str) -> str | None:
    """Return the grain a word names (`month`, `monthly`, `months`), or None."""
    lower = word.lower()
    for name in (*GRAINS, *FISCAL):
        if lower in (name, f"{name}s", f"{name}ly") or (name == "day" and lower == "daily"):
            return name
    return None


def instant(text: str | date | datetime, what: str) -> datetime:
    """Read a day or an instant without zone: `2011-03`, `2011-03-07`, `2011-03-07T06:00`.

    Raises:
        FreeholdError: FH-N105 it is neither.
    """
    if isinstance(text, datetime):
        return text.replace(tzinfo=None)
    if isinstance(text, date):
        return datetime.combine(text, time.min)
    full = text + {4: "-01-01", 7: "-01"}.get(len(text), "")
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)
        read = datetime.fromisoformat(full)
        if read.year not in _YEARS:
            raise ValueError(text)
    except ValueError as error:
        raise FreeholdError(
            "FH-N105", f"{what} `{text}` is no day.", fix="Write 2011-03-07, 2011-03 or 2011-03-07T06:00.",
        ) from error  # fmt: skip
    return read
