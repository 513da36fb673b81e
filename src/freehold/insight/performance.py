"""How fast pipelines run and queries are answered, by product: from what runs and histories of queries told.

Of runs, how long each took from the start of its first step to the end of its last, and how long a scheduled one waited
after it was due. Of queries, how long they took and waited, how many failed, and how many did not fit into memory. A
step that took no time did no work, and counts for nothing; so does one that was recorded before steps told their times.
Percentiles are between the two nearest values, as `quantile_cont` of DuckDB has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.ledger import Evidence

DAYS = (1, 7, 30)


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took: how often that was measured, the median and the 95th percentile, in seconds."""

    count: int = 0
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """How fast a product is made and read in a span of days up to now.

    Attributes:
        product: its id, or the job of another tool that writes to none.
        runs: from the start of the first step to the end of the last, of runs that built something.
        failed_runs: of those, how many had a step that failed.
        waited: from when a scheduled run was due to when it began.
        queries: how long they took, as far as each was told by itself.
        asked: how many there were, with those of which only a sum is known.
        failed: of those, how many the warehouse could not answer.
        queued: how long queries waited in the warehouse, where it tells that.
        spilled: how many queries did not fit into memory; None where nothing tells that.
        spilled_bytes: how much those wrote aside.
    """

    product: str
    runs: Spread = Spread()
    failed_runs: int = 0
    waited: Spread = Spread()
    queries: Spread = Spread()
    asked: int = 0
    failed: int = 0
    queued: Spread = Spread()
    spilled: int | None = None
    spilled_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it: times in seconds, sizes in bytes."""
        return asdict(self)


_STEPS = """
WITH told AS (
  SELECT run_id, COALESCE(NULLIF(product, ''), regexp_replace(outputs[1], '\\.[^.]*$', ''), asset) AS product, asset,
         trigger, COALESCE(attempt, 1) AS attempt, status, started, ended, due_at
  FROM run_completed
  WHERE COALESCE(NULLIF(env, ''), $env) = $env AND started IS NOT NULL AND ended >= $since AND ended <= $now
)"""
_RUNS = (
    _STEPS
    + """, runs AS (
  SELECT product, run_id, epoch_us(max(ended)) - epoch_us(min(started)) AS took,
         bool_or(status = 'failed') AS has_failed
  FROM told WHERE due_at IS NULL AND started < ended GROUP BY product, run_id
)
SELECT product, count(*), quantile_cont(took, 0.5) / 1e6, quantile_cont(took, 0.95) / 1e6,
       count(*) FILTER (WHERE has_failed)
FROM runs GROUP BY product
"""
)
# A scheduler of ours says which due time a run answers. Of another's, the last due time before a run began is that.
_WAITED = (
    _STEPS
    + """, due AS (
  SELECT asset, due_at FROM run_expected WHERE COALESCE(NULLIF(env, ''), $env) = $env AND due_at <= $now
), waited AS (
  SELECT product, asset, due_at, min(started) AS began FROM told
  WHERE due_at IS NOT NULL AND attempt = 1 AND status <> 'skipped' GROUP BY product, asset, due_at
  UNION ALL
  SELECT t.product, t.asset, d.due_at, min(t.started) FROM told AS t ASOF JOIN due AS d
    ON t.asset = d.asset AND t.started >= d.due_at
  WHERE t.due_at IS NULL AND t.trigger = 'schedule' AND t.attempt = 1 GROUP BY t.product, t.asset, d.due_at
)
SELECT product, count(*), quantile_cont(took, 0.5) / 1e6, quantile_cont(took, 0.95) / 1e6
FROM (SELECT product, greatest(0, epoch_us(began) - epoch_us(due_at)) AS took FROM waited) GROUP BY product
"""
)
_QUERIES = """
WITH asked AS (
  SELECT product, COALESCE(query_id, id) AS query, max(duration_ms) AS ms, max(queued_ms) AS queued,
         max(COALESCE(calls, 1)) AS calls, max(spilled_bytes) AS spilled, bool_or(status = 'error') AS has_failed
  FROM usage_query
  WHERE COALESCE(NULLIF(env, ''), $env) = $env AND occurred_at > $since AND occurred_at <= $now
    AND COALESCE(status, 'ok') <> 'denied' AND product IS NOT NULL
  GROUP BY product, COALESCE(query_id, id)
)
SELECT product, sum(calls), sum(calls) FILTER (WHERE has_failed),
       count(ms) FILTER (WHERE calls = 1), quantile_cont(ms, 0.5) FILTER (WHERE calls = 1) / 1e3,
       quantile_cont(ms, 0.95) FILTER (WHERE calls = 1) / 1e3,
       count(queued), quantile_cont(queued, 0.5) / 1e3, quantile_cont(queued, 0.95) / 1e3,
       sum(calls) FILTER (WHERE spilled > 0), sum(spilled * calls), count(spilled)
FROM asked GROUP BY product
"""


def performances(evidence: Evidence, env: str, now: datetime, days: int) -> tuple[Performance, ...]:
    """Return how fast each product was made and read in some days up to now, by its name."""
    at = now.astimezone(UTC).replace(tzinfo=None)
    said = {"env": env, "now": at, "since": at - timedelta(days=days)}
    found: dict[str, dict[str, Any]] = {}
    for product, *spread, failed in evidence.query(_RUNS, said):
        found.setdefault(product, {}).update(runs=_spread(*spread), failed_runs=failed)
    for product, *spread in evidence.query(_WAITED, said):
        found.setdefault(product, {}).update(waited=_spread(*spread))
    for product, *told in evidence.query(_QUERIES, said):
        found.setdefault(product, {}).update(_queries(told))
    return tuple(Performance(product, **found[product]) for product in sorted(found))


def _queries(told: list[Any]) -> dict[str, Any]:
    asked, failed, *spread, spilled, size, tells = told
    return {
        "asked": int(asked or 0), "failed": int(failed or 0), "queries": _spread(*spread[:3]),
        "queued": _spread(*spread[3:]), "spilled": int(spilled or 0) if tells else None,
        "spilled_bytes": int(size or 0) if tells else None,
    }  # fmt: skip


def _spread(count: int, p50: float | None, p95: float | None) -> Spread:
    """Return a spread to the microsecond: what is between two values is no better known than those."""
    return Spread(count, *(None if value is None else round(value, 6) for value in (p50, p95)))


def by_days(evidence: Evidence, env: str, now: datetime) -> Mapping[int, tuple[Performance, ...]]:
    """Return how fast products were made and read in each span of `DAYS`."""
    return {days: performances(evidence, env, now, days) for days in DAYS}


def seen(told: Iterable[Performance], products: Iterable[str], *, all_: bool) -> tuple[Performance, ...]:
    """Return those of some products, and the jobs of other tools where all may be seen."""
    there = frozenset(products)
    return tuple(one for one in told if all_ or one.product in there)
