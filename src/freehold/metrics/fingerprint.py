"""What a metric is, as a short hash: the same hash, the same definition, whatever words or layout a file has.

Everything that can change the number counts: expression, filter, window, the metrics it stands on, the fields it reads
and how their datasets join. What people are told of it, its status and its tests do not.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.expressions import parts_of
from freehold.metrics.model import Dataset, Metric, Model
from freehold.metrics.paths import place_of


def definition_hash(catalogue: Catalogue, metric: Metric) -> str:
    """Return the hash of a metric's definition: 12 hex digits."""
    text = json.dumps(_meaning(catalogue.whole or catalogue, metric, ()), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def parts_used(catalogue: Catalogue, metric: Metric) -> tuple[tuple[Metric, ...], tuple[tuple[str, str, str], ...]]:
    """Return the metrics a metric stands on, itself among them, and the fields they read: model, dataset, field."""
    metrics: dict[str, Metric] = {}
    named: list[tuple[Model, exp.Column]] = []
    waiting = [metric]
    while waiting:
        one = waiting.pop()
        if one.id in metrics:
            continue
        metrics[one.id] = one
        model = catalogue.models[one.model]
        for tree in _trees(one):
            for column in tree.find_all(exp.Column):
                other = metric_named(catalogue, model, column)
                if other is not None:
                    waiting.append(other)
                else:
                    named.append((model, column))
    fields: dict[tuple[str, str, str], None] = {}
    for model, column in named:
        fields |= dict.fromkeys(_fields_meant(model, column, _named_in(model, [c for m, c in named if m is model])))
    for one in metrics.values():
        if one.conversion is not None:
            fields |= {(one.model, *_parted(entity)): None for entity in one.conversion.entity}
    return tuple(metrics.values()), tuple(fields)


def sources_of(catalogue: Catalogue, metric: Metric) -> tuple[str, ...]:
    """Return the sources whose rows a metric is computed from, in the order of their names."""
    _, fields = parts_used(catalogue, metric)
    return tuple(sorted({t.source for m, d, _ in fields for t in catalogue.models[m].datasets[d].tables}))


def _meaning(catalogue: Catalogue, metric: Metric, trail: tuple[str, ...]) -> dict[str, Any]:
    model = catalogue.models[metric.model]
    below, fields = parts_used(catalogue, metric)
    said: dict[str, Any] = {
        "expression": metric.expression.sql(), "filter": metric.filter.sql() if metric.filter is not None else None,
        "span": [str(metric.window), metric.to_date, metric.is_cumulative], "fill": metric.fill,
        "snapshot": repr(metric.snapshot), "calendar": repr(model.calendar),
    }  # fmt: skip
    if metric.conversion is not None:
        c = metric.conversion
        said["conversion"] = [c.base.sql(), c.converted.sql(), c.entity, str(c.within), c.count]
        if c.each != "base":
            said["conversion"].append(c.each)
    used = {d for m, d, _ in fields if m == model.name}
    said["datasets"] = {name: _dataset(model.datasets[name]) for name in used}
    said["joins"] = sorted([j.name, j.source, j.columns, j.target, j.target_columns] for j in model.joins
                           if j.source in used or len(used) > 1)  # fmt: skip
    said["metrics"] = {
        one.id: _meaning(catalogue, one, (*trail, metric.id)) for one in below if one.id not in (metric.id, *trail)
    }
    return said


def _dataset(dataset: Dataset) -> dict[str, Any]:
    computed = {f.name: f.expression.sql() for f in dataset.fields.values() if f.expression is not None}
    query = {"query": dataset.query.tree.sql(comments=False)} if dataset.query is not None else {}
    return query | {
        "source": dataset.declared or dataset.source,
        "time": dataset.time,
        "zone": dataset.zone,
        "fields": computed,
    }


def _trees(metric: Metric) -> list[exp.Expr]:
    found = [metric.expression]
    if metric.filter is not None:
        found.append(metric.filter)
    if metric.conversion is not None:
        found += [metric.conversion.base, metric.conversion.converted]
    return found


def metric_named(catalogue: Catalogue, model: Model, column: exp.Column) -> Metric | None:
    """Return the metric that a name in an expression means; None where it means a field, or a key of the question."""
    parts = parts_of(column)
    if len(parts) > 1 and parts[0] in model.datasets:
        return None
    try:
        return catalogue.metric(".".join(parts), within=model.name)
    except FreeholdError:  # a bare field, or a role's
        return None


def _named_in(model: Model, columns: list[exp.Column]) -> list[str]:
    """Return the datasets that names begin with, else those that have a field of a bare name that is aggregated."""
    heads = [parts_of(c)[0] for c in columns]
    bare = [c.name for c in columns if len(c.parts) == 1 and c.find_ancestor(exp.AggFunc)]
    return list(dict.fromkeys(h for h in heads if h in model.datasets)) or [
        d.name for d in model.datasets.values() if any(name in d.fields for name in bare)
    ]


def _fields_meant(model: Model, column: exp.Column, facts: list[str]) -> list[tuple[str, str, str]]:
    """Return the field a name means, and the keys that lead to it where it is not of a dataset that is named.

    A bare name is of the first of `facts`, the datasets that the metric names, from which it means anything.
    """
    *heads, name = parts_of(column)
    if heads and heads[-1] in model.datasets:
        return [(model.name, heads[-1], name)]
    for fact in facts or list(model.datasets):
        try:
            place = place_of(model, fact, (*heads, name))
        except FreeholdError:
            continue  # another fact of the metric leads there
        keys = [(model.name, join.source, c) for join in place.path for c in join.columns]
        return [(model.name, place.dataset, name), *keys]
    return []


def _parted(entity: str) -> tuple[str, str]:
    dataset, _, field = entity.partition(".")
    return dataset, field
