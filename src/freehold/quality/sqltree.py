"""The few pieces of SQL that checks are made of, as sqlglot trees; one dialect's spelling is sqlglot's business.

Relations are named by tokens that stand for them until a scope is known: a statement is generated once and then only
has its tokens replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlglot import exp

from freehold.quality.coltypes import NUMERIC, family

ROWS = "__freehold_rows__"
REST = "__freehold_rest__"
WHOLE = "__freehold_whole__"
_REFERENCE = "__freehold_ref_{}__"


class Unsuitable(Exception):
    """A check that cannot be asked of a column; the message says why, in words for the contract's author."""


def reference_token(asset: str) -> str:
    """Return the token that stands for a referenced asset's relation."""
    return _REFERENCE.format(re.sub(r"\W", lambda m: f"_{ord(m[0]):x}_", asset))


def table(token: str, alias: str = "r") -> exp.Table:
    """Return a relation token as a table of a FROM clause; a query in its place needs the alias."""
    found = exp.Table(this=exp.to_identifier(token, quoted=False))
    found.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return found


def column(name: str, of: str | None = None) -> exp.Column:
    """Return a quoted column."""
    return exp.column(name, table=of, quoted=True)


def aliased(tree: exp.Expr, name: str) -> exp.Alias:
    """Return `tree AS name`, without a copy of the tree."""
    return exp.Alias(this=tree, alias=exp.to_identifier(name, quoted=False))


def count(tree: exp.Expr | None = None) -> exp.Count:
    """Return COUNT(tree), or COUNT(*)."""
    return exp.Count(this=tree.copy() if tree else exp.Star(), big_int=True)


def count_case(condition: exp.Expr) -> exp.Count:
    """Return COUNT(CASE WHEN condition THEN 1 END): on DuckDB 30 % less CPU than FILTER."""
    return exp.Count(this=case(condition, exp.Literal.number(1)), big_int=True)


def case(condition: exp.Expr, then: exp.Expr) -> exp.Case:
    """Return CASE WHEN condition THEN then END."""
    return exp.Case(ifs=[exp.If(this=condition.copy(), true=then.copy())])


def count_distinct(*trees: exp.Expr) -> exp.Count:
    """Return COUNT(DISTINCT …)."""
    return exp.Count(this=exp.Distinct(expressions=[t.copy() for t in trees]), big_int=True)


def either(conditions: Iterable[exp.Expr]) -> exp.Expr:
    """Return the conditions joined by OR, in parentheses; at least one."""
    return exp.Paren(this=exp.or_(*conditions, copy=True))


def both(conditions: Iterable[exp.Expr]) -> exp.Expr:
    """Return the conditions joined by AND; at least one."""
    return exp.and_(*conditions, copy=True)


def is_null(tree: exp.Expr) -> exp.Is:
    """Return tree IS NULL."""
    return exp.Is(this=tree.copy(), expression=exp.Null())


def not_null(tree: exp.Expr) -> exp.Not:
    """Return NOT tree IS NULL."""
    return exp.Not(this=is_null(tree))


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Return a call of a function that only some engines have."""
    return exp.Anonymous(this=name, expressions=[a.copy() for a in arguments])


def fetch(expressions: Sequence[exp.Expr], source: exp.Expr) -> exp.Select:
    """Return SELECT expressions FROM source, without copies: generating is what costs."""
    return exp.Select(expressions=list(expressions), from_=exp.From(this=source))


def scalar(select: exp.Expr) -> exp.Subquery:
    """Return a query in parentheses, as one value."""
    return exp.Subquery(this=select)


def literal(value: Any, engine_type: str) -> exp.Expr:
    """Return a value of a contract as SQL, in the type of the column it is compared with.

    Raises:
        Unsuitable: the value has no counterpart in that type.
    """
    kind = family(engine_type)
    if value is None:
        return exp.Null()
    if kind == "string":
        return exp.Literal.string(_as_text(value))
    if isinstance(value, bool):
        if kind in ("boolean", "other"):
            return exp.Boolean(this=value)
        raise Unsuitable(f"`{value}` is no {engine_type}")
    if isinstance(value, int | float | Decimal):
        return _number(value, kind, engine_type)
    text = _as_text(value)
    if kind in NUMERIC and not _reads_as_number(text):
        raise Unsuitable(f"`{text}` is no {engine_type}")
    if kind in NUMERIC:
        return _number(Decimal(text), kind, engine_type)
    if kind in _CAST:
        return exp.Cast(this=exp.Literal.string(text), to=exp.DataType(this=_CAST[kind]))
    return exp.Literal.string(text)


_CAST = {
    "date": exp.DataType.Type.DATE,
    "timestamp": exp.DataType.Type.TIMESTAMP,
    "timestamptz": exp.DataType.Type.TIMESTAMPTZ,
    "time": exp.DataType.Type.TIME,
    "uuid": exp.DataType.Type.UUID,
    "boolean": exp.DataType.Type.BOOLEAN,
}


def _reads_as_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False


def _number(value: float | Decimal, kind: str, engine_type: str) -> exp.Expr:
    if kind not in NUMERIC and kind != "other":
        raise Unsuitable(f"the column is {engine_type} and cannot be compared with the number {value}")
    text = f"{value:f}" if isinstance(value, Decimal) else repr(value)
    if text in ("inf", "-inf", "nan"):
        return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build("double"))
    magnitude = exp.Literal.number(text.removeprefix("-"))
    return exp.Neg(this=magnitude) if text.startswith("-") else magnitude


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def replaced(tree: exp.Expr, part: exp.Expr, by: exp.Expr) -> exp.Expr:
    """Return a tree in which every occurrence of `part` is `by`."""

    def swap(node: exp.Expr) -> exp.Expr:
        return by.copy() if node == part else node

    return tree.copy().transform(swap)
