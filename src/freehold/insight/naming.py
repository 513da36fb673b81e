"""The names of metrics, KPIs and assets, for whoever checks that what a file or a person says is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError
from freehold.insight.registry import kpis_of

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.metrics import Catalogue


def metrics_and_kpis(estate: Estate, catalogue: Callable[[], Catalogue]) -> dict[str, list[str] | None]:
    """Return the names that metrics and KPIs have; None where their files are in error, which is told as theirs."""
    try:
        metrics = [name for one in catalogue().metrics() for name in (one.id, one.name)]
        return {"metric": metrics, "kpi": list(kpis_of(estate))}
    except FreeholdError:
        return {"metric": None, "kpi": None}


def names_for_items(estate: Estate, catalogue: Callable[[], Catalogue]) -> dict[str, Callable[[], list[str] | None]]:
    """Return what gives the names that fields of work items may hold, by the type of field.

    A KPI is a metric to whoever names it: it is one over what was recorded. Nothing is read before a name is asked for.
    """

    @cache
    def metrics() -> list[str] | None:
        known = metrics_and_kpis(estate, catalogue)
        told = known["metric"], known["kpi"]
        return None if told[0] is None or told[1] is None else [*told[0], *told[1]]

    @cache
    def assets() -> list[str] | None:
        ports = (f"{p.id}.{q.name}" for p in estate.products.values() for q in (*p.input_ports, *p.output_ports))
        try:
            rollups = [r.asset for model in catalogue().models.values() for r in model.rollups.values() if r.asset]
        except FreeholdError:
            return None
        return list(dict.fromkeys((*estate.models, *estate.declared.values(), *ports, *estate.earlier, *rollups)))

    return {"metric": metrics, "asset": assets}
