"""What the ledger knows that a plan asks: what building cost, how many intervals there are, who read what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.delivery.asset import Asset
    from freehold.ledger import Evidence, Ledger

SINCE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who read an asset in the last 30 days; `kind` is person, service, agent or simulated."""

    name: str
    kind: str
    reads: int

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"name": self.name, "kind": self.kind, "reads": self.reads}


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the past; without a ledger nothing is.

    Attributes:
        costs: by asset, how many intervals were built and the median of the seconds one took.
        used: by asset, who read it.
        asked: by metric, how many consumers asked for it.
    """

    costs: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    used: Mapping[str, tuple[Reader, ...]] = field(default_factory=dict)
    asked: Mapping[str, int] = field(default_factory=dict)

    def cost(self, asset: Asset) -> tuple[int, float | None]:
        """Return how many intervals a rebuild has, and its seconds; None if nothing like it was ever built."""
        found = self.costs.get(asset.id)
        if found is None:
            return (1, asset.observed.seconds) if asset.observed else (0, None)
        intervals = found[0] if asset.by_interval else 1
        return intervals, found[1] * intervals

    def each(self, asset: str) -> float | None:
        """Return the median of the seconds that building an asset, or one interval of it, took."""
        found = self.costs.get(asset)
        return found[1] if found else None

    def readers(self, asset: str) -> tuple[Reader, ...]:
        """Return who read an asset, most reads first."""
        return self.used.get(asset, ())


NO_PAST = Past()


def past_of(ledger: Ledger, env: str) -> Past:
    """Read the past of an environment from the ledger."""
    with ledger.evidence() as evidence:
        costs = {}
        if evidence.has("run.completed"):
            costs = {
                asset: (intervals, seconds)
                for asset, intervals, seconds in evidence.query(
                    "SELECT asset, greatest(count(DISTINCT interval_start), 1), median(cost_s) FROM run_completed "
                    "WHERE env = ? AND status = 'success' AND cost_s IS NOT NULL GROUP BY asset",
                    (env,),
                )
            }
        used: dict[str, tuple[Reader, ...]] = {}
        if evidence.has("usage.query"):
            for asset, consumer, kind, reads in evidence.query(
                "SELECT resource, consumer, coalesce(any_value(consumer_type), ''), sum(reads) FROM uses "
                "WHERE env = ? AND status = 'ok' AND occurred_at >= "
                "(SELECT max(occurred_at) FROM usage_query) - to_days(?) GROUP BY ALL ORDER BY 4 DESC, consumer",
                (env, SINCE.days),
            ):
                used[asset] = (*used.get(asset, ()), Reader(consumer, kind, int(reads)))
        asked = asked_for(evidence)
    return Past(costs, used, asked)


def asked_for(evidence: Evidence) -> dict[str, int]:
    """Return how many consumers asked for each metric in the last 30 days, through whatever channel."""
    if not evidence.has("usage.query"):
        return {}
    rows = evidence.query(
        "SELECT m, count(DISTINCT consumer) FROM (SELECT unnest(metrics) AS m, consumer FROM uses "
        "WHERE status = 'ok' AND occurred_at >= (SELECT max(occurred_at) FROM usage_query) - to_days(?)) GROUP BY m",
        (SINCE.days,),
    )
    return {str(metric): int(count) for metric, count in rows}
