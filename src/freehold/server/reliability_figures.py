"""Figures of reliability for Prometheus: open incidents, how old data is, SLOs, checks, how alerts turned out.

Gauges are of what the asker may see, so that a name that is kept from them is kept from them here. Counters name
nothing, and count from when this server began, as counters of Prometheus do.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from freehold.delivery.graph import default_environment
from freehold.delivery.status import age
from freehold.work.incidents import open_incidents

if TYPE_CHECKING:
    from freehold.insight.performance import Performance
    from freehold.ledger import Ledger
    from freehold.reliability.slo import Attainment
    from freehold.server.snapshots import Snapshot

_COUNTED = {
    "check.completed": ("freehold_check", "result", "status", "Checks, by what came of them."),
    "alert.closed": ("freehold_alert_outcome", "outcome", "verdict", "Alerts that were closed, by what they were."),
}
_SEVERITIES = range(1, 5)


class ReliabilityFigures:
    """Follows the ledger for the figures of one server; safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turn = threading.Lock()
        self._read = next((event.seq for event in ledger.read(newest_first=True, limit=1)), 0)
        self._counts: dict[str, Counter[str]] = {type_: Counter() for type_ in _COUNTED}

    def text(self, snapshot: Snapshot, slos: Iterable[Attainment], fast: Iterable[Performance], now: datetime) -> bytes:
        """Return the figures in the text form of Prometheus, of what a snapshot and SLOs show, as of now.

        `fast` is how products were made and read in the last day.
        """
        registry = CollectorRegistry()
        with self._turn:
            self._look()
            counters = tuple(self._counters())
        gauges = (self._incidents(snapshot), _lags(snapshot, now), *_promises(slos), *_speeds(fast))
        registry.register(_Figures((*gauges, *counters)))
        return generate_latest(registry)

    def _look(self) -> None:
        for event in self._ledger.read(types=tuple(_COUNTED), after=self._read):
            self._read = event.seq
            self._counts[event.type][str(event.data[_COUNTED[event.type][2]])] += 1

    def _counters(self) -> Iterator[Metric]:
        for type_, (name, label, _, told) in _COUNTED.items():
            family = CounterMetricFamily(name, told, labels=(label,))
            for value, count in sorted(self._counts[type_].items()):
                family.add_metric((value,), count)
            yield family

    def _incidents(self, snapshot: Snapshot) -> Metric:
        every = open_incidents(self._ledger, snapshot.env, default_environment(snapshot.estate))
        seen = [one for one in every if snapshot.seen is None or one.product in snapshot.seen]
        counts = Counter(one.sev or _SEVERITIES[0] for one in seen)
        family = GaugeMetricFamily("freehold_incident_open", "Incidents that are open.", labels=("severity",))
        for severity in _SEVERITIES:
            family.add_metric((str(severity),), counts[severity])
        return family


def _lags(snapshot: Snapshot, now: datetime) -> Metric:
    name, told = "freehold_dataset_freshness_lag_seconds", "How old the newest interval is that an output holds."
    family = GaugeMetricFamily(name, told, labels=("dataset",))
    for asset in sorted((one for product in snapshot.products for one in product.assets), key=lambda one: one.asset):
        lag = age(asset.data_until, now) if asset.is_output else None
        if lag is not None:
            family.add_metric((asset.asset,), lag.total_seconds())
    return family


def _promises(slos: Iterable[Attainment]) -> Iterator[Metric]:
    """Yield targets, what is left of budgets and how fast they burn; nothing of what was never judged."""
    target = GaugeMetricFamily("freehold_slo_target", "The share that is to be good.", labels=("slo",))
    left = GaugeMetricFamily(
        "freehold_slo_error_budget_remaining", "The share of the error budget that is left; below 0 it is overdrawn.",
        labels=("slo",),
    )  # fmt: skip
    burn = GaugeMetricFamily(
        "freehold_slo_burn_rate", "Error budgets used up in a time, by what would last for the whole window.",
        labels=("slo", "window_seconds"),
    )  # fmt: skip
    for one in slos:
        target.add_metric((one.slo.id,), one.slo.target)
        if one.budget.burnt is not None:
            left.add_metric((one.slo.id,), 1 - one.budget.burnt)
        for length, rate in one.burn.items():
            burn.add_metric((one.slo.id, f"{length.total_seconds():.0f}"), rate)
    yield from (target, left, burn)


def _speeds(fast: Iterable[Performance]) -> Iterator[Metric]:
    """Yield how long runs and queries took and waited in the last day, and how many queries failed or spilled."""

    def times(name: str, told: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(
            f"freehold_{name}_seconds", f"{told}, of the last day.", labels=("product", "quantile")
        )

    spreads = {
        "runs": times("run_duration", "How long runs took"),
        "waited": times("run_queue", "How long scheduled runs waited after they were due"),
        "queries": times("query_duration", "How long queries took"),
        "queued": times("query_queue", "How long queries waited in the warehouse"),
    }
    told = "Queries that the warehouse could not answer, of the last day."
    failed = GaugeMetricFamily("freehold_query_failed", told, labels=("product",))
    told = "Queries that did not fit into memory, of the last day."
    spilled = GaugeMetricFamily("freehold_query_spilled", told, labels=("product",))
    for one in fast:
        for name, family in spreads.items():
            spread = getattr(one, name)
            for quantile, value in (("0.5", spread.p50), ("0.95", spread.p95)):
                if value is not None:
                    family.add_metric((one.product, quantile), value)
        if one.asked:
            failed.add_metric((one.product,), one.failed)
        if one.spilled is not None:
            spilled.add_metric((one.product,), one.spilled)
    yield from (*spreads.values(), failed, spilled)


class _Figures(Collector):
    """What a registry asks for what there is."""

    def __init__(self, families: tuple[Metric, ...]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield what there is."""
        yield from self._families
