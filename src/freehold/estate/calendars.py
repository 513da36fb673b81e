"""What a Calendar file says about days: which are worked, which are holidays, when nothing may be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import cache, lru_cache
from typing import Any

from freehold.estate.model import Calendar

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALL_DAY = (time.min, time.min)  # from midnight to midnight


@dataclass(frozen=True, slots=True)
class Freeze:
    """A span of days, both included, in which nothing is changed."""

    first: date
    last: date
    reason: str

    def holds_on(self, on: date) -> bool:
        """Whether the day lies within it."""
        return self.first <= on <= self.last


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a calendar. `hours` are those of a working day; equal ends mean from midnight to midnight."""

    working: frozenset[int] = frozenset(range(5))
    hours: tuple[time, time] = ALL_DAY
    country: str = ""
    subdivision: str = ""
    freezes: tuple[Freeze, ...] = ()

    def is_holiday(self, on: date) -> bool:
        """Whether the day is a public holiday there."""
        return bool(self.country) and on in _holidays(self.country, self.subdivision, on.year)

    def is_worked(self, on: date) -> bool:
        """Whether people work on the day: a working day and no holiday. A freeze stops changes, not people."""
        return on.weekday() in self.working and not self.is_holiday(on)

    def freeze_on(self, on: date) -> Freeze | None:
        """Return the freeze that holds on a day, if one does."""
        return next((f for f in self.freezes if f.holds_on(on)), None)


def days_of(calendar: Calendar | None) -> Days:
    """Return the days of a calendar as its file says; without one, Monday to Friday around the clock."""
    if calendar is None:
        return Days()
    spec = calendar.spec
    said = spec.get("working_days", "mon-fri")
    return Days(
        working=weekdays(said if isinstance(said, str) else ",".join(said)),
        hours=_hours(spec.get("hours")),
        country=str(spec.get("country") or ""),
        subdivision=str(spec.get("subdivision") or ""),
        freezes=_freezes(spec.get("freeze") or ()),
    )


def weekdays(text: str) -> frozenset[int]:
    """Read `mon-fri`, `sat-mon` or `mon,wed` as numbers, Monday 0.

    Raises:
        ValueError: a word is no day of the week.
    """
    chosen: set[int] = set()
    for part in text.replace(" ", "").lower().split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last and last not in _DAYS):
            raise ValueError(f"`{part}` is no day of the week (mon to sun)")
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        chosen.update(d % 7 for d in range(start, end + 1 if end >= start else end + 8))
    return frozenset(chosen)


def _hours(said: str | None) -> tuple[time, time]:
    first, _, last = (said or "").partition("-")
    return (time.fromisoformat(first), time.fromisoformat(last)) if said else ALL_DAY


def _freezes(said: Sequence[Mapping[str, Any]]) -> tuple[Freeze, ...]:
    return tuple(
        Freeze(date.fromisoformat(one["from"]), date.fromisoformat(one["to"]), str(one.get("reason") or ""))
        for one in said
    )


@cache
def places_with_holidays() -> Mapping[str, Sequence[str]]:
    """Return the countries whose holidays are known, by their code, each with its parts."""
    import holidays

    return {code: tuple(parts) for code, parts in holidays.list_supported_countries(include_aliases=True).items()}


@lru_cache(maxsize=64)
def _holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    import holidays

    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
