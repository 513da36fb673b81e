"""How a number comes to be: its formula down to aggregates, the passes over rows, the columns they read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from freehold.metrics.catalogue import Catalogue
from freehold.metrics.compiling import Compiled
from freehold.metrics.evidence import columns_behind
from freehold.metrics.fingerprint import metric_named, parts_used
from freehold.metrics.lowering import Branch
from freehold.metrics.model import Dataset, Field, Metric, Model
from freehold.metrics.paths import time_of


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a formula, as deep as it stands: the metric's name and how it is computed."""

    depth: int
    metric: Metric
    formula: str


def formula_of(metric: Metric) -> str:
    """Return how a metric is computed, in one line: expression, filter, and the time it looks over."""
    if metric.conversion is not None:
        c = metric.conversion
        base, converted = (side.sql(normalize_functions=False) for side in (c.base, c.converted))
        text = f"{base} followed by {converted} within {c.within}"
        text += ", each that follows once" if c.each == "converted" else ""
    else:
        text = metric.expression.sql(normalize_functions=False)
    if metric.filter is not None:
        text += f" where {metric.filter.sql(normalize_functions=False)}"
    if metric.window is not None:
        text += f" over the last {metric.window}"
    elif metric.to_date is not None:
        text += f" since the {metric.to_date.replace('_', ' ')} began"
    elif metric.is_cumulative:
        text += " since the beginning"
    if metric.snapshot is not None:
        per = f" of each {' and '.join(metric.snapshot.per)}" if metric.snapshot.per else ""
        text += f" at the {metric.snapshot.take} {metric.snapshot.over}{per}"
    return text


def steps(catalogue: Catalogue, metric: Metric) -> Iterator[Step]:
    """Yield a metric and the metrics it stands on, each below what needs it."""
    yield from _steps(catalogue, metric, 0, ())


def _steps(catalogue: Catalogue, metric: Metric, depth: int, trail: tuple[str, ...]) -> Iterator[Step]:
    yield Step(depth, metric, formula_of(metric))
    model = catalogue.models[metric.model]
    named = (metric_named(catalogue, model, column) for column in metric.expression.find_all(exp.Column))
    for one in {other.id: other for other in named if other is not None}.values():
        if one.id not in (*trail, metric.id):
            yield from _steps(catalogue, one, depth + 1, (*trail, metric.id))


def branch_told(catalogue: Catalogue, branch: Branch) -> str:
    """Return what one pass over a fact computes, in a line."""
    shape = branch.shape
    fact = catalogue.models[shape.model].datasets[shape.fact]
    source = fact.source if fact.query is None else f"the evidence `{fact.name}`"
    computed = ", ".join(dict.fromkeys(a.node.sql() for a in branch.aggregates if shape.conversion is None))
    text = f"{computed or 'events followed by others'} of {source}"
    if shape.each is not None:
        text += f", each for one {shape.each.field}"
    if shape.span is not None:
        text += f", {shape.span.window} back" if shape.span.window else ", from further back"
    if shape.offset is not None:
        text += f", {shape.offset} before"
    if shape.kept is not None:
        text += ", for the whole that a share is of"
    return text


def columns_read(catalogue: Catalogue, made: Compiled) -> tuple[str, ...]:
    """Return the columns of the sources that the metrics of a question are made of, as `source.column`."""
    found: dict[str, None] = {}
    for id_ in made.lowered.ids.values():
        for model, dataset, field in parts_used(catalogue, catalogue.metric(id_))[1]:
            there = catalogue.models[model].datasets[dataset]
            found |= {f"{source}.{name}": None for source, name in read_from(there, field) if name != "*"}
    return tuple(sorted(found))


def read_from(dataset: Dataset, name: str) -> list[tuple[str, str]]:
    """Return the (source, column) that a field of a dataset is read from; of an evidence model those of its tables."""
    columns = columns_of(dataset.fields.get(name), name)
    if dataset.query is None:
        return [(dataset.source, column) for column in columns]
    return [one for column in columns for one in columns_behind(dataset, column)]


def columns_of(field: Field | None, name: str) -> list[str]:
    """Return the columns of its relation that a field is read from; of one nobody knows, its own name."""
    if field is None:
        return [name]
    if field.expression is None:
        return [field.column or name]
    return [column.name for column in field.expression.find_all(exp.Column)]


def dated_by(model: Model, dataset: str) -> list[tuple[str, str]]:
    """Return what dates the rows of a dataset, as sources and columns: the keys that lead there, and the time."""
    place = time_of(model, dataset)
    if place is None:
        return []
    there = [(join.source, name) for join in place.path for name in join.columns]
    there += [(join.target, name) for join in place.path for name in join.target_columns]
    there.append((place.dataset, place.field.name))
    return [pair for one, name in there for pair in read_from(model.datasets[one], name)]
