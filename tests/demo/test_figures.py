"""What a replay leaves behind reads as the KPIs say it should."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from freehold.demo.deliveries import Arrival
from freehold.demo.estate_files import prepare
from freehold.demo.generator import to_csv, trading_days
from freehold.demo.replay import Stage, first_instant, replay
from freehold.insight import Asking, compute, period_named

ZONE = "Europe/London"


def clean_days(folder: Path, first: date, last: date) -> tuple[Arrival, ...]:
    """Write files of which none goes wrong; each arrives on the morning after its day."""
    made = []
    for day in trading_days(7, first, last):
        file = folder / "deliveries" / f"{day.date}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(to_csv(day.lines))
        made.append(Arrival(day.date + timedelta(days=1), day.date, file))
    return tuple(made)


@pytest.mark.parametrize(
    ("first", "week"),
    [
        pytest.param(date(2026, 7, 5), "2026-W28", id="in summer, an hour ahead of UTC"),
        pytest.param(date(2026, 11, 8), "2026-W46", id="in winter"),
    ],
)
def test_files_that_come_in_the_morning_come_in_time(tmp_path: Path, first: date, week: str) -> None:
    """Every file that is there at a quarter to six by the clock of the shop kept its promise of half past five."""
    prepare(tmp_path)
    arrivals = clean_days(tmp_path, first, first + timedelta(days=7))
    with Stage(tmp_path, first_instant(arrivals)) as stage:
        replay(stage, arrivals, consumers=False)
        found = compute("pipeline-success", stage.ledger, period_named(week, ZONE), asking=Asking(zone=ZONE))

    assert (found.value, found.numerator) == (1.0, found.n)
    assert found.n >= 5
    assert (found.beside["missing"], found.beside["late"]) == (0, 0)
