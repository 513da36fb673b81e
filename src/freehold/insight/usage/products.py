"""How one product is used: by whom, how often, which columns and metrics, by how many of those it is made for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.insight.usage.assets import PEOPLE, SOUND, AssetUse, Instrumented, asset_uses, aware, bounds, instrumented

if TYPE_CHECKING:
    from freehold.estate.model import Product
    from freehold.ledger import Evidence

WEEKS = 13  # of the trend, the last of which is not over


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who read a product in 30 days: `kind` is person, service, agent, simulated or unknown."""

    name: str
    kind: str
    segment: str
    reads: int
    days: int
    last: datetime
    is_intended: bool = False


@dataclass(frozen=True, slots=True)
class Week:
    """A week, from Monday in UTC: distinct people, distinct others, and reads."""

    starts: date
    people: int
    others: int
    reads: int


@dataclass(frozen=True, slots=True)
class MetricUse:
    """How often a metric was asked for in 30 days, and by how many."""

    metric: str
    readers: int
    questions: int


@dataclass(frozen=True, slots=True)
class Looks:
    """How often a dashboard was looked at in 30 days, and by how many people."""

    dashboard: str
    viewers: int
    views: int
    last: datetime


@dataclass(frozen=True, slots=True)
class ProductUse:
    """How a product is used, in 30 days where nothing else is said.

    Attributes:
        recorded: since when uses are recorded, of whatever.
        readers: who read it, most reads first.
        assets: what it promises, the unused among them.
        columns: by asset, how many reads each column had, `*` for reads of all; only of reads whose columns are known.
        metrics: asked for of it, most readers first.
        dashboards: that read it and were looked at.
        weeks: the last 13, the last of which is not over.
        audience: for how many it was launched; None where no launch names anybody.
        active: how many of those read it; `never` how many never did.
    """

    product: str
    recorded: Instrumented
    readers: tuple[Reader, ...] = ()
    assets: tuple[AssetUse, ...] = ()
    columns: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    metrics: tuple[MetricUse, ...] = ()
    dashboards: tuple[Looks, ...] = ()
    weeks: tuple[Week, ...] = ()
    audience: int | None = None
    active: int = 0
    never: int = 0


def product_use(
    evidence: Evidence, product: Product, env: str, now: datetime, dashboards: Collection[str] = ()
) -> ProductUse:
    """Return how a product is used; `dashboards` are those that read it, by id."""
    said = {**bounds(env, now), "product": product.id}
    audience = _audience(evidence, said)
    readers = _readers(evidence, said, frozenset(audience or ()))
    ever = {
        name
        for (name,) in evidence.query(f"SELECT DISTINCT consumer FROM uses WHERE {_OF_PRODUCT}", _only(said, "since"))
    }
    return ProductUse(
        product.id,
        instrumented(evidence),
        readers,
        asset_uses(evidence, [product], env, now),
        _columns(evidence, said),
        _metrics(evidence, said),
        _looks(evidence, said, dashboards),
        _weeks(evidence, said, now),
        None if audience is None else len(audience),
        sum(one.is_intended for one in readers),
        len(audience - ever) if audience else 0,
    )


_OF_PRODUCT = f"product = $product AND {SOUND}"
_LATELY = f"{_OF_PRODUCT} AND occurred_at > $since"


def _only(said: dict[str, Any], *without: str) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in without}


def _audience(evidence: Evidence, said: dict[str, Any]) -> frozenset[str] | None:
    """Return those for whom the product was launched last; None where no launch names anybody."""
    rows = evidence.query(
        "SELECT audience FROM product_launched WHERE product = $product AND len(audience) > 0 AND occurred_at <= $now "
        "ORDER BY coalesce(launched_at, occurred_at) DESC, seq DESC LIMIT 1",
        _only(said, "since", "env"),
    )
    return frozenset(rows[0][0]) if rows else None


def _readers(evidence: Evidence, said: dict[str, Any], audience: frozenset[str]) -> tuple[Reader, ...]:
    rows = evidence.query(
        f"""SELECT consumer, coalesce(max(consumer_type), 'unknown'), coalesce(max(segment), ''), sum(reads),
                   count(DISTINCT CAST(occurred_at AS DATE)), max(occurred_at)
            FROM uses WHERE {_LATELY} GROUP BY consumer ORDER BY 4 DESC, 1""",
        said,
    )
    return tuple(Reader(n, kind, s, int(r), d, _sure(last), n in audience) for n, kind, s, r, d, last in rows)


def _columns(evidence: Evidence, said: dict[str, Any]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for asset, column, reads in evidence.query(
        f"""SELECT resource, name, sum(reads) FROM (
              SELECT resource, unnest(columns) AS name, reads FROM uses WHERE {_LATELY} AND columns IS NOT NULL
            ) GROUP BY resource, name ORDER BY 3 DESC, 1, 2""",
        said,
    ):
        found.setdefault(asset, {})[column] = int(reads)
    return found


def _metrics(evidence: Evidence, said: dict[str, Any]) -> tuple[MetricUse, ...]:
    rows = evidence.query(
        f"""SELECT metric, count(DISTINCT consumer), count(DISTINCT question) FROM (
              SELECT unnest(metrics) AS metric, consumer, coalesce(query_id, id) AS question FROM uses WHERE {_LATELY}
            ) GROUP BY metric ORDER BY 2 DESC, 3 DESC, 1""",
        said,
    )
    return tuple(MetricUse(*row) for row in rows)


def _looks(evidence: Evidence, said: dict[str, Any], dashboards: Collection[str]) -> tuple[Looks, ...]:
    rows = evidence.query(
        f"""SELECT dashboard, count(DISTINCT consumer) FILTER (WHERE {PEOPLE}), count(*), max(occurred_at) FROM looks
            WHERE dashboard IS NOT NULL AND occurred_at > $since AND occurred_at <= $now
            GROUP BY dashboard ORDER BY 2 DESC, 3 DESC, 1""",
        _only(said, "env", "product"),
    )
    return tuple(Looks(name, viewers, views, _sure(last)) for name, viewers, views, last in rows if name in dashboards)


def _weeks(evidence: Evidence, said: dict[str, Any], now: datetime) -> tuple[Week, ...]:
    today = now.date()
    monday = today - timedelta(days=today.weekday())
    there = {
        week: counts
        for week, *counts in evidence.query(
            f"""SELECT CAST(date_trunc('week', occurred_at) AS DATE), count(DISTINCT consumer) FILTER (WHERE {PEOPLE}),
                       count(DISTINCT consumer) FILTER (WHERE NOT {PEOPLE}), sum(reads)
                FROM uses WHERE {_OF_PRODUCT} GROUP BY 1""",
            _only(said, "since"),
        )
    }
    starts = [monday - timedelta(weeks=n) for n in reversed(range(WEEKS))]
    first = min(there, default=monday)
    weeks = [week for week in starts if week >= first]
    return tuple(Week(week, *(int(n) for n in there.get(week, (0, 0, 0)))) for week in weeks)


def _sure(at: datetime) -> datetime:
    found = aware(at)
    assert found is not None
    return found
