"""How products are used: by whom, how often, which columns and metrics, by how many of those they are made for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
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


def product_uses(
    evidence: Evidence,
    products: Iterable[Product],
    env: str,
    now: datetime,
    dashboards: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> dict[str, ProductUse]:
    """Return how each of some products is used; `dashboards` are those that read each, by id.

    Each question is asked once of all of them: a thousand products take little longer than one.
    """
    asked = {product.id: product for product in products}
    ids, said = list(asked), {**bounds(env, now), "products": list(asked)}
    audiences, recorded = _audiences(evidence, said), instrumented(evidence)
    readers, ever = _readers(evidence, said, audiences), _ever(evidence, said)
    columns, metrics, weeks = _columns(evidence, said), _metrics(evidence, said), _weeks(evidence, said)
    looks = _looks(evidence, said)
    assets: dict[str, list[AssetUse]] = {}
    for one in asset_uses(evidence, asked.values(), env, now):
        assets.setdefault(one.product, []).append(one)

    def made(id_: str) -> ProductUse:
        audience = audiences.get(id_)
        return ProductUse(
            product=id_,
            recorded=recorded,
            readers=tuple(readers.get(id_, ())),
            assets=tuple(assets.get(id_, ())),
            columns=columns.get(id_, {}),
            metrics=tuple(metrics.get(id_, ())),
            dashboards=tuple(one for one in looks if one.dashboard in dashboards.get(id_, ())),
            weeks=_trend(weeks.get(id_, {}), now),
            audience=None if audience is None else len(audience),
            active=sum(one.is_intended for one in readers.get(id_, ())),
            never=len(audience - ever.get(id_, set())) if audience else 0,
        )

    return {id_: made(id_) for id_ in ids}


_OF_PRODUCTS = f"product IN (SELECT unnest($products)) AND {SOUND}"
_LATELY = f"{_OF_PRODUCTS} AND occurred_at > $since"


def _only(said: dict[str, Any], *without: str) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in without}


def _audiences(evidence: Evidence, said: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Return those for whom each product was launched last; without those of which no launch names anybody."""
    rows = evidence.query(
        "SELECT product, arg_max(audience, (coalesce(launched_at, occurred_at), seq)) FROM product_launched "
        "WHERE product IN (SELECT unnest($products)) AND len(audience) > 0 AND occurred_at <= $now GROUP BY product",
        _only(said, "since", "env"),
    )
    return {product: frozenset(audience) for product, audience in rows}


def _ever(evidence: Evidence, said: dict[str, Any]) -> dict[str, set[str]]:
    """Return who ever read each product."""
    sql = f"SELECT product, list(DISTINCT consumer) FROM uses WHERE {_OF_PRODUCTS} GROUP BY product"
    return {product: set(consumers) for product, consumers in evidence.query(sql, _only(said, "since"))}


def _readers(
    evidence: Evidence, said: dict[str, Any], audiences: Mapping[str, frozenset[str]]
) -> dict[str, list[Reader]]:
    found: dict[str, list[Reader]] = {}
    for product, n, kind, segment, reads, days, last in evidence.query(
        f"""SELECT product, consumer, coalesce(max(consumer_type), 'unknown'), coalesce(max(segment), ''), sum(reads),
                   count(DISTINCT CAST(occurred_at AS DATE)), max(occurred_at)
            FROM uses WHERE {_LATELY} GROUP BY product, consumer ORDER BY 5 DESC, 2""",
        said,
    ):
        is_intended = n in audiences.get(product, ())
        found.setdefault(product, []).append(Reader(n, kind, segment, int(reads), days, _sure(last), is_intended))
    return found


def _columns(evidence: Evidence, said: dict[str, Any]) -> dict[str, dict[str, dict[str, int]]]:
    found: dict[str, dict[str, dict[str, int]]] = {}
    for product, asset, column, reads in evidence.query(
        f"""SELECT product, resource, name, sum(reads) FROM (
              SELECT product, resource, unnest(columns) AS name, reads FROM uses
              WHERE {_LATELY} AND columns IS NOT NULL
            ) GROUP BY product, resource, name ORDER BY 4 DESC, 2, 3""",
        said,
    ):
        found.setdefault(product, {}).setdefault(asset, {})[column] = int(reads)
    return found


def _metrics(evidence: Evidence, said: dict[str, Any]) -> dict[str, list[MetricUse]]:
    found: dict[str, list[MetricUse]] = {}
    for product, *row in evidence.query(
        f"""SELECT product, metric, count(DISTINCT consumer), count(DISTINCT question) FROM (
              SELECT product, unnest(metrics) AS metric, consumer, coalesce(query_id, id) AS question
              FROM uses WHERE {_LATELY}
            ) GROUP BY product, metric ORDER BY 3 DESC, 4 DESC, 2""",
        said,
    ):
        found.setdefault(product, []).append(MetricUse(*row))
    return found


def _looks(evidence: Evidence, said: dict[str, Any]) -> list[Looks]:
    rows = evidence.query(
        f"""SELECT dashboard, count(DISTINCT consumer) FILTER (WHERE {PEOPLE}), count(*), max(occurred_at) FROM looks
            WHERE dashboard IS NOT NULL AND occurred_at > $since AND occurred_at <= $now
            GROUP BY dashboard ORDER BY 2 DESC, 3 DESC, 1""",
        _only(said, "env", "products"),
    )
    return [Looks(name, viewers, views, _sure(last)) for name, viewers, views, last in rows]


def _weeks(evidence: Evidence, said: dict[str, Any]) -> dict[str, dict[date, tuple[int, int, int]]]:
    """Return people, others and reads of each week in which a product was read."""
    found: dict[str, dict[date, tuple[int, int, int]]] = {}
    for product, week, people, others, reads in evidence.query(
        f"""SELECT product, CAST(date_trunc('week', occurred_at) AS DATE),
                   count(DISTINCT consumer) FILTER (WHERE {PEOPLE}),
                   count(DISTINCT consumer) FILTER (WHERE NOT {PEOPLE}), sum(reads)
            FROM uses WHERE {_OF_PRODUCTS} GROUP BY 1, 2""",
        _only(said, "since"),
    ):
        found.setdefault(product, {})[week] = (int(people), int(others), int(reads))
    return found


def _trend(there: Mapping[date, tuple[int, int, int]], now: datetime) -> tuple[Week, ...]:
    """Return the weeks since it was first read, of the last thirteen, those without a read too."""
    today = now.date()
    monday = today - timedelta(days=today.weekday())
    mondays = [monday - timedelta(weeks=n) for n in reversed(range(WEEKS))]
    first = min(there, default=monday)
    return tuple(Week(week, *there.get(week, (0, 0, 0))) for week in mondays if week >= first)


def _sure(at: datetime) -> datetime:
    found = aware(at)
    assert found is not None
    return found
