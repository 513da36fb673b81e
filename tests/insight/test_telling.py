"""How KPIs are said: values in units people use, targets judged, an axis in one unit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from freehold.insight import KpiValue, Period, State, builtin_kpis
from freehold.insight.targets import target
from freehold.insight.telling import Verdict, drawn_in, is_red, judged, made_of, newest, said, verdict_of

RESTORE = builtin_kpis()["time-to-restore"]


def value_of(value: float | None) -> KpiValue:
    """A value of that KPI for a month."""
    period = Period.month(2011, 3)
    state = State.OK if value is not None else State.NOT_ENOUGH
    return KpiValue(RESTORE.id, period, state, value, 0, 0, 9, 1.0, "s", 1, period.end, RESTORE.definition)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "share", "—"),
        (0.9876, "share", "98.8 %"),
        (0.0, "s", "0 s"),
        (0.0004, "s", "0.4 ms"),
        (0.012, "s", "12.0 ms"),
        (0.5, "s", "0.5 s"),
        (90.0, "s", "90.0 s"),
        (7_200.0, "s", "2.0 h"),
        (259_200.0, "s", "3.0 d"),
        (6.0, "/week", "6/week"),
        (1234, "count", "1,234"),
        (12.5, "money", "12.5"),
    ],
    ids=[
        "nothing",
        "a share",
        "no time",
        "less than a millisecond",
        "milliseconds",
        "a part of a second",
        "seconds",
        "hours",
        "days",
        "a rate",
        "a count",
        "an amount",
    ],
)
def test_a_value_is_said_in_a_unit_people_use(value: float | None, unit: str, text: str) -> None:
    """As commands and pages say it."""
    assert said(value, unit) == text


@pytest.mark.parametrize(
    ("kpi", "text"),
    [("time-to-restore", "2.0 h / 3"), ("request-cycle-time", "7,200 bd / 3"), ("adoption", "7,200 / 3")],
)
def test_what_a_value_is_made_of_is_said_in_its_unit(kpi: str, text: str) -> None:
    """A sum of times is a time; what is counted has no unit."""
    assert made_of(builtin_kpis()[kpi], 7_200.0, 3) == text


def test_a_figure_beside_a_value_has_the_unit_its_file_says() -> None:
    """Else that of the value."""
    assert said(0.5, builtin_kpis()["hiring-throughput"].unit_of("ramped")) == "50.0 %"
    assert said(7_200, RESTORE.unit_of("p90")) == "2.0 h"


@pytest.mark.parametrize(
    ("values", "unit", "size", "drawn"),
    [
        ([0.1, 0.9], "share", 1.0, "%"),
        ([30, 60], "s", 1.0, "s"),
        ([600, 9_000], "s", 3_600.0, "h"),
        ([], "s", 1.0, "s"),
        ([1, 2], "count", 1.0, ""),
        ([1, 2], "bd", 1.0, "bd"),
    ],
)
def test_an_axis_has_one_unit(values: list[float], unit: str, size: float, drawn: str) -> None:
    """That of its largest value."""
    assert drawn_in(values, unit) == (size, drawn)


@pytest.mark.parametrize(
    ("value", "red"),
    [(None, None), (1_800.0, False), (10_800.0, True), (20_000.0, True)],
    ids=["no value", "all targets met", "one of them missed", "all missed"],
)
def test_a_kpi_is_red_where_any_target_is_missed(value: float | None, red: bool | None) -> None:
    """And neither red nor not without a value."""
    assert is_red(RESTORE, value_of(value)) is red


@pytest.mark.parametrize(
    ("text", "value", "before", "met"),
    [
        ("falling", 3, 4, True), ("falling", 4, 4, False), ("not rising", 4, 4, True), ("not rising", 5, 4, False),
        ("rising", 5, 4, True), ("not falling", 3, 4, False), ("falling", 3, None, None),
        ("within 10s", -10, None, True), ("within 10s", 11, None, False),
    ],
)  # fmt: skip
def test_a_target_may_be_a_trend(text: str, value: float, before: float | None, met: bool | None) -> None:
    """Beside the period before, once the period is over; without one it is not judged."""
    kpi = replace(RESTORE, targets=(target("all", text, "s"),))
    over = replace(value_of(value), before=before)

    assert [verdict for _, verdict in judged(kpi, over)] == [met]
    if kpi.targets[0].is_trend:
        assert [verdict for _, verdict in judged(kpi, replace(over, known=over.period.start))] == [None]


def test_a_target_of_a_tier_is_not_judged_by_the_whole() -> None:
    """It is about a slice, which nobody looked at."""
    of_a_tier = replace(RESTORE, targets=tuple(replace(t, whose="tier-1") for t in RESTORE.targets))

    assert {met for _, met in judged(of_a_tier, value_of(60.0))} == {None}
    assert is_red(of_a_tier, value_of(60.0)) is None


@pytest.mark.parametrize(
    ("value", "whole", "verdict"),
    [
        (None, None, Verdict.NOT_ENOUGH),
        (3_000.0, 1.0, Verdict.ON),
        (3_000.0, None, Verdict.ON),
        (3_000.0, 0.5, Verdict.ON),
        (3_000.0, 0.49, Verdict.AS_FAR_AS_TOLD),
        (90_000.0, 0.49, Verdict.OFF),
    ],
)
def test_a_target_is_met_as_far_as_the_evidence_tells(
    value: float | None, whole: float | None, verdict: Verdict
) -> None:
    """What is missed is missed however little is known; what is met with less than half is so as far as told."""
    assert verdict_of(RESTORE, replace(value_of(value), evidence_completeness=whole)) is verdict


@pytest.mark.parametrize(
    ("values", "place"),
    [([1.0, 2.0, 3.0], 2), ([1.0, 2.0, None], 1), ([1.0, None, None], 2), ([None], 0), ([1.0], 0)],
    ids=["the last", "the one before", "no older one", "none", "one"],
)
def test_what_a_kpi_is_now_is_of_the_last_two_periods(values: list[float | None], place: int) -> None:
    """Early in a period there is not evidence enough; what is older than the one before is not now."""
    found = [value_of(value) for value in values]

    assert newest(found) is found[place]
