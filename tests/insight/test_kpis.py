"""Five KPIs over recorded evidence, exact, at several times of knowledge. The cases are files: what was recorded, and
what was known when.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from freehold.foundation import FreeholdError, SimulatedClock
from freehold.insight import Kpi, KpiValue, Period, State, builtin_kpis, compute, load_kpi
from freehold.ledger import Event, Ledger, Vocabulary

CASES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("cases/*.json"))}
MOMENTS = [
    pytest.param(name, expected, id=f"{name} as of {expected['as_of'][:16]}" + f" tier {expected.get('tier', 'any')}")
    for name, case in CASES.items()
    for expected in case["expect"]
]


def at(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text)


def recorded(folder: Path, case: dict[str, Any]) -> Ledger:
    """Return a ledger in which a case's events were recorded when the case says."""
    clock = SimulatedClock(datetime(2011, 1, 1, tzinfo=UTC))
    ledger = Ledger.open("sqlite:///state.db", root=folder, clock=clock)
    for event in case["events"]:
        clock.move_to(at(event["recorded_at"]))
        occurred = at(event["occurred_at"]) if "occurred_at" in event else None
        ledger.append(Event(event["type"], event["data"], occurred_at=occurred))
    return ledger


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ledger]]:
    """The ledger of every case."""
    opened = {name: recorded(tmp_path_factory.mktemp(name), case) for name, case in CASES.items()}
    yield opened
    for ledger in opened.values():
        ledger.close()


def number(said: Any) -> Any:
    """Read a number or a fraction written as text."""
    return float(Fraction(said)) if isinstance(said, str) else said


def valued(ledgers: dict[str, Ledger], name: str, expected: dict[str, Any]) -> KpiValue:
    """Compute what a case expects."""
    case = CASES[name]
    period = Period(*map(at, case["period"]))
    return compute(case["kpi"], ledgers[name], period, at(expected["as_of"]), tier=expected.get("tier"))


@pytest.mark.parametrize(("name", "expected"), MOMENTS)
def test_a_kpi_is_what_was_known_then(ledgers: dict[str, Ledger], name: str, expected: dict[str, Any]) -> None:
    """Value, numerator, denominator, n and completeness, to the last digit; late news changes only later answers."""
    found = valued(ledgers, name, expected)

    assert found.state == expected["state"]
    assert found.value == (None if expected["value"] is None else pytest.approx(number(expected["value"]), rel=1e-12))
    assert (found.numerator, found.denominator) == (expected["numerator"], expected["denominator"])
    assert found.n == expected["n"]
    completeness = number(expected["completeness"])
    assert found.evidence_completeness == (None if completeness is None else pytest.approx(completeness, rel=1e-12))
    assert (found.p50, found.p90) == (expected.get("p50"), expected.get("p90"))
    beside = {key: number(value) for key, value in expected.get("beside", {}).items()}
    assert {key: found.beside[key] for key in beside} == pytest.approx(beside, rel=1e-12)


@pytest.mark.parametrize(("name", "expected"), MOMENTS)
def test_what_is_not_said_has_a_reason_and_a_way_on(
    ledgers: dict[str, Ledger], name: str, expected: dict[str, Any]
) -> None:
    """A missing signal is never a number, and the answer says what to do."""
    found = valued(ledgers, name, expected)

    assert (found.value is None) == (found.state != State.OK)
    if found.state == State.NOT_INSTRUMENTED:
        assert "never received" in found.fix
    if found.state == State.NOT_ENOUGH:
        assert "at least 5" in found.fix
    assert (found.evidence_completeness == 1) <= ("never received" not in found.fix)


@pytest.mark.parametrize("name", CASES)
def test_every_figure_drills_to_the_events_that_made_it(ledgers: dict[str, Ledger], name: str) -> None:
    """The items add up to the figure, and each names events that were known."""
    found = valued(ledgers, name, CASES[name]["expect"][-2])

    assert sum(item.numerator for item in found.items) == found.numerator
    assert sum(item.n for item in found.items) == found.n
    for item in found.items:
        assert item.seqs
        assert max(item.seqs) <= found.seq
        types = {event.type for seq in item.seqs for event in ledgers[name].read(after=seq - 1, upto=seq)}
        kpi = builtin_kpis()[found.kpi]
        assert types & {*kpi.needs, *kpi.wants}


