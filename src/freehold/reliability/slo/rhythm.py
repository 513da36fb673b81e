"""When data of an asset is due, as its contract says: on days by an hour, or at the times of a cron expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import dropwhile
from typing import TYPE_CHECKING

from freehold.delivery.arrival import Expected, Promise, each_day, promise_of
from freehold.delivery.interval import day
from freehold.estate.calendars import Days, days_of
from freehold.estate.schedules import HORIZON, Schedule, due_times

if TYPE_CHECKING:
    from freehold.delivery.asset import Asset
    from freehold.estate.model import Estate


@dataclass(frozen=True, slots=True)
class Declared:
    """The rhythm that a contract declares."""

    asset: str
    product: str
    promise: Promise
    days: Days
    schedule: Schedule | None = None  # where the promise is a cron expression
    is_worked_only: bool = False  # whether that holds on the working days of a calendar only

    def after(self, instant: datetime) -> Iterator[Expected]:
        """Yield the deliveries that are due after an instant, in order."""
        if self.schedule is None:
            first = instant.astimezone(self.promise.zone).date() - timedelta(days=2)
            return dropwhile(lambda e: e.due_at <= instant, each_day(self.asset, self.promise, self.days, first))
        return self._times(self.schedule, instant)

    def _times(self, schedule: Schedule, instant: datetime) -> Iterator[Expected]:
        days = self.days if self.is_worked_only else None
        for due in due_times(schedule, days, instant, instant + HORIZON):
            yield Expected(self.asset, day(due.date()), due, due + self.promise.grace)


def rhythm_of(asset: Asset, estate: Estate) -> Declared | None:
    """Return the rhythm of an asset, or None where its contract says none.

    Raises:
        FreeholdError: FH-D310 when it comes cannot be read.
    """
    promise = promise_of(asset, estate)
    if promise is None:
        return None
    days = days_of(estate.calendars.get(promise.calendar))
    if not promise.cron:
        return Declared(asset.id, asset.product.id, promise, days)
    where = asset.contract.where if asset.contract else asset.where
    said = asset.contract.custom.get("freehold:arrives", {}) if asset.contract else {}
    schedule = Schedule(where=where, cron=promise.cron, zone=promise.zone.key)
    return Declared(asset.id, asset.product.id, promise, days, schedule, is_worked_only="calendar" in said)
