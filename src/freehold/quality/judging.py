"""From a measured value to a verdict. Exact: numbers are compared as what they are written as."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from freehold.quality.model import Check, Verdict


class Incomparable(Exception):
    """A measured value and a threshold that have no order between them."""


def _between(value: Any, bounds: Any) -> bool:
    low, high = bounds
    return bool(low <= value <= high)


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "mustBe": lambda value, limit: bool(value == limit),
    "mustNotBe": lambda value, limit: bool(value != limit),
    "mustBeGreaterThan": lambda value, limit: bool(value > limit),
    "mustBeGreaterOrEqualTo": lambda value, limit: bool(value >= limit),
    "mustBeLessThan": lambda value, limit: bool(value < limit),
    "mustBeLessOrEqualTo": lambda value, limit: bool(value <= limit),
    "mustBeBetween": _between,
    "mustNotBeBetween": lambda value, bounds: not _between(value, bounds),
}


def holds(operator: str, value: Any, threshold: Any) -> bool:
    """Return whether a measured value satisfies its operator. NaN satisfies none.

    Raises:
        Incomparable: the two are of different kinds, as text and a number are.
    """
    if isinstance(value, float) and math.isnan(value):
        return False
    limit = [_like(value, t) for t in threshold] if isinstance(threshold, list | tuple) else _like(value, threshold)
    try:
        return OPERATORS[operator](value, limit)
    except (TypeError, ValueError) as error:
        raise Incomparable(f"`{value}` cannot be compared with `{threshold}`") from error


def _like(value: Any, threshold: Any) -> Any:
    """Return the threshold in the measured value's type: 0.1 beside a Decimal means exactly 0.1."""
    if isinstance(value, bool) or isinstance(threshold, bool):
        return threshold
    if isinstance(threshold, float) and isinstance(value, Decimal):
        return Decimal(repr(threshold)) if math.isfinite(threshold) else threshold
    if not isinstance(threshold, str) or isinstance(value, str):
        return threshold
    return _parsed(value, threshold)


def _parsed(value: Any, text: str) -> Any:
    """Return a threshold written as text in the type of the value it is compared with."""
    try:
        if isinstance(value, datetime):
            stamp = datetime.fromisoformat(text)
            return stamp.replace(tzinfo=value.tzinfo) if stamp.tzinfo is None else stamp
        if isinstance(value, date):
            return date.fromisoformat(text)
        if isinstance(value, time):
            return time.fromisoformat(text)
        return Decimal(text) if isinstance(value, Decimal | int) else float(text)
    except (ValueError, ArithmeticError) as error:
        raise Incomparable(f"`{value}` cannot be compared with `{text}`") from error


def verdict_of(check: Check, value: Any) -> Verdict:
    """Return pass, or what a failure of this check is: fail if it blocks, else warn."""
    if holds(check.operator, value, check.threshold):
        return Verdict.PASS
    return Verdict.FAIL if check.blocking else Verdict.WARN
