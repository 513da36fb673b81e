"""SQL's three-valued logic as functions of one row: True, False, or None for what is not known."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Cell = Callable[[Row], Any]  # what one part of a condition comes to, for a row of facts


def both(left: Cell, right: Cell) -> Cell:
    """AND: false if either is false, whatever the other; unknown if either is unknown."""

    def conjunction(row: Row) -> bool | None:
        first = left(row)
        if first is False:
            return False
        second = right(row)
        return False if second is False else None if first is None or second is None else True

    return conjunction


def either(left: Cell, right: Cell) -> Cell:
    """OR: true if either is true, whatever the other; unknown if either is unknown."""

    def disjunction(row: Row) -> bool | None:
        first = left(row)
        if first is True:
            return True
        second = right(row)
        return True if second is True else None if first is None or second is None else False

    return disjunction


def strict(function: Callable[..., Any], *parts: Cell) -> Cell:
    """Return a function of parts that is unknown as soon as one of them is."""
    if len(parts) == 1:
        (only,) = parts
        return lambda row: None if (value := only(row)) is None else function(value)
    if len(parts) == 2:
        left, right = parts

        def of_two(row: Row) -> Any:
            first, second = left(row), right(row)
            return None if first is None or second is None else function(first, second)

        return of_two

    def of_all(row: Row) -> Any:
        values = [part(row) for part in parts]
        return None if None in values else function(*values)

    return of_all


def among(subject: Cell, choices: Sequence[Cell]) -> Cell:
    """IN: true if one equals; unknown if none does and one of them, or the subject, is unknown."""

    def membership(row: Row) -> bool | None:
        value = subject(row)
        if value is None:
            return None
        values = [choice(row) for choice in choices]
        return True if any(v is not None and v == value for v in values) else None if None in values else False

    return membership


def first_known(*parts: Cell) -> Cell:
    """COALESCE: the first that is known."""
    return lambda row: next((value for part in parts if (value := part(row)) is not None), None)


def chosen(cases: Sequence[tuple[Cell, Cell]], default: Cell) -> Cell:
    """CASE: the first whose condition is true; one that is unknown is not."""

    def choice(row: Row) -> Any:
        for when, then in cases:
            if when(row) is True:
                return then(row)
        return default(row)

    return choice


def same(left: Cell, right: Cell) -> Cell:
    """IS NOT DISTINCT FROM: equal, or both unknown; never unknown itself."""

    def sameness(row: Row) -> bool:
        first, second = left(row), right(row)
        return second is None if first is None else second is not None and bool(first == second)

    return sameness


def divided(left: float, right: float) -> float | None:
    """Return a quotient; by zero there is none, and what is not known passes no rule."""
    return left / right if right else None


def like(ignores_case: bool) -> Callable[[str, str], bool]:
    """LIKE: `%` stands for any text, `_` for one sign."""

    def matches(value: str, pattern: str) -> bool:
        parts = ("(?s:.*)" if c == "%" else "(?s:.)" if c == "_" else re.escape(c) for c in pattern)
        return re.fullmatch("".join(parts), value, re.IGNORECASE if ignores_case else 0) is not None

    return matches


COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "neq": operator.ne, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge,
}  # fmt: skip
ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": divided,
}  # fmt: skip
