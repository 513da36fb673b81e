"""Lengths of time as contracts write them: `4` and `d`, `30` and `minutes`. One table for whoever judges by them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

# A month is 30 days and a year 365: a promise is held to a number of days, not to a calendar.
_SECONDS = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600, "d": 86_400,
    "day": 86_400, "w": 604_800, "wk": 604_800, "week": 604_800, "mo": 2_592_000, "month": 2_592_000, "q": 7_776_000,
    "quarter": 7_776_000, "y": 31_536_000, "yr": 31_536_000, "year": 31_536_000,
}  # fmt: skip
LONGEST = Decimal(100 * 31_536_000)  # seconds; whoever says more means for ever, and dates end before that


def unit_seconds(unit: str | None) -> int | None:
    """Return how long one `d`, `Minutes` or `hrs` is, or None where the word is no unit of time. No word means days."""
    word = (unit or "d").strip().lower()
    return _SECONDS.get(word) or _SECONDS.get(word.removesuffix("s"))


def seconds(value: Any, unit: str | None) -> Decimal | None:
    """Return `4` and `d` in seconds, a hundred years at most, or None where they are no length of time."""
    each = unit_seconds(unit)
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return max(-LONGEST, min(amount * each, LONGEST)) if each and amount.is_finite() else None
