"""The part of a catalogue that somebody may see: metrics over what is shown to them, and datasets they may name.

A metric keeps its meaning and its hash, whoever looks at it: a name that leads to one field in all of a model leads to
the same in the part of it that is left, since a metric is left only where all that it reads is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from freehold.metrics.catalogue import Catalogue
from freehold.metrics.fingerprint import sources_of
from freehold.metrics.model import Metric, Model


def part_seen(catalogue: Catalogue, is_seen: Callable[[str], bool]) -> Catalogue:
    """Return the part of a catalogue that reads nothing but sources that are seen."""
    metrics = {m.id: m for m in catalogue.metrics() if all(map(is_seen, sources_of(catalogue, m)))}
    models = {name: _part(catalogue, model, metrics, is_seen) for name, model in catalogue.models.items()}
    kept = {name: model for name, model in models.items() if model.datasets or model.metrics}
    return Catalogue(kept, whole=catalogue.whole or catalogue)


def _part(catalogue: Catalogue, model: Model, metrics: dict[str, Metric], is_seen: Callable[[str], bool]) -> Model:
    datasets = {n: d for n, d in model.datasets.items() if all(is_seen(t.source) for t in d.tables)}
    left = {n: _alone(catalogue, m, metrics) for n, m in model.metrics.items() if m.id in metrics}
    if len(datasets) == len(model.datasets) and len(left) == len(model.metrics):
        return replace(model, metrics=left)
    joins = tuple(j for j in model.joins if j.source in datasets and j.target in datasets)
    return replace(model, datasets=datasets, joins=joins, metrics=left, rollups={})


def _alone(catalogue: Catalogue, metric: Metric, metrics: dict[str, Metric]) -> Metric:
    """Return a metric that names no successor which is not seen."""
    if metric.replaced_by is None or catalogue.metric(metric.replaced_by, within=metric.model).id in metrics:
        return metric
    return replace(metric, replaced_by=None)
