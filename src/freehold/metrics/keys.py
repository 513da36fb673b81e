"""Keys that a file of metrics claims and no contract declares: joins rely on them, and no publication checks them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from freehold.metrics.answering import Answerer
from freehold.metrics.facts import facts_of
from freehold.metrics.model import Dataset, Metric, Model
from freehold.metrics.paths import listed, reachable
from freehold.metrics.query import Query
from freehold.metrics.rows import Rows
from freehold.metrics.trust import Verdict


def key_verdicts(answerer: Answerer, metrics: Iterable[Metric]) -> Iterator[Verdict]:
    """Test the claimed keys of all datasets that some metrics are computed from, or can be asked by.

    Raises:
        FreeholdError: FH-E… what the warehouse says.
    """
    found: dict[tuple[str, str], None] = {}
    for metric in metrics:
        model = answerer.catalogue.models[metric.model]
        facts = facts_of(answerer.catalogue, metric)
        found |= {(model.name, name): None for fact in facts for name in reachable(model, fact)}
    for name, dataset in found:
        model = answerer.catalogue.models[name]
        for key in model.datasets[dataset].claimed:
            yield _verdict(answerer, model, model.datasets[dataset], key)


def _verdict(answerer: Answerer, model: Model, dataset: Dataset, key: tuple[str, ...]) -> Verdict:
    """Count the values of a key that stand in more than one row; unknown ones lead nowhere and do not count."""
    rows = Rows(answerer.scope(), Query(()), model, dataset.name)
    columns = [rows.column(rows.place((dataset.name, field))) for field in key]
    known = [exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null())) for column in columns]
    several = exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1))
    twice = rows.select(exp.alias_(exp.Count(this=exp.Star()), "n")).where(*known, copy=False)
    twice.group_by(*(column.copy() for column in columns), copy=False).having(several, copy=False)
    counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(twice.subquery("k", copy=False))
    session = answerer.engine.session(answerer.caller, {"task": "test"})
    try:
        ((found,),) = session.rows(counted.sql(answerer.engine.capabilities.dialect))
    finally:
        session.close()
    told = f"{int(found):,} values stand in more than one row" if found else ""
    return Verdict(f"{model.name}.{dataset.name}", f"{listed(key)} tells rows apart", not found, told)
