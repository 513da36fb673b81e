"""Targets and periods as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from freehold.insight import KpiValue, Period, State, builtin_kpis
from freehold.server.web.figures import bound_of, in_period, mark_of, named_period


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


@pytest.mark.parametrize(
    ("known", "before", "word"),
    [("2011-03-20", 9.0, "not judged yet"), ("2011-04-01", 9.0, "on target"), ("2011-04-01", None, "no target")],
    ids=["so far", "over, beside the month before", "over, and nothing to compare with"],
)
def test_a_trend_is_judged_once_its_period_is_over(known: str, before: float | None, word: str) -> None:
    """A count so far is no less than that of the whole month before."""
    kpi, month = builtin_kpis()["metric-disputes"], Period.month(2011, 3)
    at = datetime.fromisoformat(known).replace(tzinfo=UTC)
    value = KpiValue(kpi.id, month, State.OK, 2.0, 2, 1, 20, 1.0, "count", 1, at, kpi.definition, before=before)

    assert mark_of(kpi, value).word == word
