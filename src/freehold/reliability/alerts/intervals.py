"""Stretches of time in which nobody is notified, or only then: `time_intervals`, as Alertmanager reads them."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

_WEEK = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")  # a week begins on Sunday there
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_DAY = 24 * 60

Range = tuple[int, int]  # both ends are in it


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time: an instant is in it where it is in one of each of these; what is empty takes all.

    Attributes:
        times: minutes of the day, from the first up to before the second.
        days_of_month: below 0 they count from the end: -1 is the last day.
    """

    zone: ZoneInfo
    times: tuple[tuple[int, int], ...] = ()
    weekdays: tuple[Range, ...] = ()
    days_of_month: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()

    def holds(self, instant: datetime) -> bool:
        """Whether an instant is in it."""
        here = instant.astimezone(self.zone)
        minute = here.hour * 60 + here.minute
        return (
            (not self.times or any(start <= minute < end for start, end in self.times))
            and _within(self.weekdays, here.isoweekday() % 7)
            and (not self.days_of_month or any(_on(here.date(), days) for days in self.days_of_month))
            and _within(self.months, here.month)
            and _within(self.years, here.year)
        )


def interval_from(said: Mapping[str, Any], zone: str) -> Interval:
    """Read one; `zone` counts where it names none by `location`.

    Raises:
        ValueError: a part of it cannot be read; says which.
    """
    try:
        place = ZoneInfo(str(said.get("location") or zone))
    except (KeyError, OSError, ValueError):
        raise ValueError(f"`{said.get('location')}` is no time zone") from None
    return Interval(
        zone=place,
        times=tuple(_times(one["start_time"], one["end_time"]) for one in said.get("times", ())),
        weekdays=tuple(_named(one, _WEEK, 0) for one in said.get("weekdays", ())),
        days_of_month=tuple(_days(str(one)) for one in said.get("days_of_month", ())),
        months=tuple(_named(str(one), _MONTHS, 1) for one in said.get("months", ())),
        years=tuple(_numbers(str(one)) for one in said.get("years", ())),
    )


def _within(ranges: tuple[Range, ...], value: int) -> bool:
    return not ranges or any(first <= value <= last for first, last in ranges)


def _on(day: date, days: Range) -> bool:
    """Whether a day of a month is among some, which are cut to the days there are."""
    length = monthrange(day.year, day.month)[1]
    first, last = (one if one > 0 else length + one + 1 for one in days)
    return max(first, 1) <= day.day <= min(last, length)


def _times(start: str, end: str) -> tuple[int, int]:
    found = _minute(start), _minute(end)
    if found[0] >= found[1]:
        raise ValueError(f"`{start}` to `{end}` ends before it begins: say {start} to 24:00, and 00:00 to {end}")
    return found


def _minute(text: str) -> int:
    if text == "24:00":
        return _DAY
    at = time.fromisoformat(text)
    return at.hour * 60 + at.minute


def _named(text: str, names: tuple[str, ...], begins: int) -> Range:
    first, _, last = text.lower().partition(":")
    found = tuple(_number_of(one, names, begins) for one in (first, last or first))
    if found[0] > found[1]:
        raise ValueError(f"`{text}` ends before it begins")
    return found[0], found[1]


def _number_of(text: str, names: tuple[str, ...], begins: int) -> int:
    if text in names:
        return names.index(text) + begins
    if text.isdigit() and begins and begins <= int(text) < begins + len(names):
        return int(text)
    raise ValueError(f"`{text}` is none of {', '.join(names)}")


def _days(text: str) -> Range:
    first, _, last = text.partition(":")
    found = _whole(first, text), _whole(last or first, text)
    if 0 in found or max(map(abs, found)) > 31:
        raise ValueError(f"`{text}`: days of a month are 1 to 31, or -1 to -31 from its end")
    if found[0] < 0 < found[1] or ((found[0] > 0) is (found[1] > 0) and found[0] > found[1]):
        raise ValueError(f"`{text}` ends before it begins")
    return found


def _numbers(text: str) -> Range:
    first, _, last = text.partition(":")
    found = _whole(first, text), _whole(last or first, text)
    if found[0] > found[1]:
        raise ValueError(f"`{text}` ends before it begins")
    return found


def _whole(text: str, of: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"`{of}` is no range of numbers, such as 1:5") from None
