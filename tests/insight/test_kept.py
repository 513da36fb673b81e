"""A period that is over is computed once, and again when something comes that it could depend on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.foundation import SimulatedClock
from freehold.insight import Asking, Period, compute, period_named, sliced, trend
from freehold.ledger import Event, Evidence, Ledger

from .test_kpis import CASES, at, period_of, recorded

MARCH = Period.month(2011, 3)


class Asked(list[str]):
    """The statements that evidence was asked."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Take down what evidence is asked."""
    seen, query = Asked(), Evidence.query

    def told(self: Evidence, sql: str, *given: Any) -> list[tuple[Any, ...]]:
        seen.append(sql)
        return query(self, sql, *given)

    monkeypatch.setattr(Evidence, "query", told)
    return seen


@pytest.fixture
def clock() -> SimulatedClock:
    """The clock of the ledger, which comes to stand in April, when March is over."""
    return SimulatedClock(datetime(2011, 2, 27, tzinfo=UTC))


@pytest.fixture
def ledger(tmp_path: Path, clock: SimulatedClock) -> Iterator[Ledger]:
    """Ten deployments in March, of which the fourth was taken back in March."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=clock) as opened:
        for number in range(1, 11):
            clock.move_to(datetime(2011, 3, number, tzinfo=UTC))
            opened.append(deployed(f"d{number}"))
        opened.append(Event("deploy.rolled_back", {"deploy_id": "d4"}, env="prod"))
        clock.move_to(datetime(2011, 4, 2, tzinfo=UTC))
        opened.append(Event("work.created", {"item": "question/1", "type": "question"}))
        yield opened


def deployed(id_: str) -> Event:
    """Return a deployment that came to production."""
    return Event("deploy.completed", {"deploy_id": id_, "env": "prod", "status": "success"}, env="prod")


def failed(ledger: Ledger, as_of: datetime | int | None = None) -> float | None:
    """Return the change failure rate of March."""
    return compute("change-failure-rate", ledger, MARCH, as_of).value


def test_what_is_over_is_computed_once(ledger: Ledger, statements: Asked) -> None:
    """The second time nothing is asked, and the answer is the same to the last field."""
    first = compute("change-failure-rate", ledger, MARCH)
    asked = len(statements)
    again = compute("change-failure-rate", ledger, MARCH)

    assert first.value == 0.1
    assert again == first
    assert len(statements) == asked > 0


def test_what_it_does_not_depend_on_changes_nothing(ledger: Ledger, clock: SimulatedClock, statements: Asked) -> None:
    """Events of other types may come: the answer stands, as of a later number."""
    first = compute("change-failure-rate", ledger, MARCH)
    asked = len(statements)
    clock.advance(timedelta(days=1))
    ledger.append(Event("work.created", {"item": "question/2", "type": "question"}))
    again = compute("change-failure-rate", ledger, MARCH)

    assert len(statements) == asked
    assert (again.value, again.seq) == (first.value, first.seq + 1)


@pytest.mark.parametrize(
    ("late", "value"),
    [
        pytest.param(Event("deploy.rolled_back", {"deploy_id": "d7"}, env="prod"), 0.2, id="one more is taken back"),
        pytest.param(
            Event("incident.cause_linked", {"incident": "i", "deploy_id": "d9", "basis": "explicit"}), 0.2,
            id="an incident is laid at its door",
        ),
        pytest.param(
            Event(
                "deploy.completed", {"deploy_id": "d11", "env": "prod", "status": "success"}, env="prod",
                occurred_at=datetime(2011, 3, 20, tzinfo=UTC),
            ), pytest.approx(1 / 11), id="a deployment of March is told in April",
        ),
    ],
)  # fmt: skip
def test_a_late_correction_is_counted_at_once(ledger: Ledger, clock: SimulatedClock, late: Event, value: float) -> None:
    """What was kept is not given any more; as of before the correction, the answer is what it was."""
    before = failed(ledger)
    seq = ledger.sequence_as_of(clock.now())
    clock.advance(timedelta(hours=1))
    ledger.append(late)

    assert (before, failed(ledger), failed(ledger, seq)) == (0.1, value, 0.1)


def test_what_is_not_over_is_computed_each_time(ledger: Ledger, statements: Asked) -> None:
    """April so far may be another in a minute, though nothing comes."""
    april = Period.month(2011, 4)
    compute("deployment-frequency", ledger, april)
    asked = len(statements)
    compute("deployment-frequency", ledger, april)

    assert len(statements) == 2 * asked


def test_another_question_is_another_answer(ledger: Ledger) -> None:
    """Period, environment, condition and slices are told apart."""
    failed(ledger)
    by_team = sliced("change-failure-rate", ledger, MARCH, ["team"])
    week = trend("change-failure-rate", ledger, [period_named("2011-W09")])[0]

    assert [(v.of, v.value) for v in by_team] == [({"team": None}, 0.1)]
    assert (week.numerator, week.denominator) == (1, 6)
    for asking in (Asking(where="team = 'others'"), Asking(env="dev")):
        assert compute("change-failure-rate", ledger, MARCH, asking=asking).denominator == 0
    assert failed(ledger) == 0.1


def test_a_torn_answer_is_computed_again(ledger: Ledger, tmp_path: Path) -> None:
    """What is kept can be lost, or be cut short, and no answer is other than it would be."""
    assert failed(ledger) == 0.1
    (kept,) = (tmp_path / "cache" / "kpis").glob("*.arrow")
    kept.write_bytes(kept.read_bytes()[:100])

    assert failed(ledger) == 0.1


@pytest.mark.parametrize(
    "name", ["change-failure-rate", "incident-rate", "pipeline-success", "time-to-detect", "adoption"]
)
def test_what_is_kept_is_what_would_be_computed(tmp_path: Path, name: str) -> None:
    """As of every number of a history, and asked in any order, with answers that are kept and without."""
    case = CASES[name]
    period = period_of(case, {})
    with recorded(tmp_path, case) as ledger:
        last = ledger.sequence_as_of(at(case["expect"][-1]["as_of"]))
        numbers = [*range(1, last + 1), *range(last, 0, -1)]
        kept = [compute(name, ledger, period, seq) for seq in numbers]
        with ledger.evidence() as evidence:
            folder = evidence.folder / "cache" / "kpis"
        computed = []
        for seq in numbers[:last]:
            shutil.rmtree(folder, ignore_errors=True)
            computed.append(compute(name, ledger, period, seq))

    assert kept == [*computed, *reversed(computed)]
