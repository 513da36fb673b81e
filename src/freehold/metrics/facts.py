"""The facts of a metric: the datasets whose rows it is computed over, each by one pass."""

from __future__ import annotations

from freehold.foundation import FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.lowering import lower
from freehold.metrics.model import Metric
from freehold.metrics.query import Key, Query

_ASKED = ("", "day", "week", "month", "quarter", "year")  # some metrics have a value by some periods alone


def facts_of(catalogue: Catalogue, metric: Metric) -> tuple[str, ...]:
    """Return the datasets of its model whose rows a metric is over; nothing where it cannot be computed at all."""
    for grain in _ASKED:
        try:
            lowered = lower(catalogue, Query((metric.id,), (Key(grain, grain=grain),) if grain else ()))
        except FreeholdError:
            continue
        return tuple(dict.fromkeys(shape.fact for shape in lowered.branches if shape.model == metric.model))
    return ()
