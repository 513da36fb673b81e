"""When data of an asset is due, as its contract says: on days by an hour, or at the times of a cron expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import dropwhile
from typing import TYPE_CHECKING

from freehold.delivery.arrival import Expected, Promise, arrival_of, each_day
from freehold.delivery.interval import day
from freehold.estate.calendars import Days, days_of
from freehold.estate.schedules import HORIZON, Schedule, due_times

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Contract, Estate


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
        """Yield the deliveries that are due after an instant, within five years, in order."""
        if self.schedule is None:
            first = instant.astimezone(self.promise.zone).date() - timedelta(days=2)
            every = each_day(self.asset, self.promise, self.days, first, first + HORIZON)
            return dropwhile(lambda e: e.due_at <= instant, every)
        return self._times(self.schedule, instant)

    def _times(self, schedule: Schedule, instant: datetime) -> Iterator[Expected]:
        days = self.days if self.is_worked_only else None
        for due in due_times(schedule, days, instant, instant + HORIZON):
            yield Expected(self.asset, day(due.date()), due, due + self.promise.grace)


def rhythms_of(estate: Estate, graph: Graph) -> Iterator[Declared]:
    """Yield the rhythm of each asset whose contract says one: of what we build, and of ports that others fill.

    Raises:
        FreeholdError: FH-D310 when something comes cannot be read.
    """
    given = {port.contract_id for product in estate.products.values() for port in product.output_ports}
    known: dict[str, tuple[str, Contract | None]] = {
        asset.id: (asset.product.id, asset.contract) for asset in graph.assets.values()
    }
    for product in estate.products.values():
        for port in (*product.output_ports, *(p for p in product.input_ports if p.contract_id not in given)):
            asset = estate.published(f"{product.id}.{port.name}")
            found = estate.contract_of(asset)
            known.setdefault(asset, (product.id, found[0] if found else None))
    for asset, (product_id, contract) in known.items():
        promise = arrival_of(asset, contract, estate)
        if promise is not None and contract is not None:
            yield _rhythm(asset, product_id, contract, promise, estate)


def _rhythm(asset: str, product: str, contract: Contract, promise: Promise, estate: Estate) -> Declared:
    days = days_of(estate.calendars.get(promise.calendar))
    if not promise.cron:
        return Declared(asset, product, promise, days)
    schedule = Schedule(where=contract.where, cron=promise.cron, zone=promise.zone.key)
    return Declared(asset, product, promise, days, schedule, "calendar" in contract.custom["freehold:arrives"])
