"""Lengths of time as contracts write them."""

from decimal import Decimal

import pytest

from freehold.estate.durations import seconds


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (30, "minutes", 1800),
        (30, "minute", 1800),
        (30, "min", 1800),
        (30, "m", 1800),
        (4, "d", 345_600),
        (4, "Days", 345_600),
        (4, None, 345_600),
        ("1.5", "hrs", 5400),
        (2, "weeks", 1_209_600),
        (1, "month", 2_592_000),
        (90, "secs", 90),
        (1, "fortnight", None),
        ("soon", "d", None),
        ("nan", "d", None),
        (None, "d", None),
        ("1e30", "s", 3_153_600_000),
        (999_999, "y", 3_153_600_000),
    ],
)
def test_a_value_and_its_unit_are_seconds(value: object, unit: str | None, expected: int | None) -> None:
    """Every spelling of a unit means the same; what is no length of time means none; a hundred years is the longest."""
    assert seconds(value, unit) == (None if expected is None else Decimal(expected))
