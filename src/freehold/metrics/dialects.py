"""What the engines spell differently, beyond what sqlglot knows: percentiles, series of periods, empty columns.

The compiler builds one canonical tree; `finished` turns it into a dialect's own. A percentile is a `PercentileCont` of
the value with the fraction beside it; a period is truncated as a timestamp without zone.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.timing import Period, as_date, as_timestamp

DIALECTS = ("duckdb", "postgres", "snowflake", "bigquery")
_NUMBERS = "SELECT ROW_NUMBER() OVER (ORDER BY NULL) - 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => 100000))"


def checked(dialect: str) -> str:
    """Return a dialect that can be compiled to.

    Raises:
        FreeholdError: FH-N109 nobody here writes it.
    """
    if dialect not in DIALECTS:
        raise FreeholdError(
            "FH-N109", f"Metrics are not compiled to `{dialect}`.", fix=f"Use one of: {', '.join(DIALECTS)}."
        )
    return dialect


def written_for(engine: str) -> str:
    """Return the dialect to write for an engine whose own is a variant of it; else the engine's own."""
    known = sqlglot.Dialect.get(engine)
    variants = (
        d for d in DIALECTS if known is not None and issubclass(known, sqlglot.Dialect.get_or_raise(d).__class__)
    )
    return next(variants, engine)


def empty(kind: str, dialect: str, branches: int) -> exp.Expr:
    """Return the value of a column in a branch that does not compute it.

    PostgreSQL settles the types of a union two branches at a time: two bare nulls become text, and a third branch's
    number no longer fits.
    """
    if dialect == "postgres" and branches > 2:
        return exp.Cast(this=exp.Null(), to=exp.DataType.build(kind, dialect="postgres"))
    return exp.Null()


def periods_between(bounds: exp.Subquery, first: exp.Expr, step: Period, dialect: str) -> exp.Select:
    """Return a query that gives, for each step from a timestamp to the bound `hi`, its start `p` beside `hi`."""
    unit, amount = step.unit
    word = unit.removesuffix("s").upper()
    last, hi = as_timestamp(exp.column("hi", table="b")), exp.column("hi", table="b")
    length = exp.Interval(this=exp.Literal.string(str(amount)), unit=exp.var(word))
    if dialect == "bigquery":
        days = exp.Anonymous(this="GENERATE_DATE_ARRAY", expressions=[as_date(first), as_date(last), length])
        source = exp.Unnest(expressions=[days], alias=exp.TableAlias(this=exp.to_identifier("p")))
        return exp.select(exp.column("p"), hi).from_(bounds).join(source, join_type="cross")
    if dialect == "snowflake":
        step_on = exp.Mul(this=exp.column("n", table="r"), expression=exp.Literal.number(amount))
        start = exp.Anonymous(this="DATEADD", expressions=[exp.var(word), step_on, first])
        numbers = sqlglot.parse_one(_NUMBERS, read="snowflake", into=exp.Select).subquery("r")
        listed = exp.select(exp.alias_(start, "p"), hi).from_(bounds).join(numbers, join_type="cross")
        return listed.where(exp.LTE(this=start.copy(), expression=last))
    made = exp.Anonymous(this="GENERATE_SERIES", expressions=[first, last, length])
    each = exp.Anonymous(this="UNNEST", expressions=[made]) if dialect == "duckdb" else made
    return exp.select(exp.alias_(each, "p", copy=False), hi).from_(bounds)


def finished(tree: exp.Expr, dialect: str) -> exp.Expr:
    """Return the tree in a dialect's own forms; the tree given is changed."""
    for node in list(tree.find_all(exp.PercentileCont, exp.PercentileDisc, exp.Median)):
        node.replace(_percentile(node, dialect))
    if dialect == "bigquery":
        for trunc in list(tree.find_all(exp.TimestampTrunc)):
            unit = trunc.args["unit"].name
            week = exp.Literal.string("ISOWEEK" if unit == "WEEK" else unit)
            trunc.replace(exp.DateTrunc(this=as_date(trunc.this.copy()), unit=week))  # type: ignore[no-untyped-call]
    return tree


def _percentile(node: exp.Expr, dialect: str) -> exp.Expr:
    fraction = exp.Literal.number("0.5") if isinstance(node, exp.Median) else node.expression.copy()
    value = node.this.copy()
    is_exact = isinstance(node, exp.PercentileDisc)
    if dialect == "duckdb":
        return exp.Anonymous(this="QUANTILE_DISC" if is_exact else "QUANTILE_CONT", expressions=[value, fraction])
    if dialect == "bigquery":
        # There is no exact percentile that groups; a thousandth is the resolution of this one.
        picked = exp.Cast(
            this=exp.Mul(this=fraction, expression=exp.Literal.number(1000)), to=exp.DataType.build("bigint")
        )
        sketch = exp.Anonymous(this="APPROX_QUANTILES", expressions=[value, exp.Literal.number(1000)])
        return exp.Bracket(this=sketch, expressions=[exp.Anonymous(this="OFFSET", expressions=[picked])])
    kind = exp.PercentileDisc if is_exact else exp.PercentileCont
    order = exp.Order(expressions=[exp.Ordered(this=value, nulls_first=False)])
    return exp.WithinGroup(this=kind(this=fraction), expression=order)
