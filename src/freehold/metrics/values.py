"""The values that fields of few values have, as the caller may see them: what words of a question may mean."""

from __future__ import annotations

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.answering import Answerer
from freehold.metrics.facts import facts_of
from freehold.metrics.model import Dataset, Metric
from freehold.metrics.paths import reachable
from freehold.metrics.query import Query
from freehold.metrics.rows import Rows

_MOST = 200  # values of a field that are worth knowing


def values_of(answerer: Answerer, metric: Metric) -> dict[str, list[str]]:
    """Return the values of the text fields that a metric can be filtered by, by dotted name, the fact's own bare.

    Fields that are part of a key, and those of more than 200 values, are left out.
    """
    catalogue = answerer.catalogue
    model = catalogue.models[metric.model]
    found: dict[str, list[str]] = {}
    for fact in facts_of(catalogue, metric)[:1]:
        for dataset, paths in reachable(model, fact).items():
            is_seen = _is_seen(answerer, model.datasets[dataset])
            keyed = {name for key in model.datasets[dataset].keys for name in key}
            names = [
                f.name for f in model.datasets[dataset].fields.values() if f.type == "String" and f.name not in keyed
            ]
            keyed_texts = [
                f.name for f in model.datasets[dataset].fields.values() if f.type == "String" and f.name in keyed
            ]
            for name in (*names, *(keyed_texts if dataset != fact else ())):
                values = _distinct(answerer, model.name, dataset, name) if is_seen else []
                heads = [path[-1].name if path else "" for path in paths]
                if values:
                    found |= {f"{head}.{name}" if head else name: values for head in heads}
    return found


def _is_seen(answerer: Answerer, dataset: Dataset) -> bool:
    """Whether the caller may see single values of a dataset; small groups that are hidden are not named either."""
    try:
        policies = [answerer.policy(table) for table in dataset.tables]
    except FreeholdError as error:
        if error.code != "FH-N506":
            raise
        return False
    return all(policy is None or policy.fewest <= 1 for policy in policies)


def _distinct(answerer: Answerer, model: str, dataset: str, field: str) -> list[str]:
    rows = Rows(answerer.scope(), Query(()), answerer.catalogue.models[model], dataset)
    column = exp.alias_(rows.column(rows.place((dataset, field))), "v", quoted=True)
    query = rows.select(column).distinct().limit(_MOST + 1)
    session = answerer.engine.session(answerer.caller, {"task": "values"})
    try:
        each = [row[0] for row in session.rows(query.sql(answerer.engine.capabilities.dialect))]
    finally:
        session.close()
    return [str(v) for v in each if v is not None] if len(each) <= _MOST else []
