"""When data comes, as its arrivals teach: on which days, by which hour, with which grace. A proposal, never a promise.

A day is expected on which data came in three of five of the last six weeks; the hour is that by which 95 of 100
arrivals had come, and the grace twice their spread. Where the last five came at another hour than those before, the
hour has moved, and only they count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from freehold.delivery.arrival import Promise, each_day
from freehold.estate.calendars import Days
from freehold.foundation import Exit, FreeholdError

LEAST = 15  # arrivals, of as many days, from which on something can be said
WEEKS, OFTEN = 6, 0.6
RECENT, NEWEST, SHIFT = 25, 5, timedelta(hours=2)
QUANTILE = 0.95
_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY, _ROUND = timedelta(days=1), timedelta(minutes=5)
_LEAST_GRACE = timedelta(minutes=30)
_MAD = 1.4826  # of a normal distribution, a median absolute deviation is a standard deviation


@dataclass(frozen=True, slots=True)
class Learned:
    """When data of one data set comes, by its arrivals.

    Attributes:
        days: of the data, Monday 0: what comes on a Tuesday morning is Monday's.
        at: by when, in the zone; `grace`: how much later it is still in time.
        except_holidays: whether nothing came on most holidays that a day was expected on.
        arrivals: of how many days it was learned; `expected`: how many would have been due in that time, and `late` how
            many of those would have been told as late.
    """

    days: frozenset[int]
    at: time
    grace: timedelta
    except_holidays: bool
    zone: ZoneInfo
    arrivals: int
    expected: int
    late: int

    @property
    def arrives(self) -> dict[str, Any]:
        """The value of `freehold:arrives`."""
        said: dict[str, Any] = {"days": _spelled(self.days)}
        if self.except_holidays:
            said["except"] = "holidays"
        minutes = self.grace // timedelta(minutes=1)
        return {**said, "grace": f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"}


def learn(asset: str, arrivals: Sequence[datetime], zone: ZoneInfo, days: Days) -> Learned:
    """Return when data comes.

    Args:
        asset: whose data it is.
        arrivals: instants, in any order; of a day the first counts, since what follows corrects it.
        zone: of the wall clock that it comes by.
        days: of the calendar whose holidays are meant.

    Raises:
        FreeholdError: FH-E314 it came too seldom, too often, or on no day often enough.
    """
    local = sorted(at.astimezone(zone) for at in arrivals)
    cut = _quietest(local)
    first: dict[date, timedelta] = {}  # of each day that begins at the quietest hour, how long after its midnight
    for one in local:
        wall = one.replace(tzinfo=None)
        on = (wall - cut).date()
        first.setdefault(on, wall - datetime.combine(on, time.min))
    if len(first) < LEAST:
        raise _unknown(asset, f"it came on {len(first)} days, and it takes {LEAST}")
    if len(local) > 2 * len(first):
        raise _unknown(asset, "it comes several times a day, which `cron` could say")
    by, grace = _hour(list(first.values()))
    after = _DAY if by < _DAY else timedelta()  # what a day's data is due by is a time of the next morning
    held = {on - after for on in first}
    weekdays, is_except = _weekdays(held, days)
    if not weekdays:
        raise _unknown(asset, "it comes on no day of the week in three of five weeks")
    promise = Promise(weekdays, is_except, (datetime.combine(min(held), time.min) + by % _DAY).time(), grace, zone)
    due = [e.interval.start.date() + after for e in each_day(asset, promise, days, min(held), max(held))]
    late = sum(on not in first or first[on] > by + grace for on in due)
    return Learned(weekdays, promise.at, grace, is_except, zone, len(first), len(due), late)


def _quietest(local: Sequence[datetime]) -> timedelta:
    """Return midnight where data comes well away from it, else the middle of the longest time of day without data."""
    if not local:
        return timedelta()
    hours = sorted({at.hour * 60 + at.minute for at in local})
    gaps = [(after - before, before) for before, after in zip(hours, [*hours[1:], hours[0] + 1440], strict=True)]
    longest, before = max(gaps)
    if gaps[-1][0] >= 120:
        return timedelta()
    return timedelta(minutes=(before + longest // 2) % 1440)


def _hour(times: list[timedelta]) -> tuple[timedelta, timedelta]:
    """Return by when it comes, and the grace, in steps of five minutes."""
    seconds = np.array([one.total_seconds() for one in times[-RECENT:]])
    if abs(np.median(seconds) - np.median(seconds[-NEWEST:])) >= SHIFT.total_seconds():
        seconds = seconds[-NEWEST:]
    by = timedelta(seconds=float(np.quantile(seconds, QUANTILE)))
    spread = timedelta(seconds=float(2 * _MAD * np.median(np.abs(seconds - np.median(seconds)))))
    return _up(by), max(_LEAST_GRACE, _up(spread))


def _weekdays(held: set[date], days: Days) -> tuple[frozenset[int], bool]:
    """Return the days of the week on which data is expected, and whether holidays are none of them."""
    last = max(held)
    recent = {on for on in held if last - on < WEEKS * 7 * _DAY}
    lately = [last - n * _DAY for n in range(WEEKS * 7)]
    found = frozenset(
        weekday
        for weekday in range(7)
        if (asked := [on for on in lately if on.weekday() == weekday and not days.is_holiday(on)])
        and sum(on in recent for on in asked) / len(asked) >= OFTEN
    )
    everything = (min(held) + n * _DAY for n in range((last - min(held)).days + 1))
    holidays = [on for on in everything if on.weekday() in found and days.is_holiday(on)]
    return found, bool(holidays) and sum(on in held for on in holidays) < len(holidays) / 2


def _up(length: timedelta) -> timedelta:
    return -(-length // _ROUND) * _ROUND


def _spelled(days: frozenset[int]) -> str:
    """Write days as contracts do: `mon-fri`, `sun-thu`, `mon,wed`."""
    if len(days) == 7:
        return "mon-sun"
    for start in days:
        if (start - 1) % 7 not in days and {(start + n) % 7 for n in range(len(days))} == days and len(days) > 1:
            return f"{_NAMES[start]}-{_NAMES[(start + len(days) - 1) % 7]}"
    return ",".join(_NAMES[day] for day in sorted(days))


def _unknown(asset: str, why: str) -> FreeholdError:
    return FreeholdError(
        "FH-E314", f"When {asset} comes cannot be learned: {why}.", exit_code=Exit.FINDING,
        fix="Wait for more arrivals, or write `freehold:arrives` by hand: `freehold schema DataContract`.",
    )  # fmt: skip
