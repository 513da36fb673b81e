"""What the ledger tells of assets, products and the estate, as facts for rules. What it does not tell is left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.ledger import Evidence

Told = Mapping[str, Mapping[str, Any]]

_LATELY, _BEFORE = timedelta(days=30), timedelta(days=90)
_YEAR = timedelta(days=366)

_CHECKS = """
WITH told AS (
  SELECT asset, check_id, status, COALESCE(blocking, FALSE) AS blocking, occurred_at, seq FROM check_completed
  WHERE env = $env AND occurred_at > $before AND occurred_at <= $now AND status <> 'skipped' {among}
), newest AS (
  SELECT asset, check_id, ARG_MAX(status, seq) AS status, BOOL_OR(blocking) AS blocking FROM told
  GROUP BY asset, check_id
)
SELECT t.asset, DATE_DIFF('day', MAX(t.occurred_at), $now) AS check_age_days,
       AVG(CASE WHEN t.status IN ('pass', 'warn') THEN 1.0 ELSE 0.0 END) FILTER (t.occurred_at > $lately)
           AS check_pass_rate_30d,
       (SELECT COUNT(*) FROM newest AS n WHERE n.asset = t.asset AND n.blocking AND n.status IN ('fail', 'error'))
           AS failing_checks
FROM told AS t GROUP BY t.asset
"""
_KEPT = """
SELECT asset, AVG(CASE WHEN kept THEN 1.0 ELSE 0.0 END) AS slo_attainment_30d FROM (
  SELECT asset, DATE_TRUNC('day', occurred_at) AS day, BOOL_AND(age_s <= target_s) AS kept FROM freshness_observed
  WHERE env = $env AND occurred_at > $lately AND occurred_at <= $now AND target_s IS NOT NULL AND age_s IS NOT NULL
    {among}
  GROUP BY asset, day
) GROUP BY asset
"""
_PUBLISHED = """
SELECT DISTINCT asset, TRUE AS is_published FROM asset_published WHERE env = $env AND occurred_at <= $now {among}
"""
_AMONG = "AND {} IN (SELECT UNNEST($only))"

_AGES = """
SELECT {what}, DATE_DIFF('day', MAX(occurred_at), $now) AS {fact} FROM {view}
WHERE ({within}) AND occurred_at > $year AND occurred_at <= $now {among} GROUP BY ALL
"""
_IN_ENV, _ANYWHERE = "env = $env", "env = $env OR env = ''"
_OF_PRODUCTS = (  # fact, the view that tells of it, the product in its rows, which rows
    ("deployment_age_days", "asset_published", "product", _IN_ENV),
    ("rollback_age_days", "deploy_rolled_back", "product", "TRUE"),
    ("alert_age_days", "alert_raised", "product", _ANYWHERE),
)
_OF_ESTATE = (
    ("deployment_age_days", "asset_published", _IN_ENV),
    ("approval_age_days", "change_approved", "TRUE"),
    ("rollback_age_days", "deploy_rolled_back", "TRUE"),
    ("incident_age_days", "incident_opened", _ANYWHERE),
    ("postmortem_age_days", "postmortem_published", _ANYWHERE),
    ("alert_age_days", "alert_raised", _ANYWHERE),
    ("request_age_days", "work_created", "TRUE"),
    ("usage_age_days", "usage_query", _ANYWHERE),
    ("document_age_days", "document_signed", "TRUE"),
)


class Facts:
    """Asks evidence for facts of an environment, as of an instant."""

    def __init__(self, evidence: Evidence, env: str, now: datetime) -> None:
        self._evidence = evidence
        since = {"lately": now - _LATELY, "before": now - _BEFORE, "year": now - _YEAR}
        self._said: dict[str, Any] = {"env": env, "now": now, **since}

    def assets(self, only: Collection[str] | None = None) -> Told:
        """Return the facts of each asset that anything is told of; of those that are named, where some are."""
        found: dict[str, dict[str, Any]] = {}
        for sql in (_CHECKS, _KEPT, _PUBLISHED):
            self._gather(sql.format(among=_among("asset", only)), found, only)
        return found

    def products(self, only: Collection[str] | None = None) -> Told:
        """Return the facts of each product that anything is told of; of those that are named, where some are."""
        found: dict[str, dict[str, Any]] = {}
        for fact, view, product, within in _OF_PRODUCTS:
            among = _among(product, only)
            self._gather(_AGES.format(what=product, fact=fact, view=view, within=within, among=among), found, only)
        return found

    def estate(self) -> Mapping[str, Any]:
        """Return the facts of the estate as a whole."""
        found: dict[str, dict[str, Any]] = {}
        for fact, view, within in _OF_ESTATE:
            self._gather(_AGES.format(what="'' AS whole", fact=fact, view=view, within=within, among=""), found)
        return found.get("", {})

    def _gather(self, sql: str, found: dict[str, dict[str, Any]], only: Collection[str] | None = None) -> None:
        said = {name: value for name, value in self._said.items() if f"${name}" in sql}
        said |= {} if only is None else {"only": sorted(only)}
        for row in self._evidence.query(sql, said):
            told = dict(zip(self._evidence.columns[1:], row[1:], strict=True))
            found.setdefault(row[0], {}).update(told)


def _among(column: str, only: Collection[str] | None) -> str:
    return "" if only is None else _AMONG.format(column)
