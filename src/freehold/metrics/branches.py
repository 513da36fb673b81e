"""One branch as SQL: its keys as `k0`, `k1` …, its aggregates under their aliases, one row for each group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.conversions import conversion_branch
from freehold.metrics.expressions import parts_of
from freehold.metrics.lowering import Aggregate, Branch, Shape
from freehold.metrics.model import TIME_TYPES
from freehold.metrics.nesting import each_branch
from freehold.metrics.paths import counted_place
from freehold.metrics.query import Key, Query
from freehold.metrics.rows import Rows, Scope, moved
from freehold.metrics.spans import span_branch
from freehold.metrics.timing import as_date, plus


def branch_query(scope: Scope, query: Query, branch: Branch) -> exp.Query:
    """Return a branch as a query.

    Raises:
        FreeholdError: FH-N2xx and FH-N3xx where its metrics cannot be asked for so; the metric is named.
    """
    try:
        return _query(scope, query, branch)
    except FreeholdError as error:
        told = refused(branch, error)
        raise told from (None if told is error else error)


def refused(branch: Branch, error: FreeholdError) -> FreeholdError:
    """Return an error of a branch that names the metric that cannot be asked for so."""
    metric = branch.aggregates[0].metric
    if f"`{metric}`" in error.problem:
        return error
    problem = f"`{metric}` cannot be asked for so. {error.problem}"
    return FreeholdError(error.code, problem, where=error.where, fix=error.fix, exit_code=error.exit_code)


def _query(scope: Scope, query: Query, branch: Branch) -> exp.Query:
    shape = branch.shape
    rows = Rows(scope, query, scope.catalogue.models[shape.model], shape.fact)
    keys = keys_of(query, shape)
    if shape.each is not None:
        return each_branch(scope, query, branch, keys)
    if shape.conversion is not None:
        return conversion_branch(rows, query, branch, keys)
    if shape.span is not None or not _shifts_whole(shape, keys):
        return span_branch(rows, query, branch, keys)
    return _plain(rows, query, branch, keys)


def keys_of(query: Query, shape: Shape) -> tuple[tuple[int, Key], ...]:
    """Return the keys a branch groups by, each with its number in the question."""
    numbered = tuple(enumerate(query.by))
    return numbered if shape.kept is None else tuple(numbered[i] for i in shape.kept)


def _shifts_whole(shape: Shape, keys: Sequence[tuple[int, Key]]) -> bool:
    """Whether going back can be done by moving the labels of periods; refuse what is neither that nor days.

    Raises:
        FreeholdError: FH-N208 periods would be torn.
    """
    grain = next((key.grain for _, key in keys if key.is_time), None)
    if shape.offset is None or grain is None or shape.offset.keeps_whole(grain):
        return True
    if grain not in ("day", "hour") or shape.snapshot is not None:
        raise FreeholdError(
            "FH-N208", f"{shape.offset} before a {grain} is no whole {grain}.",
            fix="Ask by day, or go back by whole periods, such as 4 weeks for weeks.",
        )  # fmt: skip
    return False


def _plain(rows: Rows, query: Query, branch: Branch, keys: Sequence[tuple[int, Key]]) -> exp.Query:
    shape = branch.shape
    start, end = moved(query, shape.offset)
    has_time = any(key.is_time for _, key in keys)
    if shape.offset is not None and not has_time and (start is None or end is None):
        raise FreeholdError(
            "FH-N208",
            f"{shape.offset} before needs a time to go back from.",
            fix="Ask by month, or say --from and --to.",
        )
    columns = [exp.alias_(value, f"k{number}", copy=False) for number, value in key_columns(rows, shape, keys)]
    common, narrowed = narrowing(branch.aggregates)
    columns += [exp.alias_(value, alias, copy=False) for alias, value in aggregates(rows, branch.aggregates, common)]
    conditions = [
        *rows.within(start, end),
        *([rows.condition(query.where)] if query.where is not None else ()),
        *(rows.bound(condition) for condition in common),
        *([rows.bound(narrowed)] if narrowed is not None else ()),
    ]
    if shape.offset is not None and has_time and query.end is None:
        conditions.append(_before_the_end(rows, shape, keys))
    counted = rows.counted() if rows.scope.fewest > 1 else None
    joined = _snapshot(rows, query, shape, keys, columns)
    if conditions:
        joined.where(*conditions, copy=False)
    return grouped(joined, len(keys), rows.scope.fewest, counted)


def key_columns(rows: Rows, shape: Shape, keys: Sequence[tuple[int, Key]]) -> Iterator[tuple[int, exp.Expr]]:
    """Yield each key with the SQL of its value; periods of an earlier time carry the label of the later one."""
    for number, key in keys:
        if not key.is_time:
            yield number, rows.key(key)
        elif shape.offset is None:
            yield number, rows.bucket(str(key.grain))
        else:
            later = plus(rows.bucket(str(key.grain)), shape.offset)
            yield number, later if key.grain == "hour" else as_date(later)


def grouped(query: exp.Select, keys: int, fewest: int, counted: exp.Expr | None = None) -> exp.Select:
    """Return a query grouped by its first columns, without groups of fewer rows than may be shown, as counted."""
    if keys:
        query.group_by(*(exp.Literal.number(i + 1) for i in range(keys)), copy=False)
    if fewest > 1:
        number = counted if counted is not None else exp.Count(this=exp.Star())
        enough = exp.GTE(this=number, expression=exp.Literal.number(fewest))
        query.having(enough, copy=False)
    return query


def narrowing(asked: Sequence[Aggregate]) -> tuple[tuple[exp.Expr, ...], exp.Expr | None]:
    """Return the filters all aggregates share, and what of the rest is true of every row that any of them counts.

    A group is shown if any metric has a row in it; rows that none of them counts would only make empty groups.
    """
    common = tuple(f for f in asked[0].filters if all(f in one.filters for one in asked[1:]))
    rest = [tuple(f for f in one.filters if f not in common) for one in asked]
    if not all(rest):
        return common, None
    each = dict.fromkeys(exp.and_(*filters) if len(filters) > 1 else filters[0] for filters in rest)
    return common, exp.or_(*each)


def aggregates(rows: Rows, asked: Sequence[Aggregate], common: Sequence[exp.Expr]) -> Iterator[tuple[str, exp.Expr]]:
    """Yield each aggregate's alias and SQL, over the rows that pass those of its filters that are not common."""
    for one in asked:
        own = [f for f in one.filters if f not in common]
        node = one.node
        if isinstance(node, exp.Filter):
            own.append(node.expression.this)
            node = node.this
        bound = bound_aggregate(rows, node)
        yield one.alias, over(bound, exp.and_(*map(rows.bound, own), copy=False)) if own else bound


