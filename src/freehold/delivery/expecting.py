"""What sources promised to deliver, remembered when it falls due, so that what never comes can count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from freehold.delivery.arrival import Expected, expected, late, promise_of
from freehold.delivery.asset import Asset, Kind
from freehold.delivery.evidence import expectation
from freehold.delivery.files import Landing
from freehold.delivery.graph import Graph
from freehold.delivery.interval import Interval
from freehold.estate.model import Estate
from freehold.ledger import Ledger


def comes_by_day(asset: Asset) -> bool:
    """Whether an asset is a source with a file for each day, so that it is known which day is missing."""
    return asset.kind is Kind.SOURCE and asset.files is not None and asset.files.by_day


class Expectations:
    """The deliveries of one environment that are due; remembers what the ledger knows of them."""

    def __init__(self, estate: Estate, graph: Graph, landing: Landing, ledger: Ledger, env: str) -> None:
        self._estate = estate
        self._graph = graph
        self._landing = landing
        self._ledger = ledger
        self._env = env
        self._told: dict[str, datetime] = {}  # when the last delivery was due that the ledger knows of
        self._first_event: datetime | None = None
        self._first: dict[str, Interval] = {}

    def late(self, now: datetime) -> tuple[Expected, ...]:
        """Return deliveries that should have come by now and are not there."""
        found: list[Expected] = []
        for asset, due in self._due(now):
            found += late(iter(due), set(self._landing.arrived(asset)), now)
        return tuple(found)

    def remember(self, now: datetime) -> None:
        """Record what fell due since it was last recorded, or since anything was first done here.

        What was due before that is history that is loaded: nobody was there to deliver or to miss it.
        """
        for asset in self._graph.assets.values():
            if asset.kind is Kind.SOURCE and asset.id not in self._told:
                last = self._ledger.read(
                    types=("run.expected",), subject=asset.id, env=self._env, newest_first=True, limit=1
                )
                self._told[asset.id] = next((e.occurred_at for e in last), None) or self._began(now)
        fresh = []
        for asset, due in self._due(now, self._told):
            fresh += [(asset, e) for e in due if e.due_at > self._told[asset.id]]
        if fresh:
            self._ledger.append(*(expectation(self._env, asset, e) for asset, e in fresh))
            self._told |= {asset.id: e.due_at for asset, e in fresh}

    def _began(self, now: datetime) -> datetime:
        """Return when anything was first done in the environment; this moment where nothing was."""
        if self._first_event is None:
            self._first_event = next((e.occurred_at for e in self._ledger.read(env=self._env, limit=1)), now)
        return self._first_event

    def _due(
        self, now: datetime, since: Mapping[str, datetime] = MappingProxyType({})
    ) -> Iterator[tuple[Asset, list[Expected]]]:
        """Return what was due until now (from an instant on, where one is given) of every source that promises."""
        for asset in self._graph.assets.values():
            promise = promise_of(asset, self._estate) if comes_by_day(asset) else None
            first = self._first_of(asset) if promise else None
            if promise and first and not promise.cron:
                start = since[asset.id].date() - timedelta(days=2) if asset.id in since else first.start.date()
                calendar = self._estate.calendars.get(promise.calendar)
                yield asset, list(expected(asset, promise, calendar, start, now))

    def _first_of(self, asset: Asset) -> Interval | None:
        """Return the first interval a source ever had a file for."""
        if asset.id not in self._first:
            first = min((i for i in self._landing.arrived(asset) if i), default=None)
            if first is None:
                return None
            self._first[asset.id] = first
        return self._first[asset.id]
