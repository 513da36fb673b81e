"""What can be said against a condition before a warehouse sees it: no truth value, or things that do not compare."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.expressions import parts_of
from freehold.metrics.model import TIME_TYPES, Field

_NUMBERS = ("Integer", "Decimal", "Float")
SPOKEN = {"String": "text", "Boolean": "yes or no"} | dict.fromkeys(_NUMBERS, "numbers") | dict.fromkeys(
    TIME_TYPES, "days"
)  # fmt: skip
_COMPARING = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between)
_VALUES = (exp.Literal, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.DPipe)


def judge(tree: exp.Expr, field: Callable[[exp.Column], Field | None]) -> None:
    """Refuse a condition that no row can meet or fail, for what it is.

    Args:
        tree: as it was asked.
        field: gives what a name in it means, None where it is no field.

    Raises:
        FreeholdError: FH-N112 it has no truth value, or compares a field with what it does not hold.
    """
    for part in _truths(tree):
        if isinstance(part, _VALUES):
            raise _no_condition(part.sql(), "is a value", "Compare a field with it")
        meant = field(part) if isinstance(part, exp.Column) else None
        if isinstance(part, exp.Column) and meant and meant.type in SPOKEN and meant.type != "Boolean":
            compared = f"Compare it with something: {part.sql()} = {_example(meant)}"
            raise _no_condition(part.sql(), f"holds {SPOKEN[meant.type]}", compared)
    for node in tree.find_all(*_COMPARING):
        sides = [*node.iter_expressions()]
        for column in (side for side in sides if isinstance(side, exp.Column)):
            meant = field(column)
            for literal in (side for side in sides if isinstance(side, exp.Literal)):
                if meant is not None and not _holds(meant.type, literal):
                    raise _other_kind(column, meant, literal)


def _truths(tree: exp.Expr) -> list[exp.Expr]:
    """Return the parts of a condition that are joined by AND, OR and NOT."""
    if isinstance(tree, exp.And | exp.Or):
        return [*_truths(tree.left), *_truths(tree.right)]
    if isinstance(tree, exp.Not | exp.Paren):
        return _truths(tree.this)
    return [tree]


def _holds(kind: str, literal: exp.Literal) -> bool:
    text = str(literal.this)
    if kind == "String":
        return literal.is_string
    if kind in _NUMBERS and literal.is_string:
        return _reads(float, text)
    if kind in TIME_TYPES:
        return literal.is_string and _reads(datetime.fromisoformat, text.strip())
    return True


def _reads(how: Callable[[str], object], text: str) -> bool:
    try:
        how(text)
    except ValueError:
        return False
    return True


def _no_condition(text: str, what: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-N112", f"`{text}` {what}, and no condition.", fix=f"{fix}.")


def _other_kind(column: exp.Column, meant: Field, literal: exp.Literal) -> FreeholdError:
    name = ".".join(parts_of(column))
    instead = f"'{literal.this}'" if meant.type == "String" else _example(meant)
    problem = f"`{name}` holds {SPOKEN[meant.type]}, and `{literal.sql()}` is none."
    return FreeholdError("FH-N112", problem, fix=f"Write {name} = {instead}.")


def _example(field: Field) -> str:
    if field.type == "String":
        return "'web'"
    return "'2011-03-07'" if field.type in TIME_TYPES else "12.5"
