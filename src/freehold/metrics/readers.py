"""Metrics as readers of columns, so that a plan and a lineage name those that a change reaches."""

from __future__ import annotations

from freehold.estate.dashboards import Dashboard, Reading
from freehold.estate.model import Estate
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.estate import owner_of
from freehold.metrics.explaining import dated_by, read_from
from freehold.metrics.fingerprint import parts_used
from freehold.metrics.model import Metric


def as_readers(catalogue: Catalogue, estate: Estate) -> tuple[Dashboard, ...]:
    """Return every metric as a consumer: the columns its number is made of, and those that date its rows."""
    return tuple(
        Dashboard(
            id=f"metric:{metric.id}",
            name=f"metric {metric.name}",
            tool="metrics",
            where=metric.where,
            kind=metric.status,
            owner=owner_of(estate, catalogue, metric),
            reads=_reads(catalogue, metric),
            metrics=(metric.id,),
        )
        for metric in catalogue.metrics()
        if metric.status != "deprecated"
    )


def _reads(catalogue: Catalogue, metric: Metric) -> tuple[Reading, ...]:
    """Return the columns a metric reads; rows that are only counted are read by their key and their time."""
    _, fields = parts_used(catalogue, metric)
    found: dict[Reading, None] = {}
    for model, dataset, name in fields:
        there = catalogue.models[model].datasets[dataset]
        names = [name] if name != "*" else [*(there.keys[0] if there.keys else ())]
        names = names or ([name] if there.query is not None else [])  # what decides which rows there are
        for source, column in (pair for one in names for pair in read_from(there, one)):
            found[Reading(source, column, metric.where)] = None
        for source, column in dated_by(catalogue.models[model], dataset):
            found[Reading(source, column, metric.where)] = None
    return tuple(found)
