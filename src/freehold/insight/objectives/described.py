"""An objective as an object of JSON: the same for programs, for the command line and for pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError
from freehold.insight.objectives.declared import Objective
from freehold.insight.objectives.standing import Standing
from freehold.insight.telling import figure, said

if TYPE_CHECKING:
    from freehold.insight.registry import Kpi
    from freehold.metrics import Catalogue


def objective_object(one: Objective, standings: Iterable[Standing]) -> dict[str, Any]:
    """Return an objective with how its key results stand; figures in the unit of each metric, shares of 1."""
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description or None,
        "owner": one.owner or None,
        "period": one.period.name,
        "starts": one.period.start,
        "ends": one.period.end,
        "key_results": [_key_result(standing) for standing in standings],
    }


def _key_result(one: Standing) -> dict[str, Any]:
    of = one.key_result
    return {
        "id": of.id, "metric": of.metric, "where": of.where, "owner": of.owner or None, "start": of.start,
        "target": of.target, "by": of.by, "now": one.now, "progress": _share(one.progress),
        "elapsed": _share(one.elapsed), "state": str(one.state), "measured_at": one.measured_at,
        "data_until": one.data_until,
    }  # fmt: skip


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def said_of(metric: str, value: float | None, kpis: Mapping[str, Kpi], catalogue: Callable[[], Catalogue]) -> str:
    """Return a figure of a key result as a person reads it, in the unit of its KPI or of its metric.

    `catalogue` is asked for metrics of the estate alone; where their files are in error, a figure has no unit.
    """
    if metric in kpis:
        return said(value, kpis[metric].unit)
    try:
        unit = catalogue().metric(metric).words.get("unit", "")
    except FreeholdError:
        unit = ""
    if value is None or unit == "%":  # of which a metric holds the share
        return said(value, "share")
    return f"{figure(value)} {unit}".strip()
