"""How the value of a metric is said."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from freehold.foundation.words import percent


def number(value: float | Decimal, unit: str) -> str:
    """Return a number as a person reads it: shares as percent, whole numbers whole, others with two decimals."""
    if unit == "%":
        return percent(float(value), 1)
    if isinstance(value, int) or (value == int(value) and not unit):
        said = f"{int(value):,}"
    else:
        said = f"{value:,.2f}" if abs(float(value)) >= 0.01 or not value else f"{value:.3g}"
    return said.replace("-", "−")


def unit_in_data(unit: str) -> str:
    """Return the unit of values as programs are given them: shares are fractions, which people read as percent."""
    return "1" if unit == "%" else unit


def in_part(policies: Collection[str]) -> str:
    """Say by which policies a reader sees a part alone, or other values; nothing where they see all of it."""
    return f"In part, as you may see it by {', '.join(policies)}." if policies else ""


def short(value: float) -> str:
    """Return a number for an axis, where room is scarce: three digits and a letter for its size."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")