@pytest.mark.parametrize("name", CASES)
def test_a_figure_is_reproduced_by_its_number(ledgers: dict[str, Ledger], name: str) -> None:
    """The sealed number in the answer gives the same answer again, once the period is over."""
    case = CASES[name]
    period = Period(*map(at, case["period"]))
    first = compute(case["kpi"], ledgers[name], period, at(case["expect"][-1]["as_of"]))

    again = compute(case["kpi"], ledgers[name], period, first.seq)

    assert replace(again, known=first.known) == first


def test_five_kpis_ship() -> None:
    """Each answers a question, needs events that exist, and has an owner, a target and a cadence."""
    kpis = builtin_kpis()

    assert [tag for kpi in kpis.values() for tag in kpi.tags] == ["K25", "K09", "K26", "K08", "K10"]
    for kpi in kpis.values():
        assert kpi.question.endswith("?")
        assert all(name in Vocabulary() for name in (*kpi.needs, *kpi.wants))
        assert kpi.owner
        assert kpi.targets
        assert kpi.minimum >= 5


@pytest.mark.parametrize("name", CASES)
def test_every_case_has_two_times_of_knowledge_with_different_values(name: str) -> None:
    """Otherwise it would not show that late news is late."""
    values = [e["value"] for e in CASES[name]["expect"] if e["state"] == "ok" and "tier" not in e]

    assert len(set(values)) >= 2


GOOD: dict[str, Any] = {"question": "?", "method": "ratio", "unit": "share", "needs": ["check.completed"], "sql": "x"}


@pytest.mark.parametrize(
    ("spec", "says", "fix"),
    [
        pytest.param({k: v for k, v in GOOD.items() if k != "sql"}, "needs `sql`", "", id="no query"),
        pytest.param({**GOOD, "minimun": 3}, "no use for `minimun`", "`minimum`", id="a part misspelt"),
        pytest.param({**GOOD, "method": "rate"}, "no KPI method `rate`", "`ratio`", id="a method that is none"),
    ],
)
def test_a_kpi_file_that_is_wrong_is_refused(spec: dict[str, Any], says: str, fix: str) -> None:
    """With what is wrong and the near match."""
    with pytest.raises(FreeholdError) as refused:
        Kpi.from_file({"id": "mine"}, spec)

    assert says in refused.value.problem
    assert fix in refused.value.fix


def test_a_file_of_another_kind_is_no_kpi(tmp_path: Path) -> None:
    """It says where."""
    (tmp_path / "x.yaml").write_text("kind: Team\n")

    with pytest.raises(FreeholdError, match="not a file of kind KPI") as refused:
        load_kpi(tmp_path / "x.yaml")
    assert str(refused.value.where).endswith("x.yaml")


def test_a_kpi_that_does_not_ship_is_named(ledgers: dict[str, Ledger]) -> None:
    """With its near match."""
    with pytest.raises(FreeholdError) as refused:
        compute("time-to-resotre", ledgers["time-to-restore"], Period.month(2011, 3))

    assert "`time-to-restore`" in refused.value.fix


def test_a_query_without_its_columns_is_refused(ledgers: dict[str, Ledger]) -> None:
    """Which one is missing."""
    kpi = Kpi.from_file({"id": "mine"}, {**GOOD, "sql": "SELECT 1 AS item, 1 AS numerator"})

    with pytest.raises(FreeholdError, match="no column `denominator`"):
        compute(kpi, ledgers["validation-pass-rate"], Period.month(2011, 3))


@pytest.mark.parametrize(("month", "following"), [(3, (2011, 4)), (12, (2012, 1))])
def test_a_month_ends_where_the_next_begins(month: int, following: tuple[int, int]) -> None:
    """Half open, in UTC."""
    assert Period.month(2011, month).end == datetime(*following, 1, tzinfo=UTC)
