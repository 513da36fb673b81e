"""How old the newest live data of an asset is, and how old its contract allows it to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from freehold.delivery.asset import Asset
from freehold.delivery.evidence import Evidence
from freehold.delivery.graph import Graph
from freehold.delivery.release import Live
from freehold.estate.durations import seconds
from freehold.ledger import Event


def newest_interval(asset: Asset, graph: Graph, live: Mapping[str, Live]) -> datetime | None:
    """Return the end of the newest interval that an asset's live version holds, or was built from.

    What was published of an input after that version was built is not in it, so it does not count.
    """
    entry = live.get(asset.id)
    return _newest(asset, graph, live, max((m.id for m in entry.members), default=0)) if entry else None


def _newest(asset: Asset, graph: Graph, live: Mapping[str, Live], until: int) -> datetime | None:
    """Return the end of the newest interval among candidates that were there when candidate `until` was built."""
    entry = live.get(asset.id)
    if entry is None:
        return None
    if any(m.interval for m in entry.members):
        return max((m.interval.end for m in entry.members if m.interval and m.id <= until), default=None)
    built = min(until, max((m.id for m in entry.members), default=0))
    above = (_newest(graph.assets[name], graph, live, built) for name in asset.inputs)
    return max((end for end in above if end is not None), default=None)


def freshness_target_s(asset: Asset) -> float | None:
    """Return the age a contract allows the newest data, in seconds: its `latency` (or `freshness`) property."""
    for sla in asset.contract.sla if asset.contract else ():
        longest = seconds(sla.value, sla.unit) if sla.property in ("latency", "freshness") else None
        if longest is not None:
            return float(longest)
    return None


def freshness_events(evidence: Evidence, graph: Graph, live: Mapping[str, Live], now: datetime) -> Iterator[Event]:
    """Say how old the newest live data of each output port is."""
    for asset in graph.assets.values():
        newest = newest_interval(asset, graph, live) if asset.is_output else None
        if newest:
            yield evidence.freshness(asset, newest, now, freshness_target_s(asset))
