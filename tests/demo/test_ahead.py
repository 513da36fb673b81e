"""The demo's plans: made on the days of any replay that is long enough, by the functions that anybody's are made by."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from freehold.demo.ahead import Plans
from freehold.demo.estate_files import prepare
from freehold.demo.replay import Stage
from freehold.estate import load_estate
from freehold.insight import compute, period_named
from freehold.work.decisions import decisions_of


def planned(folder: Path, first: date, days: int) -> Stage:
    """Return a stage that lived through some mornings, on which nothing was delivered and all that was planned done."""
    prepare(folder)
    mornings = [first + timedelta(days=n) for n in range(days)]
    stage = Stage(folder, datetime.combine(first, time(), UTC))
    plans = Plans(stage, mornings)
    for morning in mornings:
        stage.clock.move_to(datetime.combine(morning, time(5, 45), UTC))
        plans.morning(morning)
    return stage


@pytest.mark.parametrize(
    ("first", "period"), [(date(2026, 9, 23), "2026-Q4"), (date(2026, 7, 10), "2026-08")], ids=["a quarter", "a month"]
)
def test_the_figures_of_what_lies_ahead_come_from_what_was_done(tmp_path: Path, first: date, period: str) -> None:
    """Four of six promises kept, one out by a decision, one slip that was said in time; decided after 4, 9, 13 days."""
    with planned(tmp_path / "demo", first, 60) as stage:
        wanted = period_named(period, "Europe/London")
        predictability = compute("delivery-predictability", stage.ledger, wanted)
        linkage = compute("strategy-linkage", stage.ledger, wanted)
        whole = period_named(f"{first}..{first + timedelta(days=60)}", "Europe/London")
        latency = compute("decision-latency", stage.ledger, whole)
        attainment = list(stage.ledger.read(types=("objective.measured",)))
        found = decisions_of(load_estate(stage.folder))

    assert (predictability.value, predictability.n) == (pytest.approx(4 / 6), 6)
    assert dict(predictability.beside) == {"decided": pytest.approx(1 / 6), "surprises": 0}
    assert (linkage.n >= 5, linkage.value is not None) == (True, True)
    assert (latency.n, latency.value) == (3, 9 * 86_400)
    assert {one.status for one in found.values()} == {"accepted"}
    assert attainment == []  # nothing was built, so no KPI has a figure


def test_a_replay_that_is_too_short_plans_nothing(tmp_path: Path) -> None:
    """No period begins in it and is judged; no file is written."""
    with planned(tmp_path / "demo", date(2026, 9, 23), 20) as stage:
        types = {event.type for event in stage.ledger.read()}

    assert not any(type_.startswith(("work.", "decision.")) for type_ in types)
    assert not (tmp_path / "demo" / "plans").exists()
