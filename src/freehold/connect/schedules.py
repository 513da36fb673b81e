"""When a schedule was due: cron expressions and steady intervals, as orchestrators tell of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = ({name: n for n, name in enumerate(_MONTHS, start=1)}, {name: n for n, name in enumerate(_WEEKDAYS)})
_PART = re.compile(r"(?P<from>\*|\w+)(?:-(?P<to>\w+))?(?:/(?P<step>\d+))?")


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields, in a time zone.

    Attributes:
        minutes, hours, days, months, weekdays: what each field takes; Sunday is 0.
        either: whether a day counts that one of the two fields of days takes, since neither of them begins with `*`.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Cron:
        """Read an expression or a preset such as `@daily`.

        Raises:
            ValueError: it is neither, or says what only some dialects of cron know; or there is no such zone.
        """
        fields = PRESETS.get(text.strip().lower(), text).lower().split()
        if len(fields) != len(_BOUNDS):
            raise ValueError(f"`{text}` has not five fields")
        minutes, hours, days, months, weekdays = (_taken(field, n) for n, field in enumerate(fields))
        either = not fields[2].startswith("*") and not fields[4].startswith("*")
        try:
            found = ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"`{zone}` is no time zone") from error
        weekdays = frozenset(day % 7 for day in weekdays)
        return cls(tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays, either, found)

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the instants at which it was due from one instant to another, both included, in UTC.

        A time that a change of clocks leaves out is due when the clocks have changed; one that comes twice is due once.
        """
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        while day <= last:
            if self._takes(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        due = datetime.combine(day, time(hour, minute), self.zone).astimezone(UTC)
                        if start <= due <= end:
                            yield due
            day += timedelta(days=1)

    def _takes(self, day: date) -> bool:
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((by_day or by_weekday) if self.either else (by_day and by_weekday))


@dataclass(frozen=True, slots=True)
class Steady:
    """Due every so often, counted from an instant at which it was."""

    every: timedelta
    since: datetime

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the instants at which it was due from one instant to another, both included."""
        due = self.since + -((self.since - start) // self.every) * self.every
        while due <= end:
            if due >= start:
                yield due
            due += self.every


def _taken(field: str, number: int) -> frozenset[int]:
    """Return the numbers that a field takes."""
    low, high = _BOUNDS[number]
    taken: set[int] = set()
    for part in field.split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(f"`{part}` is no part of a cron expression")
        first = low if found["from"] == "*" else _number(found["from"], number)
        last = high if found["from"] == "*" or (found["step"] and not found["to"]) else first
        last = _number(found["to"], number) if found["to"] else last
        step = int(found["step"] or 1)
        if not (low <= first <= last <= high and step):
            raise ValueError(f"`{part}` is out of bounds, {low} to {high}")
        taken.update(range(first, last + 1, step))
    return frozenset(taken)


def _number(text: str, field: int) -> int:
    names = _NAMES[field - 3] if field >= 3 else {}
    if text in names:
        return names[text]
    if not text.isdigit():
        raise ValueError(f"`{text}` is no number")
    return int(text)
