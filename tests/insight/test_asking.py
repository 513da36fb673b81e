"""How KPIs are asked: working hours of a calendar, environments, ledgers on a server, conditions that mean nothing."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from freehold.estate.calendars import Days
from freehold.foundation import FreeholdError, SimulatedClock
from freehold.insight import Asking, Period, State, builtin_kpis, compute, items, period_named, sliced, statement, trend
from freehold.ledger import Event, Ledger
from freehold.work.clocks import WorkingTime

from .test_kpis import CASES, at, expect_same, recorded, valued

MARCH = Period.month(2011, 3)


@pytest.mark.parametrize("name", CASES)
def test_a_ledger_on_a_server_gives_the_same(postgres_url: str, tmp_path: Path, name: str) -> None:
    """Every moment of every case, on PostgreSQL."""
    case = CASES[name]
    with recorded(tmp_path, case, postgres_url) as ledger:
        for expected in case["expect"]:
            expect_same(valued(ledger, case, expected), expected)


def requests(folder: Path) -> Ledger:
    """Return a ledger with five requests around the last Sunday of March, when clocks in London go forward."""
    clock = SimulatedClock(datetime(2011, 3, 1, tzinfo=UTC))
    ledger = Ledger.open("sqlite:///state.db", root=folder, clock=clock)
    stretches = {
        "r1": ("2011-03-25T16:00Z", "2011-03-28T08:30Z"),  # Friday 16 to Monday 9:30 there: 1 + 0.5 of 8 hours
        "r2": ("2011-03-28T07:00Z", "2011-03-28T17:00Z"),  # a day from before it begins to after it ends: 8 hours
        "r3": ("2011-03-26T10:00Z", "2011-03-27T20:00Z"),  # a weekend: nothing
        "r4": ("2011-03-29T08:00Z", "2011-03-30T16:00Z"),  # two days, in summer time: 16 hours
        "r5": ("2011-03-24T09:00Z", "2011-03-24T13:00Z"),  # 4 hours, in winter time
    }
    for item, (created, delivered) in sorted(stretches.items(), key=lambda one: one[1]):
        ledger.append(Event("work.created", {"item": item, "type": "data_request"}, occurred_at=at(created)))
        ledger.append(Event("work.transitioned", {"item": item, "to": "delivered"}, occurred_at=at(delivered)))
    clock.move_to(datetime(2011, 4, 2, tzinfo=UTC))
    return ledger


def test_business_days_are_those_of_the_calendar(tmp_path: Path) -> None:
    """Nine to five in London, over the change of the clocks: 1.5/8, 1, 0, 2 and 0.5 days."""
    working = WorkingTime(Days(hours=(time(9), time(17))), ZoneInfo("Europe/London"))
    asking = Asking(zone="Europe/London", working=working)
    with requests(tmp_path) as ledger:
        found = compute("request-cycle-time", ledger, period_named("2011-03", "Europe/London"), asking=asking)
        made = items("request-cycle-time", ledger, period_named("2011-03", "Europe/London"), asking=asking)

    assert {item.item: item.numerator for item in made} == {"r1": 0.1875, "r2": 1, "r3": 0, "r4": 2, "r5": 0.5}
    assert (found.value, found.numerator, found.n) == (0.5, 3.6875, 5)


def deployments(folder: Path) -> Ledger:
    """Return a ledger with deployments to two environments, some of which say none."""
    clock = SimulatedClock(datetime(2011, 3, 1, tzinfo=UTC))
    ledger = Ledger.open("sqlite:///state.db", root=folder, clock=clock)
    for day in range(1, 21):
        clock.move_to(datetime(2011, 3, day, 12, tzinfo=UTC))
        env = ("prod", "dev")[day % 2]
        content = {"deploy_id": f"d{day}", "env": env, "status": "success", "team": f"t{day % 3}"}
        ledger.append(Event("deploy.completed", content))
        for check in range(2):
            status = "fail" if env == "dev" else "pass"
            where = env if check else ""
            ledger.append(
                Event("check.completed", {"check_id": f"c{check}", "asset": "a", "status": status}, env=where)
            )
    clock.move_to(datetime(2011, 4, 2, tzinfo=UTC))
    return ledger


@pytest.mark.parametrize(("env", "deployed", "passed"), [("prod", 10, (20, 30)), ("dev", 10, (10, 30))])
def test_only_what_happened_in_the_environment_counts(
    tmp_path: Path, env: str, deployed: int, passed: tuple[int, int]
) -> None:
    """What says no environment counts in the one that is asked for."""
    with deployments(tmp_path) as ledger:
        deploys = compute("deployment-frequency", ledger, MARCH, asking=Asking(env))
        checks = compute("validation-pass-rate", ledger, MARCH, asking=Asking(env))

    assert deploys.numerator == deployed
    assert (checks.numerator, checks.denominator) == passed


def test_slices_that_add_up_are_the_whole(tmp_path: Path) -> None:
    """Of counts, by every field there is."""
    with deployments(tmp_path) as ledger:
        for name in ("change-failure-rate", "validation-pass-rate"):
            whole = compute(name, ledger, MARCH)
            for field in builtin_kpis()[name].slices:
                parts = sliced(name, ledger, MARCH, [field])
                assert sum(part.denominator for part in parts) == whole.denominator
                assert sum(part.numerator for part in parts) == whole.numerator


def test_an_open_period_is_judged_up_to_what_is_known(tmp_path: Path) -> None:
    """It says so; what comes later belongs to the same period."""
    with deployments(tmp_path) as ledger:
        then = compute("deployment-frequency", ledger, MARCH, at("2011-03-15T00:00Z"))
        now = compute("deployment-frequency", ledger, MARCH)

    assert (then.is_closed, then.numerator, then.denominator) == (False, 7, 2)
    assert (now.is_closed, now.numerator) == (True, 10)


def test_a_period_that_has_not_begun_holds_nothing(tmp_path: Path) -> None:
    """No number, and no error."""
    with deployments(tmp_path) as ledger:
        for name in builtin_kpis():
            found = compute(name, ledger, Period.month(2011, 9))
            assert found.state in (State.NOT_ENOUGH, State.NOT_INSTRUMENTED)
            assert found.n == 0


def test_the_same_question_as_of_the_same_time_gives_the_same_bytes(tmp_path: Path) -> None:
    """However often, and whatever was recorded since."""
    as_of = at("2011-03-18T00:00Z")
    months = [Period.month(2011, 2), MARCH]
    with deployments(tmp_path) as ledger:
        first = [repr(trend(name, ledger, months, as_of)) for name in builtin_kpis()]
        ledger.append(Event("deploy.rolled_back", {"deploy_id": "d2"}, occurred_at=at("2011-03-10T00:00Z")))
        again = [repr(trend(name, ledger, months, as_of)) for name in builtin_kpis()]

    assert first == again


def test_a_field_that_the_evidence_has_not_is_refused(tmp_path: Path) -> None:
    """With those it has."""
    with deployments(tmp_path) as ledger, pytest.raises(FreeholdError) as refused:
        sliced("deployment-frequency", ledger, MARCH, ["colour"])
    assert refused.value.code == "FH-N301"
    assert "`team`" in refused.value.fix


def test_the_statement_of_a_kpi_is_sql_over_the_views_of_the_ledger(tmp_path: Path) -> None:
    """It can be read, and run by whoever doubts the number."""
    sql = statement("validation-pass-rate", MARCH, at("2011-04-02T00:00Z"))
    with deployments(tmp_path) as ledger, ledger.evidence() as evidence:
        ((*_, passed, judged),) = [row[:3] for row in evidence.query(sql, {"env": "prod"})]

    assert (passed, judged) == (20, 30)
