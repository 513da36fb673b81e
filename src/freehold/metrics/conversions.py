"""Conversion: how many events of one fact are followed by one of another, for the same entity, within a period.

Each event of the base counts once, whatever follows it how often; it belongs to the period and the groups of the base.
Both kinds of events stand in one list ordered by time, in which each looks for the next of the other kind: a sort, and
no join of everything with everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.lowering import Branch, fact_of
from freehold.metrics.rows import Rows, moved
from freehold.metrics.timing import plus

if TYPE_CHECKING:
    from freehold.metrics.query import Key, Query

_BASE, _OTHER = exp.Literal.number(0), exp.Literal.number(1)


def conversion_branch(rows: Rows, query: Query, branch: Branch, keys: Sequence[tuple[int, Key]]) -> exp.Select:
    """Return the branch as a query: the base's count over those of its rows that something follows.

    Raises:
        FreeholdError: FH-N211 what is converted is not counted.
    """
    from freehold.metrics.branches import grouped

    assert branch.shape.conversion is not None
    conversion = branch.shape.conversion
    base, own = _counted(conversion.base, branch)
    is_distinct = isinstance(base.this, exp.Distinct)
    events = _base(rows, query, branch, keys, base, own)
    others = _others(rows, query, branch, events)
    union = exp.union(events, others[0], distinct=False, copy=False)
    is_same = others[1] == rows.fact.name
    follower = exp.select("*", exp.alias_(_next(is_later=is_same), "next_t")).from_(union.subquery("e", copy=False))
    in_time = exp.LT(
        this=exp.column("next_t", table="m"), expression=plus(exp.column("t", table="m"), conversion.within)
    )
    columns: list[exp.Expr] = [exp.column(f"k{number}", table="m") for number, _ in keys]
    for one in branch.aggregates:
        value: exp.Expr = exp.Case(ifs=[exp.If(this=in_time.copy(), true=exp.column(one.alias, table="m"))])
        value = exp.Distinct(expressions=[value]) if is_distinct else value
        columns.append(exp.alias_(exp.Count(this=value), one.alias, copy=False))
    outer = exp.select(*columns, copy=False).from_(follower.subquery("m", copy=False), copy=False)
    outer.where(exp.EQ(this=exp.column("kind", table="m"), expression=_BASE.copy()), copy=False)
    return grouped(outer, len(keys), rows.scope.fewest)


def _counted(tree: exp.Expr, branch: Branch) -> tuple[exp.Expr, exp.Expr | None]:
    """Return a count, and the condition it has of its own."""
    inner, own = (tree.this, tree.expression.this) if isinstance(tree, exp.Filter) else (tree, None)
    if not isinstance(inner, exp.Count):
        raise FreeholdError(
            "FH-N211", f"The conversion `{branch.aggregates[0].metric}` is over `{inner.sql()}`, which is no count.",
            fix="Count events, as in COUNT(visits.*) or COUNT(DISTINCT visits.visitor).",
        )  # fmt: skip
    return inner, own


def _base(
    rows: Rows,
    query: Query,
    branch: Branch,
    keys: Sequence[tuple[int, Key]],
    base: exp.Expr,
    own: exp.Expr | None,
) -> exp.Select:
    """Return the events of the base: kind, entity, time, keys, and what each aggregate counts of them."""
    from freehold.metrics.branches import key_columns, narrowing

    assert branch.shape.conversion is not None
    entity = rows.column(rows.place(tuple(branch.shape.conversion.entity[0].split("."))))
    columns = [_named(_BASE.copy(), "kind"), _named(entity, "entity"), _named(rows.when(), "t")]
    columns += [_named(value, f"k{number}") for number, value in key_columns(rows, branch.shape, keys)]
    common, _ = narrowing(branch.aggregates)
    for one in branch.aggregates:
        inner = base.this.expressions[0] if isinstance(base.this, exp.Distinct) else base.this
        value = rows.bound(inner)
        value = exp.Literal.number(1) if isinstance(value, exp.Star) else value
        conditions = [rows.bound(f) for f in (*one.filters, own) if f is not None and f not in common]
        if conditions:
            value = exp.Case(ifs=[exp.If(this=exp.and_(*conditions, copy=False), true=value)])
        columns.append(_named(value, one.alias))
    conditions = [
        *rows.within(*moved(query, branch.shape.offset)),
        *([rows.condition(query.where)] if query.where is not None else ()),
        *(rows.bound(one) for one in common),
    ]
    selected = rows.select(*columns)
    return selected.where(*conditions, copy=False) if conditions else selected


def _others(rows: Rows, query: Query, branch: Branch, events: exp.Select) -> tuple[exp.Select, str]:
    """Return the events that may follow, in the columns of the base's, and the dataset they are of."""
    assert branch.shape.conversion is not None
    converted, own = _counted(branch.shape.conversion.converted, branch)
    other = Rows(rows.scope, query, rows.model, fact_of(rows.model, converted, branch.aggregates[0].metric))
    entity = other.column(other.place(tuple(branch.shape.conversion.entity[1].split("."))))
    columns = [_named(_OTHER.copy(), "kind"), _named(entity, "entity"), _named(other.when(), "t")]
    columns += [exp.Null() for _ in events.expressions[3:]]
    start, _ = moved(query, branch.shape.offset)
    conditions = [*other.within(start, None), exp.Not(this=exp.Is(this=entity.copy(), expression=exp.Null()))]
    if own is not None:
        conditions.append(other.bound(own))
    return other.select(*columns).where(*conditions, copy=False), other.fact.name


def _next(*, is_later: bool) -> exp.Expr:
    """Return the time of the next event of the other kind; at the same moment it counts as following.

    Where both kinds are rows of one dataset, only a later one does: no event follows itself.
    """
    theirs = exp.Case(
        ifs=[exp.If(this=exp.EQ(this=exp.column("kind"), expression=_OTHER.copy()), true=exp.column("t"))]
    )
    order = exp.Order(
        expressions=[exp.Ordered(this=exp.column("t")), exp.Ordered(this=exp.column("kind"), desc=is_later or None)]
    )
    frame = exp.WindowSpec(kind="ROWS", start="CURRENT ROW", end="UNBOUNDED", end_side="FOLLOWING")
    return exp.Window(this=exp.Min(this=theirs), partition_by=[exp.column("entity")], order=order, spec=frame)


def _named(value: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(value, name, copy=False)
