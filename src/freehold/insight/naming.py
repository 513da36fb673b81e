"""The names of metrics, KPIs and assets, for whoever checks that what a file or a person says is there."""

from __future__ import annotations

from collections import Counter
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


def names_for_items(
    estate: Estate, catalogue: Callable[[], Catalogue]
) -> dict[str, Callable[[], dict[str, str] | None]]:
    """Return what gives the names that fields of work items may hold, each with the id it means, by the type of field.

    A KPI is a metric to whoever names it: it is one over what was recorded. A name that several metrics have, or a KPI
    too, means itself. Nothing is read before a name is asked for.
    """

    @cache
    def metrics() -> dict[str, str] | None:
        try:
            every, kpis = tuple(catalogue().metrics()), list(kpis_of(estate))
        except FreeholdError:
            return None
        names = Counter((*(one.name for one in every), *kpis))
        short = {one.name: one.id if names[one.name] == 1 else one.name for one in every}
        return short | {name: name for name in (*kpis, *(one.id for one in every))}

    @cache
    def assets() -> dict[str, str] | None:
        ports = (f"{p.id}.{q.name}" for p in estate.products.values() for q in (*p.input_ports, *p.output_ports))
        try:
            rollups = [r.asset for model in catalogue().models.values() for r in model.rollups.values() if r.asset]
        except FreeholdError:
            return None
        return {name: name for name in (*estate.models, *estate.declared.values(), *ports, *estate.earlier, *rollups)}

    return {"metric": metrics, "asset": assets}
