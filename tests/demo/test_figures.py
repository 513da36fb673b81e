"""What a replay leaves behind reads as the KPIs say it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.demo.deliveries import Arrival, generate
from freehold.demo.estate_files import prepare
from freehold.demo.generator import to_csv, trading_days
from freehold.demo.replay import Stage, first_instant, replay
from freehold.insight import Asking, compute, period_named
from freehold.work.clocks import working_time

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


ENDS = datetime(2026, 10, 31, 18, tzinfo=UTC)
HOUR, DAY = 3_600, 86_400


@pytest.fixture(scope="module")
def october(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The last 26 days of an October, in which three files went wrong, lived through with simulated people."""
    folder = tmp_path_factory.mktemp("october")
    prepare(folder)
    arrivals = generate(folder, 7, ENDS.date(), 26)
    with Stage(folder, first_instant(arrivals), 7) as stage:
        replay(stage, arrivals, not_after=ENDS)
        yield stage


@pytest.mark.parametrize(
    ("kpi", "numerator", "denominator", "beside"),
    [
        pytest.param("time-to-detect", 0, 3, {}, id="what three files broke was found by the run that read them"),
        pytest.param(
            "time-to-restore", (48 + 48 + 25) * HOUR, 3, {},
            id="over two days, two days and, as summer time ends, a day and an hour later",
        ),
        pytest.param("incident-rate", 1, 1, {}, id="one paged somebody; consumers were kept from the other two"),
        pytest.param("change-failure-rate", 1, 25, {}, id="one deployment was taken back; that is none of its own"),
        pytest.param("pipeline-success", 21, 21, {"late": 0, "missing": 0}, id="wrong files came in time"),
        pytest.param("adoption", (2 + 1) * 2, (3 + 3) * 2, {}, id="three of six ask for metrics, in two whole weeks"),
        pytest.param("request-cycle-time", 4 + 6 + 10 + 3 + 5 + 2, 6, {}, id="six requests, in working days"),
        pytest.param("intake-compliance", 13, 16, {"waiting": 1 / 16}, id="two were looked at late, one not yet"),
        pytest.param("decision-latency", 9 * DAY, 1, {}, id="a dispute of the 13th was decided on the 22nd"),
        pytest.param("time-to-insight", 4 * DAY, 4, {}, id="four questions"),
        pytest.param("strategy-linkage", 5, 5, {}, id="every item of the roadmap serves something"),
        pytest.param("reliability-debt", 3, 1, {}, id="three are known and not mended yet"),
        pytest.param("metric-disputes", 2, 1, {}, id="two disputes"),
        pytest.param("domain-coverage", 3, 3, {"defined": 1}, id="each of three domains has something certified"),
        pytest.param("postmortem-completion", 1, 1, {}, id="something was agreed after the one that was severe"),
    ],
)  # fmt: skip
def test_what_people_did_reads_as_it_was(
    october: Stage, kpi: str, numerator: float, denominator: float, beside: dict[str, Any]
) -> None:
    """Detection, restoring, cycle time, intake and adoption were worked out from the errands and the calendar;
    the others were read off a replay and looked at.
    """
    asking = Asking(zone=ZONE, working=working_time(october.estate))
    found = compute(kpi, october.ledger, period_named("2026-10", ZONE), asking=asking)

    assert (found.numerator, found.denominator) == pytest.approx((numerator, denominator))
    assert {name: found.beside[name] for name in beside} == pytest.approx(beside)


def test_a_promised_age_is_judged(october: Stage) -> None:
    """Freshness is promised, so that it can be kept or not: a file that came two days late took some of it."""
    period = period_named("2026-10", ZONE)
    kept = compute("freshness-attainment", october.ledger, period, asking=Asking(zone=ZONE))
    burnt = compute("error-budget-burn", october.ledger, period, asking=Asking(zone=ZONE))

    assert kept.value is not None
    assert burnt.value is not None
    assert 0.95 < kept.value < 1
    assert burnt.value == pytest.approx(100 * (1 - kept.value))


def test_people_act_by_the_service_of_everybody(october: Stage) -> None:
    """Each is a service that calls itself simulated, incidents open by themselves, and nothing is after the end."""
    told = list(october.ledger.read(types=("work.*", "incident.*", "decision.*", "product.*", "postmortem.*")))

    assert len(told) > 90
    itself = {event.type for event in told if not event.actor.startswith("service:simulated/")}
    assert itself == {"work.created", "work.transitioned", "incident.opened", "incident.judged", "incident.resolved"}
    assert all(event.occurred_at <= ENDS for event in october.ledger.read())
