"""How each asset that is promised to consumers is used, and which of them nobody uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.estate.model import Product
    from freehold.ledger import Evidence

UNUSED_AFTER = timedelta(days=90)
WINDOW = timedelta(days=30)
PEOPLE = "coalesce(consumer_type, '') NOT IN ('service', 'agent', 'unknown')"
SOUND = "coalesce(status, 'ok') = 'ok' AND coalesce(nullif(env, ''), $env) = $env AND occurred_at <= $now"


@dataclass(frozen=True, slots=True)
class Instrumented:
    """Since when uses are recorded, None where none ever was; `sources` tell of what did not go through Freehold."""

    since: datetime | None
    sources: tuple[str, ...] = ()

    def days(self, now: datetime) -> int:
        """Return for how many days uses have been recorded."""
        return (now - self.since).days if self.since else 0

    def tells_unused(self, now: datetime) -> bool:
        """Whether uses have been recorded for so long that nobody having read something means something."""
        return self.since is not None and now - self.since >= UNUSED_AFTER


@dataclass(frozen=True, slots=True)
class AssetUse:
    """How an asset was used in 30 days, and when last.

    `people` and `others` (services, agents, accounts of nobody) are distinct readers; `simulated` are of the people.
    """

    asset: str
    product: str
    people: int = 0
    others: int = 0
    simulated: int = 0
    reads: int = 0
    last: datetime | None = None

    def is_unused(self, recorded: Instrumented, now: datetime) -> bool:
        """Whether nobody, and no program, has read it in 90 days of which reads are recorded."""
        return recorded.tells_unused(now) and (self.last is None or now - self.last >= UNUSED_AFTER)


def instrumented(evidence: Evidence) -> Instrumented:
    """Return since when uses of data are recorded, and which systems tell of them."""
    ((since, sources),) = evidence.query(
        "SELECT min(occurred_at), list_sort(list(DISTINCT source) FILTER (WHERE source IS NOT NULL)) FROM usage_query"
    )
    return Instrumented(aware(since), tuple(sources or ()))


def asset_uses(evidence: Evidence, products: Iterable[Product], env: str, now: datetime) -> tuple[AssetUse, ...]:
    """Return how each output of some products is used, those of most people first."""
    told: Mapping[str, tuple[int, int, int, int, datetime]] = {
        asset: tuple(counts)
        for asset, *counts in evidence.query(
            f"""SELECT resource, count(DISTINCT consumer) FILTER (WHERE lately AND {PEOPLE}),
                       count(DISTINCT consumer) FILTER (WHERE lately AND NOT {PEOPLE}),
                       count(DISTINCT consumer) FILTER (WHERE lately AND consumer_type = 'simulated'),
                       coalesce(sum(reads) FILTER (WHERE lately), 0), max(occurred_at)
                FROM (SELECT *, occurred_at > $since AS lately FROM uses WHERE {SOUND}) GROUP BY resource""",
            bounds(env, now),
        )
    }
    found = []
    for product in products:
        for asset in (f"{product.id}.{port.name}" for port in product.output_ports):
            people, others, simulated, reads, last = told.get(asset, (0, 0, 0, 0, None))
            found.append(AssetUse(asset, product.id, people, others, simulated, int(reads), aware(last)))
    return tuple(sorted(found, key=lambda one: (-one.people, -one.reads, one.asset)))


def bounds(env: str, now: datetime) -> dict[str, object]:
    """Return what the queries of use are bound to: instants as evidence has them, in UTC without a zone."""
    at = now.astimezone(UTC).replace(tzinfo=None)
    return {"env": env, "now": at, "since": at - WINDOW}


def aware(at: datetime | None) -> datetime | None:
    """Return an instant of evidence with its zone."""
    return at.replace(tzinfo=UTC) if at else None
