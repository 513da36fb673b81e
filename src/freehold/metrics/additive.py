"""Which metrics add up: over slices of rows, so that a total is the sum of its parts, and over what they do not."""

from __future__ import annotations

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.expressions import aggregate_of, parts_of, per_of
from freehold.metrics.model import Metric


def adds_up(catalogue: Catalogue, metric: Metric) -> bool:
    """Whether a metric of all rows is the sum of the metric of its slices: sums and counts, added or taken away."""
    if metric.spans or metric.snapshot is not None or metric.conversion is not None or metric.fill:
        return False
    return _adds_up(catalogue, metric, metric.expression, (metric.id,))


def _adds_up(catalogue: Catalogue, metric: Metric, node: exp.Expr, trail: tuple[str, ...]) -> bool:
    aggregate = aggregate_of(node)
    if aggregate is not None:
        inner = aggregate.this if isinstance(aggregate, exp.Filter) else aggregate
        return (
            isinstance(inner, exp.Sum | exp.Count | exp.CountIf)
            and not isinstance(inner.this, exp.Distinct)
            and per_of(inner) is None
        )
    if isinstance(node, exp.Paren | exp.Neg):
        return _adds_up(catalogue, metric, node.this, trail)
    if isinstance(node, exp.Add | exp.Sub):
        return all(_adds_up(catalogue, metric, side, trail) for side in (node.this, node.expression))
    if isinstance(node, exp.Mul | exp.Div):
        sides = [node.this, node.expression] if isinstance(node, exp.Mul) else [node.this]
        constant = [isinstance(side, exp.Literal) for side in (node.this, node.expression)]
        return any(constant[-len(sides) :] if isinstance(node, exp.Mul) else constant[1:]) and any(
            _adds_up(catalogue, metric, side, trail) for side in sides
        )
    if isinstance(node, exp.Column):
        return _reference_adds_up(catalogue, metric, node, trail)
    return False


def _reference_adds_up(catalogue: Catalogue, metric: Metric, node: exp.Column, trail: tuple[str, ...]) -> bool:
    try:
        other = catalogue.metric(".".join(parts_of(node)), within=metric.model)
    except FreeholdError:
        return False
    if other.id in trail or other.spans or other.snapshot is not None or other.conversion is not None or other.fill:
        return False
    return _adds_up(catalogue, other, other.expression, (*trail, other.id))