def bound_aggregate(rows: Rows, node: exp.Expr) -> exp.Expr:
    """Return an aggregate over the joined rows; `COUNT(dataset.*)` counts the rows of that fact."""
    copied = node.copy()
    is_moment = False
    for column in list(copied.find_all(exp.Column)):
        if isinstance(column.this, exp.Star):
            column.replace(_counted(rows, parts_of(column)[:-1]))
        else:
            is_moment = is_moment or rows.place(parts_of(column)).field.type in TIME_TYPES
            column.replace(rows.bound(column))
    if isinstance(copied, exp.PercentileCont | exp.Median) and not is_moment:
        # Between two exact numbers lies one that their type may not hold; engines round it each in their own way.
        copied.set("this", exp.Cast(this=copied.this, to=exp.DataType.build("double")))
    return copied


def _counted(rows: Rows, heads: tuple[str, ...]) -> exp.Expr:
    """Return what `COUNT(x.*)` counts: rows of the fact, or, of a role, those whose key leads to a row."""
    place = counted_place(rows.model, rows.fact.name, heads)
    return exp.Star() if place is None else rows.column(place)


def over(aggregate: exp.Expr, condition: exp.Expr) -> exp.Expr:
    """Return an aggregate over the rows that meet a condition."""

    def when(value: exp.Expr) -> exp.Expr:
        return exp.Case(ifs=[exp.If(this=condition.copy(), true=value)])

    inner = aggregate.this
    if isinstance(aggregate, exp.Count) and isinstance(inner, exp.Star):
        return exp.Count(this=when(exp.Literal.number(1)))
    if isinstance(inner, exp.Distinct):
        inner.set("expressions", [when(value) for value in inner.expressions])
    else:
        aggregate.set("this", when(inner))
    return aggregate


def _before_the_end(rows: Rows, shape: Shape, keys: Sequence[tuple[int, Key]]) -> exp.Expr:
    """Return the condition that a period moved forward is not later than the last one the fact has rows of."""
    grain = next(str(key.grain) for _, key in keys if key.is_time)
    here = next(value for _, value in key_columns(rows, shape, [k for k in keys if k[1].is_time]))
    whole = Rows(rows.scope, replace(rows.query, where=None), rows.model, rows.fact.name)
    last = exp.alias_(exp.Max(this=whole.bucket(grain)), "last", copy=False)
    return exp.LTE(this=here, expression=whole.select(last).subquery(copy=False))


def _snapshot(
    rows: Rows, query: Query, shape: Shape, keys: Sequence[tuple[int, Key]], columns: Sequence[exp.Expr]
) -> exp.Select:
    """Return the FROM side; of a semi-additive metric only rows of the first or last moment of each period."""
    if shape.snapshot is None:
        return rows.select(*columns)
    snapshot = shape.snapshot
    over_place = rows.place(tuple(snapshot.over.split(".")))
    if over_place.path:
        raise FreeholdError(
            "FH-N210", f"`{snapshot.over}` is no field of `{rows.fact.name}`, whose moments are meant.",
            fix=f"Name a field of `{rows.fact.name}`.",
        )  # fmt: skip
    moments = Rows(rows.scope, query, rows.model, rows.fact.name)
    grain = next((key.grain for _, key in keys if key.is_time), None)
    same = [(rows.column(rows.place(tuple(name.split(".")))), moments.column(moments.place(tuple(name.split(".")))))
            for name in snapshot.per]  # fmt: skip
    if grain is not None:
        same.insert(0, (rows.bucket(grain), moments.bucket(grain)))
    pick = exp.Max if snapshot.take == "last" else exp.Min
    moment = pick(this=moments.column(moments.place(tuple(snapshot.over.split(".")))))
    start, end = moved(query, shape.offset)
    chosen = moments.select(
        *(exp.alias_(there, f"g{i}", copy=False) for i, (_, there) in enumerate(same)),
        exp.alias_(moment, "moment", copy=False),
    )
    conditions = moments.within(start, end)
    if conditions:
        chosen.where(*conditions, copy=False)
    grouped(chosen, len(same), 1)
    on: list[exp.Expr] = [
        exp.NullSafeEQ(this=here, expression=exp.column(f"g{i}", table="s")) for i, (here, _) in enumerate(same)
    ]
    on.append(exp.EQ(this=rows.column(over_place), expression=exp.column("moment", table="s")))
    joined = rows.select(*columns)
    return joined.join(chosen.subquery("s", copy=False), on=exp.and_(*on, copy=False), join_type="inner", copy=False)
