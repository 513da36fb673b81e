"""Sets of numbers, instants or words in their order, as spans, so that one promise can be held against another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any


class Incomparable(Exception):
    """Two limits are of kinds that have no common order."""


@dataclass(frozen=True, slots=True)
class Span:
    """Everything from `low` to `high`; None is no limit; an open end does not belong to it."""

    low: Any = None
    high: Any = None
    open_low: bool = False
    open_high: bool = False

    def within(self, other: Span) -> bool:
        """Return whether all of this span lies in the other.

        Raises:
            Incomparable: their limits have no common order.
        """
        return _not_below(self, other) and _not_above(self, other)

    def stricter(self, other: Span) -> Span:
        """Return the one of the two that lies in the other; both are without end on the same side."""
        return other if other.within(self) else self


EVERYTHING = (Span(),)


def covered(inner: Sequence[Span], outer: Sequence[Span]) -> bool:
    """Return whether each span of `inner` lies in one of `outer`; the spans of `outer` do not touch each other."""
    return all(any(span.within(other) for other in outer) for span in inner)


def limit(value: Any) -> Any:
    """Return a limit of a contract in a form that has an order: a Decimal, or the text of an instant in ISO form."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return str(value).strip().replace(" ", "T", 1)


def rule_spans(operator: str | None, threshold: Any) -> tuple[Span, ...]:
    """Return the values that satisfy an operator of the standard; everything if there is none."""
    if operator is None:
        return EVERYTHING
    pair = threshold if isinstance(threshold, tuple | list) else (threshold, threshold)
    low, high = limit(pair[0]), limit(pair[-1])
    return {
        "mustBe": (Span(low, low),),
        "mustNotBe": (Span(None, low, open_high=True), Span(low, None, open_low=True)),
        "mustBeGreaterThan": (Span(low, None, open_low=True),),
        "mustBeGreaterOrEqualTo": (Span(low, None),),
        "mustBeLessThan": (Span(None, low, open_high=True),),
        "mustBeLessOrEqualTo": (Span(None, low),),
        "mustBeBetween": (Span(low, high),),
        "mustNotBeBetween": (Span(None, low, open_high=True), Span(high, None, open_low=True)),
    }[operator]


def _not_below(inner: Span, outer: Span) -> bool:
    if outer.low is None:
        return True
    if inner.low is None:
        return False
    order = _order(inner.low, outer.low)
    return order > 0 or (order == 0 and (inner.open_low or not outer.open_low))


def _not_above(inner: Span, outer: Span) -> bool:
    if outer.high is None:
        return True
    if inner.high is None:
        return False
    order = _order(inner.high, outer.high)
    return order < 0 or (order == 0 and (inner.open_high or not outer.open_high))


def _order(one: Any, other: Any) -> int:
    if type(one) is not type(other):
        raise Incomparable
    return int(one > other) - int(one < other)
