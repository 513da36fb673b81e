"""Aggregates of a metric per something: the mean over customers of what each spends, the median share of a week.

`AVG(per(attainment, spans.asset))` is over the values of a field and not over rows: the metric is asked by that field
first, and its values are aggregated then. So every asset counts once, however many rows tell of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from freehold.metrics.lowering import Branch
from freehold.metrics.query import Key, Query, key_of
from freehold.metrics.rows import Scope


def each_branch(scope: Scope, query: Query, branch: Branch, keys: Sequence[tuple[int, Key]]) -> exp.Select:
    """Return a branch whose aggregates are over the values of a metric per something.

    Values without the something are left out, as COUNT(DISTINCT …) leaves out what is unknown. A group is shown if it
    has as many of them as the least rows a group must have.
    """
    from freehold.metrics.branches import grouped
    from freehold.metrics.compiling import tree_of

    each = branch.shape.each
    assert each is not None
    entity = key_of(each.field)
    by = [key for _, key in keys]
    there = next((key for key in by if key.parts[-1:] == entity.parts[-1:] and key.grain is None), None)
    conditions = [c for c in (query.where, *each.filters) if c is not None]
    narrowed = exp.and_(*conditions) if conditions else None
    inner = replace(query.over((each.metric,), by if there else [*by, entity]), where=narrowed)
    nested = tree_of(replace(scope, fewest=1), inner)
    columns = [exp.alias_(_column(key.text), f"k{number}", copy=False) for number, key in keys]
    columns += [exp.alias_(_over(one.node, each.metric), one.alias, copy=False) for one in branch.aggregates]
    outer = exp.select(*columns, copy=False).from_(nested.subquery("e", copy=False), copy=False)
    known = exp.Not(this=exp.Is(this=_column((there or entity).text), expression=exp.Null()))
    return grouped(outer.where(known, copy=False), len(keys), scope.fewest)


def _over(aggregate: exp.Expr, metric: str) -> exp.Expr:
    copied = aggregate.copy()
    copied.set("this", _column(metric))
    return copied


def _column(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table="e")
