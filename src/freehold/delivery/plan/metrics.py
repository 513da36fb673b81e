"""What a change does to metrics: which are not as they were, and which should be gone by now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from freehold.estate.model import ADVISED
from freehold.foundation import FreeholdError, Problems

if TYPE_CHECKING:
    from freehold.delivery.plan.past import Past
    from freehold.estate.model import Estate
    from freehold.metrics import Catalogue
    from freehold.metrics.comparing import Redefined
    from freehold.metrics.model import Metric


@dataclass(frozen=True, slots=True)
class MetricsChanged:
    """Metrics that are not as they were, certified ones first; what is against those of now, and what is advice."""

    changes: tuple[Redefined, ...] = ()
    findings: tuple[FreeholdError, ...] = ()
    advice: tuple[FreeholdError, ...] = ()


def metrics_changed(estate: Estate, earlier: Estate | None, past: Past, today: date | None) -> MetricsChanged:
    """Compare the metrics of an estate with those of an earlier version of it.

    Args:
        estate: as it would be.
        earlier: as it is; None where nothing is.
        past: who asked for them.
        today: a deprecated metric whose sunset lies before it is found; without, none is.
    """
    if not any(one.semantic_models or one.policies for one in (estate, *([earlier] if earlier else ()))):
        return MetricsChanged()
    from freehold.metrics import Catalogue, catalogue_of, policy_findings
    from freehold.metrics.comparing import redefined
    from freehold.metrics.estate import product_at

    try:
        after = catalogue_of(estate)
    except Problems as problems:
        return MetricsChanged(findings=problems.errors)
    try:
        before = catalogue_of(earlier) if earlier is not None else Catalogue()
    except Problems:  # what was in force was in error: then everything here is new
        before = Catalogue()
    changes = []
    for one in redefined(before, after):
        there = (estate, after) if one.status[1] else (earlier or estate, before)
        product = product_at(there[0], there[1].metric(one.id).where)
        changes.append(replace(one, product=product, readers=past.asked.get(one.id, 0)))
    ended = list(_ended(estate, after, today)) if today is not None else []
    return MetricsChanged(
        tuple(changes),
        (*policy_findings(estate), *(error for product, error in ended if not _is_advised(estate, product))),
        tuple(error for product, error in ended if _is_advised(estate, product)),
    )


def _is_advised(estate: Estate, product: str) -> bool:
    return product in estate.products and estate.products[product].mode in ADVISED


def _ended(estate: Estate, catalogue: Catalogue, today: date) -> Iterator[tuple[str, FreeholdError]]:
    """Yield the deprecated metrics whose last day has passed, each with its product."""
    from freehold.metrics.estate import product_at
    from freehold.metrics.fingerprint import parts_used

    for metric in catalogue.metrics():
        if metric.status == "deprecated" and metric.sunset is not None and metric.sunset < today:
            on_it = [m.id for m in catalogue.metrics() if m is not metric and metric in parts_used(catalogue, m)[0]]
            yield product_at(estate, metric.where), _has_ended(metric, on_it)


def _has_ended(metric: Metric, on_it: list[str]) -> FreeholdError:
    stand = f" These stand on it: {', '.join(f'`{name}`' for name in on_it)}." if on_it else ""
    instead = f"; `{metric.replaced_by}` takes its place" if metric.replaced_by else ""
    return FreeholdError(
        "FH-N420",
        f"`{metric.id}` is deprecated, and its last day was {metric.sunset}.{stand}",
        where=metric.where,
        fix=f"Remove it{instead}. To keep it for longer, move its `sunset`.",
    )
