"""Types of fields that no file tells, as the warehouse has them: what dates rows has to be known to be a date."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from freehold.engines import Column
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.model import Dataset, Field, Model

_TYPES = (
    ("TIMESTAMP WITH TIME ZONE", "DateTimeTz"), ("TIMESTAMPTZ", "DateTimeTz"), ("TIMESTAMP", "DateTime"),
    ("DATE", "Date"), ("TIME", "Time"), ("BOOL", "Boolean"), ("VARCHAR", "String"), ("TEXT", "String"),
    ("CHAR", "String"), ("DECIMAL", "Decimal"), ("NUMERIC", "Decimal"), ("DOUBLE", "Float"), ("FLOAT", "Float"),
    ("REAL", "Float"), ("BIGINT", "Integer"), ("INT", "Integer"), ("SMALLINT", "Integer"), ("HUGEINT", "Integer"),
)  # fmt: skip


def with_types(catalogue: Catalogue, columns: Callable[[Dataset], Iterable[Column]]) -> Catalogue:
    """Return the models with the types that their files leave open, of fields that are columns.

    `columns` gives the columns of a dataset's relation; it is asked only where something is open.
    """
    models = {name: _typed(model, columns) for name, model in catalogue.models.items()}
    return Catalogue(models)


def _typed(model: Model, columns: Callable[[Dataset], Iterable[Column]]) -> Model:
    datasets = {}
    for name, dataset in model.datasets.items():
        if all(field.type or field.expression is not None for field in dataset.fields.values()):
            datasets[name] = dataset
            continue
        known = {c.name: c.type for c in columns(dataset)}
        fields = {n: _of(field, known) for n, field in dataset.fields.items()}
        datasets[name] = replace(dataset, fields=fields)
    return replace(model, datasets=datasets)


def _of(field: Field, known: dict[str, str]) -> Field:
    if field.type or field.expression is not None:
        return field
    spelled = known.get(field.column or field.name, "").upper()
    return replace(field, type=next((kind for start, kind in _TYPES if spelled.startswith(start)), ""))
