"""Targets and periods as people write them."""

from __future__ import annotations

import pytest

from freehold.server.web.figures import bound_of, in_period, named_period


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (">= 98%", "≥ 98 %"),
        ("<= 2.5%", "≤ 2.5 %"),
        ("< 1d", "< 1 day"),
        ("< 10bd", "< 10 working days"),
        ("< 60min", "< 60 min"),
        (">= 5/week", "≥ 5/week"),
        ("> 3", "> 3"),
        ("as it was", "as it was"),
    ],
)
def test_a_target_is_said_as_people_write_it(text: str, said: str) -> None:
    """With its sign, and its unit in words; what is no target is left as it stands."""
    assert bound_of(text) == said


@pytest.mark.parametrize(
    ("period", "named", "sentence"),
    [
        ("2026-W47", "week of 16 Nov 2026", "in the week of 16 Nov 2026"),
        ("2026-W01", "week of 29 Dec 2025", "in the week of 29 Dec 2025"),
        ("2026-11", "November 2026", "in November 2026"),
        ("2026-Q4", "Q4 2026", "in Q4 2026"),
        ("2026", "2026", "in 2026"),
        ("2026-11-22", "2026-11-22", "in 2026-11-22"),
    ],
)
def test_a_period_is_named(period: str, named: str, sentence: str) -> None:
    """By its month, its quarter, or the Monday its week begins with, as ISO 8601 counts weeks."""
    assert (named_period(period), in_period(period)) == (named, sentence)
