"""When data is due. What was expected and did not come counts; what nobody promised cannot be late."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from freehold.delivery.asset import Asset
from freehold.delivery.interval import Interval, day
from freehold.estate.calendars import Days, days_of, weekdays
from freehold.estate.durations import seconds
from freehold.estate.model import Calendar, Contract, Estate
from freehold.foundation import FreeholdError

MOST_DAYS = 400  # how far back expectations are told when a source is first seen


@dataclass(frozen=True, slots=True)
class Expected:
    """One delivery that was promised: the interval, when it is due, and when it counts as late."""

    asset: str
    interval: Interval
    due_at: datetime
    late_at: datetime


@dataclass(frozen=True, slots=True)
class Promise:
    """When data comes, as its contract says under `freehold:arrives` and `timeOfAvailability`.

    `cron`, of five fields, stands instead of days and a time; `calendar` is the estate's where the file names none.
    """

    days: frozenset[int]
    except_holidays: bool
    at: time
    grace: timedelta
    zone: ZoneInfo
    cron: str = ""
    calendar: str = ""

    def due_at(self, on: date) -> datetime:
        """Return when the data of a day is due: the next morning, or whenever the contract says."""
        return datetime.combine(on + timedelta(days=1), self.at, self.zone)


def promise_of(asset: Asset, estate: Estate) -> Promise | None:
    """Return when an asset comes by its contract, or None where nothing is said of it.

    Raises:
        FreeholdError: FH-D310 `freehold:arrives` or a time in it cannot be read.
    """
    return arrival_of(asset.id, asset.contract, estate)


def arrival_of(asset: str, contract: Contract | None, estate: Estate) -> Promise | None:
    """Return when an asset comes by a contract, or None where nothing is said of it.

    Raises:
        FreeholdError: FH-D310 `freehold:arrives` or a time in it cannot be read.
    """
    said = contract.custom.get("freehold:arrives") if contract else None
    if contract is None or not isinstance(said, Mapping):
        return None
    written = next((s.value for s in contract.sla if s.property == "timeOfAvailability"), "06:00")
    try:
        zone = ZoneInfo(str(said.get("timezone") or estate.defaults.get("timezone", "UTC")))
        return Promise(
            days=weekdays(str(said.get("days", "mon-sun"))),
            except_holidays=said.get("except") == "holidays",
            at=time.fromisoformat(str(written)),
            grace=duration(str(said.get("grace", "0m"))),
            zone=zone,
            cron=str(said.get("cron", "")),
            calendar=str(said.get("calendar") or estate.defaults.get("calendar", "")),
        )
    except (ValueError, KeyError) as error:
        raise FreeholdError(
            "FH-D310",
            f"When `{asset}` arrives cannot be read: {error}.",
            where=contract.where,
            fix='Write value: {days: mon-fri, except: holidays, grace: 30m} and timeOfAvailability: "06:30".',
        ) from error


def expected(
    asset: Asset, promise: Promise, calendar: Calendar | None, since: date, now: datetime
) -> Iterator[Expected]:
    """Return every delivery that was due between a day and now, in order."""
    first = max(since, (now - timedelta(days=MOST_DAYS)).date())
    last = now.astimezone(promise.zone).date()
    return takewhile(lambda e: e.due_at <= now, each_day(asset.id, promise, days_of(calendar), first, last))


def each_day(asset: str, promise: Promise, days: Days, first: date, last: date) -> Iterator[Expected]:
    """Yield the deliveries of the days from one to another, both included, in order."""
    for ahead in range((last - first).days + 1):
        on = first + timedelta(days=ahead)
        if on.weekday() in promise.days and not (promise.except_holidays and _is_closed(days, on)):
            due = promise.due_at(on)
            yield Expected(asset, day(on), due, due + promise.grace)


def late(due: Iterator[Expected], arrived: Collection[Interval | None], now: datetime) -> tuple[Expected, ...]:
    """Return what should be there by now and is not."""
    return tuple(e for e in due if e.late_at <= now and e.interval not in arrived)


def duration(text: str) -> timedelta:
    """Read `30m`, `8h` or `2d`.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"(\d+)\s*([a-zA-Z]+)", text.strip())
    length = seconds(found[1], found[2]) if found else None
    if length is None:
        raise ValueError(f"`{text}` is no duration like 30m, 8h or 2d")
    return timedelta(seconds=float(length))


def _is_closed(days: Days, on: date) -> bool:
    return days.freeze_on(on) is not None or days.is_holiday(on)
