"""Which periods follow from which, and whether a stretch of time begins and ends where periods do."""

from __future__ import annotations

from datetime import date, datetime, time

from freehold.metrics.timing import Calendar

_OF_MONTHS = ("month", "quarter", "year", "fiscal_quarter", "fiscal_year")
_LENGTHS = {"hour": 0, "day": 1, "week": 2, "month": 3, "quarter": 4, "fiscal_quarter": 4, "year": 5, "fiscal_year": 5}
_ALL_STARTS = tuple(date(2023, month, 1) for month in range(1, 13))


def follows_from(kept: str, wanted: str, calendar: Calendar) -> bool:
    """Whether each period of a kept grain lies within one period of the wanted grain.

    Days make up all others but hours. Weeks make up nothing but weeks. Months make up what begins with a month, and
    quarters and years each other where the calendar begins them on the same months.
    """
    if kept == wanted:
        return True
    if _LENGTHS[kept] >= _LENGTHS[wanted] and not _is_same_start(kept, wanted, calendar):
        return False
    if kept in ("hour", "day"):
        return wanted != "hour"
    if kept not in _OF_MONTHS or wanted not in _OF_MONTHS:
        return False
    begins = [first for first in _ALL_STARTS if calendar.start_of(wanted, first) == first]
    return all(calendar.start_of(kept, first) == first for first in begins)


def _is_same_start(kept: str, wanted: str, calendar: Calendar) -> bool:
    """Whether two grains of one length are the same periods, as the quarters of a year that begins in April."""
    if _LENGTHS[kept] != _LENGTHS[wanted]:
        return False
    return all(calendar.start_of(kept, first) == calendar.start_of(wanted, first) for first in _ALL_STARTS)


def is_boundary(grain: str, instant: datetime, calendar: Calendar) -> bool:
    """Whether a period of a grain begins at a local instant."""
    if grain == "hour":
        return instant == instant.replace(minute=0, second=0, microsecond=0)
    return instant.time() == time.min and calendar.start_of(grain, instant.date()) == instant.date()
