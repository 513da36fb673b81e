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


def definition_hash(catalogue: Catalogue, metric: Metric) -> str:
    """Return the hash of a metric's definition: 12 hex digits."""
    text = json.dumps(_meaning(catalogue, metric, ()), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def parts_used(catalogue: Catalogue, metric: Metric) -> tuple[tuple[Metric, ...], tuple[tuple[str, str, str], ...]]:
    """Return the metrics a metric stands on, itself among them, and the fields they read: model, dataset, field."""
    metrics: dict[str, Metric] = {}
    fields: dict[tuple[str, str, str], None] = {}
    waiting = [metric]
    while waiting:
        one = waiting.pop()
        if one.id in metrics:
            continue
        metrics[one.id] = one
        model = catalogue.models[one.model]
        for tree in _trees(one):
            for column in tree.find_all(exp.Column):
                other = _metric_named(catalogue, model, column)
                if other is not None:
                    waiting.append(other)
                else:
                    fields |= dict.fromkeys(_field_named(model, column))
    return tuple(metrics.values()), tuple(fields)


def sources_of(catalogue: Catalogue, metric: Metric) -> tuple[str, ...]:
    """Return the sources whose rows a metric is computed from, in the order of their names."""
    _, fields = parts_used(catalogue, metric)
    return tuple(sorted({catalogue.models[m].datasets[d].source for m, d, _ in fields}))


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
    return {
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


def _metric_named(catalogue: Catalogue, model: Model, column: exp.Column) -> Metric | None:
    parts = parts_of(column)
    if len(parts) > 1 and parts[0] in model.datasets:
        return None
    try:
        return catalogue.metric(".".join(parts), within=model.name)
    except FreeholdError:  # a bare field, or a role's
        return None


def _field_named(model: Model, column: exp.Column) -> list[tuple[str, str, str]]:
    """Return the field a name means, and the key that leads to it where the name is a role's."""
    *heads, name = parts_of(column)
    if heads and heads[-1] in model.datasets:
        return [(model.name, heads[-1], name)]
    roles = [j for j in model.joins if heads and j.name == heads[-1]]
    if roles:
        return [(model.name, roles[0].target, name), *((model.name, roles[0].source, c) for c in roles[0].columns)]
    return [(model.name, d.name, name) for d in model.datasets.values() if name in d.fields and not heads]
