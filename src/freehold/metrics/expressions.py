"""Reading the SQL expressions of models and questions, and judging which of SQL may stand in them.

Expressions are a closed part of SQL: arithmetic, conditions, known functions and aggregates over fields. No queries, no
tables, no functions whose effect is not known: what a caller writes must have no way past the policies of a dataset.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from freehold.foundation import FreeholdError, Where, near
from freehold.sql.unparsed import offset_of, unparsed

AGGREGATES = (
    exp.Sum, exp.Count, exp.Avg, exp.Min, exp.Max, exp.Median, exp.PercentileCont, exp.PercentileDisc,
    exp.ApproxDistinct, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.LogicalOr,
    exp.LogicalAnd, exp.CountIf,
)  # fmt: skip
OURS = ("prior", "share_of", "per", "percentile")
_FORBIDDEN = (
    exp.Query, exp.Table, exp.Window, exp.Lambda, exp.Parameter, exp.Placeholder, exp.SessionParameter, exp.Command,
    exp.DDL, exp.DML, exp.UDTF, exp.Into, exp.Unnest, exp.Explode, exp.ReadCSV, exp.ReadParquet,
)  # fmt: skip
CHANGING = (
    exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentDatetime, exp.CurrentUser, exp.Rand, exp.Uuid,
    exp.Localtime, exp.Localtimestamp, exp.CurrentVersion,
)  # fmt: skip
_DIVIDING = (exp.Div, exp.IntDiv, exp.Mod)
At = Where | Callable[[int], Where] | None  # the place of a text, or what gives that of each of its signs
_PREFIX = "SELECT "
_LONGEST = 20_000  # characters of one expression
_DEEPEST = 200


def expression(text: str, what: str, where: At = None) -> exp.Expr:
    """Return the tree of one expression.

    Raises:
        FreeholdError: FH-N201 it does not parse; FH-N202 it holds what has no place in an expression.
    """
    tree = _parsed(text, what, where)
    depth_error = _forbidden(tree, what, where)
    if depth_error:
        raise depth_error
    return tree


def condition(text: str, what: str, where: At = None) -> exp.Expr:
    """Return the tree of a condition over rows, which holds no aggregates.

    Raises:
        FreeholdError: FH-N201 and FH-N202 as for expressions; FH-N203 it aggregates.
    """
    tree = expression(text, what, where)
    found = next((n for n in tree.find_all(exp.AggFunc)), None)
    if found is not None:
        raise FreeholdError(
            "FH-N203", f"`{found.sql()}` in {what} is an aggregate; a condition is about one row.",
            where=_place(where, _start(found)),
            fix="Write `per(metric, field)` for a metric per something, or put it into --having.",
        )  # fmt: skip
    return tree


@lru_cache(maxsize=4096)
def _tree(text: str) -> exp.Expr:
    parsed = [tree for tree in sqlglot.parse(_PREFIX + text) if tree is not None]
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Select) or len(parsed[0].expressions) != 1:
        raise ValueError("more than one")
    if any(
        parsed[0].args.get(part) for part in ("from_", "from", "where", "group", "having", "order", "limit", "joins")
    ):
        raise ValueError("a query")
    only: exp.Expr = parsed[0].expressions[0]
    if isinstance(only, exp.Alias):
        raise ValueError("a name")
    only.pop()
    return only


def _parsed(text: str, what: str, where: At) -> exp.Expr:
    problem, offset = "", 0
    if len(text) > _LONGEST:
        problem = f"it has more than {_LONGEST:,} characters"
    try:
        if not problem:
            return _tree(text).copy()
    except SqlglotError as error:
        why = unparsed(error, text, prefix=_PREFIX)
        problem, offset = why.problem.rstrip("."), why.offset
    except (ValueError, RecursionError):
        problem = "it is not one expression"
    shown = text if len(text) <= 80 else f"{text[:77]}…"
    raise FreeholdError(
        "FH-N201", f"`{shown}` ({what}) is no expression: {problem}.", where=_place(where, offset),
        fix="Write one SQL expression, such as `SUM(lines.amount)` or `channel = 'web'`.",
    )  # fmt: skip


def _start(node: exp.Expr) -> int:
    return offset_of(node, prefix=_PREFIX)


def _place(where: At, offset: int) -> Where | None:
    return where(offset) if callable(where) else where


def _forbidden(tree: exp.Expr, what: str, where: At) -> FreeholdError | None:
    for node in tree.walk():
        if isinstance(node, _FORBIDDEN):
            return _no_place(node, what, where, "Expressions have no queries, tables or windows in them.")
        if isinstance(node, CHANGING):
            return _no_place(
                node, what, where, "It is something else on another day; say the time from and to instead."
            )
        if isinstance(node, _DIVIDING) and _is_nothing(node.expression):
            return _no_place(node, what, where, "Nothing can be divided by 0.")
        if isinstance(node, exp.Anonymous) and node.name.lower() not in OURS:
            return _no_place(
                node, what, where, near(node.name.lower(), OURS) or "Use a function that all engines know."
            )
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star) and not isinstance(node.parent, exp.Count):
            return _no_place(node, what, where, "Name the fields; only COUNT(dataset.*) takes a star.")
        if node.depth > _DEEPEST:
            return _no_place(tree, what, where, f"It is nested more than {_DEEPEST} levels deep; give parts a name.")
    return None


def _is_nothing(divisor: exp.Expr) -> bool:
    while isinstance(divisor, exp.Paren | exp.Neg):
        divisor = divisor.this
    return isinstance(divisor, exp.Literal) and not divisor.is_string and not float(divisor.this)


def guarded(tree: exp.Expr) -> exp.Expr:
    """Return an expression over rows, changed in place, in which what is divided by nothing is nothing."""
    for node in list(tree.find_all(*_DIVIDING)):
        if not isinstance(node.expression, exp.Literal | exp.Nullif):
            node.set("expression", exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0)))
    return tree


def _no_place(node: exp.Expr, what: str, where: At, fix: str) -> FreeholdError:
    shown = node.sql()
    shown = shown if len(shown) <= 80 else f"{shown[:77]}…"
    return FreeholdError("FH-N202", f"`{shown}` has no place in {what}.", where=_place(where, _start(node)), fix=fix)


def parts_of(column: exp.Column) -> tuple[str, ...]:
    """Return the words of a dotted name, as they were written."""
    return tuple(part.name for part in column.parts)


def is_ours(node: exp.Expr, name: str) -> bool:
    """Whether a node is a call of one of our own functions."""
    return isinstance(node, exp.Anonymous) and node.name.lower() == name


def aggregate_of(node: exp.Expr) -> exp.Expr | None:
    """Return a node as one aggregate in the form the compiler works on, or None where it is none.

    `x FILTER (WHERE c)` stays as it is. `PERCENTILE(x, 0.9)` and `PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY x)`
    become one form: a `PercentileCont` of the value with the fraction as `expression`.
    """
    if isinstance(node, exp.Filter) and aggregate_of(node.this) is not None:
        return node
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont | exp.PercentileDisc):
        ordered = node.expression.expressions[0].this
        return type(node.this)(this=ordered.copy(), expression=node.this.this.copy())
    if is_ours(node, "percentile") and len(node.expressions) == 2:
        value, fraction = node.expressions
        return exp.PercentileCont(this=value.copy(), expression=fraction.copy())
    return node if isinstance(node, AGGREGATES) else None


def per_of(aggregate: exp.Expr) -> exp.Expr | None:
    """Return the `per(metric, field)` that an aggregate is over, or None where it is over rows."""
    inner = aggregate.this if isinstance(aggregate, exp.Filter) else aggregate
    argument = inner.this
    return argument if isinstance(argument, exp.Expr) and is_ours(argument, "per") else None


def named_in(per: exp.Expr, metric: str) -> tuple[exp.Column, exp.Column]:
    """Return the metric and the field of a `per(metric, field)` that stands in the metric of a name.

    Raises:
        FreeholdError: FH-N204 it names none.
    """
    given = per.expressions
    if len(given) != 2 or not all(isinstance(one, exp.Column) for one in given):
        raise FreeholdError(
            "FH-N204", f"`{per.sql()}` in `{metric}` is no metric per something.",
            fix="Write AVG(per(revenue, orders.customer_id)).",
        )  # fmt: skip
    return given[0], given[1]
