"""Branches that look back from the end of each period: rolling windows, to-date, cumulative, and days of other months.

A spine holds one row for each period, with its last day; rows join it by lying in the stretch that ends on that day.
Aggregates that add up over days are added up for each day first, so the join is over days and not over rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.dialects import periods_between
from freehold.metrics.lowering import Branch, Shape
from freehold.metrics.rows import Rows, moved
from freehold.metrics.timing import Period, as_date, as_timestamp, plus

if TYPE_CHECKING:
    from freehold.metrics.query import Key, Query

_ADDS_UP: dict[type[exp.Expr], type[exp.AggFunc]] = {
    exp.Sum: exp.Sum, exp.Count: exp.Sum, exp.CountIf: exp.Sum, exp.Min: exp.Min, exp.Max: exp.Max,
}  # fmt: skip


def span_branch(rows: Rows, query: Query, branch: Branch, keys: Sequence[tuple[int, Key]]) -> exp.Select:
    """Return the branch as a query: rows (or days) of the fact joined to the periods they count for."""
    from freehold.metrics.branches import grouped

    shape = branch.shape
    time = next(((number, key) for number, key in keys if key.is_time), None)
    grain = time[1].grain if time else None
    unit = "hour" if grain == "hour" else "day"
    _expect_whole(shape, unit)
    fields = [(number, key) for number, key in keys if not key.is_time]
    inner, values = _inner(rows, query, branch, fields, unit)
    spine = _spine(rows, query, shape, grain)
    columns: list[exp.Expr] = []
    for number, key in keys:
        source = exp.column("p", table="s") if key.is_time else exp.column(f"k{number}", table="i")
        columns.append(exp.alias_(source, f"k{number}", copy=False))
    columns += [exp.alias_(value, alias, copy=False) for alias, value in values]
    outer = exp.select(*columns, copy=False).from_(inner.subquery("i", copy=False), copy=False)
    outer.join(spine.subquery("s", copy=False), on=_stretch(rows, shape, unit), join_type="inner", copy=False)
    if rows.scope.fewest > 1:
        _hide_small(outer, rows.scope.fewest)
    return grouped(outer, len(keys), 1)


def _expect_whole(shape: Shape, unit: str) -> None:
    """Refuse to look back by hours from days.

    Raises:
        FreeholdError: FH-N208 days would be torn.
    """
    hours = [length for length in (shape.offset, shape.span.window if shape.span else None) if length and length.hours]
    if unit == "day" and hours:
        raise FreeholdError(
            "FH-N208", f"{hours[0]} is no whole number of days.", fix="Ask by hour, or look back by whole days."
        )


def _inner(
    rows: Rows, query: Query, branch: Branch, fields: Sequence[tuple[int, Key]], unit: str
) -> tuple[exp.Select, list[tuple[str, exp.Expr]]]:
    """Return the rows to join to the spine, and each aggregate over them; `n` counts the rows behind each."""
    from freehold.metrics.branches import aggregates, grouped, narrowing

    common, narrowed = narrowing(branch.aggregates)
    bound = list(aggregates(rows, branch.aggregates, common))
    adds_up = all(type(value) in _ADDS_UP and not isinstance(value.this, exp.Distinct) for _, value in bound)
    columns = [exp.alias_(rows.bucket(unit), "t", copy=False)]
    columns += [exp.alias_(rows.key(key), f"k{number}", copy=False) for number, key in fields]
    values: list[tuple[str, exp.Expr]] = []
    for alias, value in bound:
        if adds_up:
            columns.append(exp.alias_(value, alias, copy=False))
            again: exp.Expr = _ADDS_UP[type(value)](this=exp.column(alias, table="i"))
            if not isinstance(value, exp.Sum | exp.Min | exp.Max):
                again = exp.Cast(this=again, to=exp.DataType.build("bigint"))
            values.append((alias, again))
        else:
            columns += [exp.alias_(part, name, copy=False) for name, part in _arguments(alias, value)]
            values.append((alias, value))
    if rows.scope.fewest > 1:
        counted = rows.counted() if adds_up else exp.Literal.number(1)
        columns.append(exp.alias_(counted, "n", copy=False))
    conditions = [
        *rows.within(*_needed(rows, query, branch.shape)),
        *([rows.condition(query.where)] if query.where is not None else ()),
        *(rows.bound(one) for one in common),
        *([rows.bound(narrowed)] if narrowed is not None else ()),
    ]
    inner = rows.select(*columns)
    if conditions:
        inner.where(*conditions, copy=False)
    return (grouped(inner, 1 + len(fields), 1) if adds_up else inner), values


def _arguments(alias: str, value: exp.Expr) -> list[tuple[str, exp.Expr]]:
    """Take what an aggregate is over out of it, leaving columns of the inner query in its place."""
    inner = value.this
    if isinstance(inner, exp.Star):
        return []
    if isinstance(inner, exp.Distinct):
        argument = inner.expressions[0]
        inner.set("expressions", [exp.column(alias, table="i")])
        return [(alias, argument)]
    value.set("this", exp.column(alias, table="i"))
    return [(alias, inner)]


def _needed(rows: Rows, query: Query, shape: Shape) -> tuple[datetime | None, datetime | None]:
    """Return from when to when rows can matter, so that a year is not read for its last month."""
    start, end = moved(query, shape.offset)
    span = shape.span
    if start is None or span is None:
        return start, end
    if span.window is not None:
        return span.window.before(start), end
    if span.to_date is not None:
        first = rows.calendar.start_of(span.to_date, start.date())
        return start.replace(year=first.year, month=first.month, day=first.day, hour=0, minute=0, second=0), end
    return None, end


def _bounds(rows: Rows, query: Query, unit: str) -> exp.Select:
    """Return the first and the last day (or hour) of a question, `lo` and `hi`: as asked, or as the fact has rows."""
    whole = Rows(rows.scope, replace(query, where=None), rows.model, rows.fact.name)
    step = Period(hours=1) if unit == "hour" else Period(days=1)
    low: exp.Expr = exp.Min(this=whole.bucket(unit))
    high: exp.Expr = exp.Max(this=whole.bucket(unit))
    if query.start is not None:
        low = _instant(query.start.isoformat(sep=" "), unit)
    if query.end is not None:
        last = step.before(query.end) if query.end.time() == query.end.min.time() or unit == "hour" else query.end
        high = _instant(last.isoformat(sep=" "), unit)
    columns = exp.alias_(low, "lo", copy=False), exp.alias_(high, "hi", copy=False)
    return exp.select(*columns) if query.start is not None and query.end is not None else whole.select(*columns)


def _spine(rows: Rows, query: Query, shape: Shape, grain: str | None, bounds: exp.Select | None = None) -> exp.Select:
    """Return the periods of the question: `p` the start of each, `e` the last day (or hour) to look back from."""
    unit = "hour" if grain == "hour" else "day"
    step = Period(hours=1) if unit == "hour" else Period(days=1)
    bounds = bounds if bounds is not None else _bounds(rows, query, unit)
    hi = exp.column("hi", table="b")
    if grain is None:
        return exp.select(exp.alias_(_back(hi, shape.offset, unit), "e")).from_(bounds.subquery("b", copy=False))
    calendar, length = rows.calendar, rows.calendar.step(grain)
    first = as_timestamp(calendar.trunc(grain, exp.column("lo", table="b")))
    listed = periods_between(bounds.subquery("b", copy=False), first, length, rows.scope.dialect)
    p = exp.column("p", table="q")
    label = p if unit == "hour" else as_date(p)
    return exp.select(
        exp.alias_(label, "p"), exp.alias_(_end_of(p, length, step, shape.offset, grain, query), "e")
    ).from_(listed.subquery("q", copy=False))


def _end_of(p: exp.Expr, length: Period, step: Period, offset: Period | None, grain: str, query: Query) -> exp.Expr:
    """Return the last day (or hour) of a period, or of the one so much earlier."""
    unit = "hour" if grain == "hour" else "day"
    moved_whole = offset is None or offset.keeps_whole(grain) or grain in ("day", "hour")
    begin = plus(p.copy(), _negative(offset)) if offset is not None and moved_whole else p.copy()
    end = begin if grain == unit else plus(plus(begin, length), _negative(step))
    end = end if unit == "hour" else as_date(end)
    if not moved_whole:
        end = _back(end, offset, unit)
    if offset is None:
        return exp.Least(this=end, ignore_nulls=True, expressions=[exp.column("hi", table="q")])
    if query.end is not None:
        return exp.Least(this=end, ignore_nulls=True, expressions=[_back(exp.column("hi", table="q"), offset, unit)])
    return end


def _stretch(rows: Rows, shape: Shape, unit: str) -> exp.Expr:
    """Return the condition that a day counts for a period."""
    t, e = exp.column("t", table="i"), exp.column("e", table="s")
    if shape.span is None:
        return exp.EQ(this=t, expression=e)
    until = exp.LTE(this=t, expression=e)
    if shape.span.window is not None:
        return exp.and_(until, exp.GT(this=t.copy(), expression=_back(e.copy(), shape.span.window, unit)), copy=False)
    if shape.span.to_date is not None:
        start = rows.calendar.trunc(shape.span.to_date, e.copy(), of_days=True)
        return exp.and_(until, exp.GTE(this=t.copy(), expression=start), copy=False)
    return until


def _back(value: exp.Expr, length: Period | None, unit: str) -> exp.Expr:
    if length is None:
        return value
    earlier = plus(value, _negative(length))
    return earlier if unit == "hour" else as_date(earlier)


def _negative(length: Period) -> Period:
    return Period(-length.months, -length.days, -length.hours)


def _instant(text: str, unit: str) -> exp.Expr:
    kind, shown = ("timestamp", text) if unit == "hour" else ("date", text[:10])
    return exp.Cast(this=exp.Literal.string(shown), to=exp.DataType.build(kind))


def _hide_small(query: exp.Select, fewest: int) -> None:
    enough = exp.GTE(this=exp.Sum(this=exp.column("n", table="i")), expression=exp.Literal.number(fewest))
    query.having(enough, copy=False)


def periods(each: Sequence[Rows], query: Query, shape: Shape) -> exp.Select:
    """Return all periods from the first that one of several facts has rows of to the last, as `p`.

    `each` are the rows of each fact, whatever condition a question puts on them.
    """
    grain = query.time.grain if query.time else None
    bounds = [_bounds(rows, query, "hour" if grain == "hour" else "day") for rows in each]
    whole = bounds[0]
    if len(bounds) > 1:
        union: exp.Query = bounds[0]
        for one in bounds[1:]:
            union = exp.union(union, one, distinct=False, copy=False)
        lo, hi = exp.Min(this=exp.column("lo")), exp.Max(this=exp.column("hi"))
        whole = exp.select(exp.alias_(lo, "lo"), exp.alias_(hi, "hi")).from_(union.subquery("a", copy=False))
    spine = _spine(each[0], query, replace(shape, offset=None), grain, whole)
    return exp.select(exp.column("p")).from_(spine.subquery("s"))
