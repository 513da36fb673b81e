"""Targets and periods as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from freehold.insight import KpiValue, Period, State, builtin_kpis
from freehold.server.reckoning import Figure
from freehold.server.web.figures import bound_of, in_period, mark_of, named_period, standing, targets_of


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


def _figure(kpi: str, value: float | None, whole: float = 1.0) -> Figure:
    """A KPI with a value for a month that is not over."""
    one, month = builtin_kpis()[kpi], Period.month(2011, 3)
    state, at = State.OK if value is not None else State.NOT_ENOUGH, datetime(2011, 3, 20, tzinfo=UTC)
    return Figure(one, (KpiValue(one.id, month, state, value, 2, 1, 20, whole, one.unit, 1, at, one.definition),))


def test_kpis_that_are_not_judged_are_counted_apart() -> None:
    """On target are those alone whose targets are met with evidence enough."""
    told = [
        _figure("validation-pass-rate", 1.0),
        _figure("adoption", 0.9),
        _figure("pipeline-success", 1.0, 0.2),
        _figure("metric-disputes", 2.0, 0.0),
        _figure("test-coverage", None),
    ]
    off = _figure("change-failure-rate", 0.5, 0.2)

    rest = "1 on target, as far as told; 2 on target; 1 not judged yet."
    assert standing(told) == f"4 of 5 KPIs have evidence enough: {rest}"
    assert standing([*told, off]) == f"5 of 6 KPIs have evidence enough: 1 off target (Change failure rate); {rest}"
    assert standing(told[4:]) == ""


@pytest.mark.parametrize(
    ("kpi", "said"),
    [
        ("pipeline-success", "≥ 99 % (tier 1), ≥ 97 %"),
        ("validation-pass-rate", "≥ 98 %"),
        ("time-to-restore", "< 4 h, < 60 min, < 2 h"),
    ],
)
def test_all_targets_are_said_each_once(kpi: str, said: str) -> None:
    """Those of a tier with that; what several roles want alike once."""
    assert targets_of(builtin_kpis()[kpi]) == said
