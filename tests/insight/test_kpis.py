"""KPIs over recorded evidence, exact, at several times of knowledge. The cases are files: what was recorded, what was
known when, and how the figures are worked out by hand.
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

from freehold.foundation import SimulatedClock
from freehold.insight import Asking, KpiValue, Period, State, builtin_kpis, compute, items, period_named, sliced, trend
from freehold.ledger import Event, Ledger, Vocabulary

CASES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("cases/*.json"))}
RAW = tuple(name for name in Vocabulary().names if Vocabulary()[name].is_raw)


def label(name: str, expected: dict[str, Any]) -> str:
    """Say what of a case is expected, and as of when."""
    told = (expected.get(key) for key in ("period", "where", "by", "trend"))
    return " ".join([name, "as of", expected["as_of"][:16], *(str(t) for t in told if t)])


MOMENTS = [
    pytest.param(name, expected, id=label(name, expected))
    for name, case in CASES.items()
    for expected in case["expect"]
]


def at(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text)


def recorded(folder: Path, case: dict[str, Any], url: str = "sqlite:///state.db") -> Ledger:
    """Return a ledger in which a case's events were recorded when the case says."""
    clock = SimulatedClock(datetime(2011, 1, 1, tzinfo=UTC))
    ledger = Ledger.open(url, root=folder, clock=clock, workspace=case["kpi"])
    for said in case["events"]:
        clock.move_to(at(said["recorded_at"]))
        occurred = at(said["occurred_at"]) if "occurred_at" in said else None
        event = Event(said["type"], said["data"], occurred_at=occurred, env=said.get("env", ""))
        if said["type"] in RAW:
            ledger.raw.append(said["type"], [event])
        else:
            ledger.append(event)
    return ledger


class Recorded(dict[str, Ledger]):
    """The ledger of each case, made when a test asks for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, name: str) -> Ledger:
        (folder := self.folder / name).mkdir()
        self[name] = recorded(folder, CASES[name])
        return self[name]


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ledger]]:
    """The ledger of every case."""
    opened = Recorded(tmp_path_factory.mktemp("cases"))
    yield opened
    for ledger in opened.values():
        ledger.close()


def number(said: Any) -> Any:
    """Read a number or a fraction written as text."""
    return float(Fraction(said)) if isinstance(said, str) else said


def asking_of(case: dict[str, Any], expected: dict[str, Any]) -> Asking:
    """Return how a case asks."""
    return Asking(where=expected.get("where"), zone=expected.get("zone", case.get("zone", "UTC")))


def period_of(case: dict[str, Any], expected: dict[str, Any]) -> Period:
    """Return the period a case asks for."""
    return period_named(expected.get("period", case["period"]), asking_of(case, expected).zone)


def valued(ledger: Ledger, case: dict[str, Any], expected: dict[str, Any]) -> KpiValue:
    """Compute what a case expects."""
    return compute(case["kpi"], ledger, period_of(case, expected), at(expected["as_of"]), asking_of(case, expected))


def expect_same(found: KpiValue, expected: dict[str, Any]) -> None:
    """Compare a value with what a case expects of it, to the last digit that is given (12)."""
    assert found.state == expected["state"]
    assert found.value == (None if expected["value"] is None else pytest.approx(number(expected["value"]), rel=1e-11))
    wanted = [number(expected[role]) for role in ("numerator", "denominator")]
    assert [found.numerator, found.denominator] == pytest.approx(wanted, rel=1e-12)
    assert found.n == expected["n"]
    completeness = number(expected["completeness"])
    assert found.evidence_completeness == (None if completeness is None else pytest.approx(completeness, rel=1e-11))
    beside = {key: number(value) for key, value in expected.get("beside", {}).items()}
    assert {key: found.beside[key] for key in beside} == pytest.approx(beside, rel=1e-11)


@pytest.mark.parametrize(("name", "expected"), MOMENTS)
def test_a_kpi_is_what_was_known_then(ledgers: dict[str, Ledger], name: str, expected: dict[str, Any]) -> None:
    """Value, numerator, denominator, n and completeness, to the last digit; late news changes only later answers."""
    expect_same(valued(ledgers[name], CASES[name], expected), expected)


SLICED = [p for p in MOMENTS if "slices" in p.values[1]]  # type: ignore[operator]
TRENDS = [p for p in MOMENTS if "trend" in p.values[1]]  # type: ignore[operator]


@pytest.mark.parametrize(("name", "expected"), SLICED)
def test_a_slice_is_what_it_was_when_it_happened(
    ledgers: dict[str, Ledger], name: str, expected: dict[str, Any]
) -> None:
    """Team, tier and domain are facts of the time of the event; the slices are all there is."""
    case = CASES[name]
    asking = asking_of(case, expected)
    found = sliced(
        case["kpi"], ledgers[name], period_of(case, expected), [expected["by"]], at(expected["as_of"]), asking
    )

    told = [[value.of[expected["by"]], value.numerator, value.denominator] for value in found]
    assert told == [[key, pytest.approx(number(n)), pytest.approx(number(d))] for key, n, d in expected["slices"]]


@pytest.mark.parametrize(("name", "expected"), TRENDS)
def test_a_trend_gives_each_period_what_it_gives_alone(
    ledgers: dict[str, Ledger], name: str, expected: dict[str, Any]
) -> None:
    """Several periods in one pass are the same as one by one, an empty one and an open one among them."""
    case = CASES[name]
    asking = asking_of(case, expected)
    periods = [period_named(text, asking.zone) for text in expected["trend"]]
    as_of = at(expected["as_of"])

    found = trend(case["kpi"], ledgers[name], periods, as_of, asking)

    alone = [compute(case["kpi"], ledgers[name], period, as_of, asking) for period in periods]
    assert [v.value for v in found] == [v.value for v in alone]
    assert [v.value for v in found] == [None if v is None else pytest.approx(number(v)) for v in expected["values"]]
    assert [v.n for v in found] == [v.n for v in alone]
    assert [v.evidence_completeness or 0 for v in found] == [v.evidence_completeness or 0 for v in alone]


@pytest.mark.parametrize(("name", "expected"), MOMENTS)
def test_what_is_not_said_has_a_reason_and_a_way_on(
    ledgers: dict[str, Ledger], name: str, expected: dict[str, Any]
) -> None:
    """A missing signal is never a number, and the answer says what to do."""
    found = valued(ledgers[name], CASES[name], expected)

    assert (found.value is None) == (found.state != State.OK)
    if found.state == State.NOT_INSTRUMENTED:
        assert "never received" in found.fix
    if found.state == State.NOT_ENOUGH:
        assert f"at least {builtin_kpis()[found.kpi].minimum}" in found.fix
    assert (found.evidence_completeness == 1) <= ("never received" not in found.fix)


@pytest.mark.parametrize("name", CASES)
def test_every_figure_drills_to_the_events_that_made_it(ledgers: dict[str, Ledger], name: str) -> None:
    """The items add up to the figure where it adds up, and each names events that were known."""
    case = CASES[name]
    expected = next(e for e in reversed(case["expect"]) if e["state"] == "ok" and "where" not in e)
    found = valued(ledgers[name], case, expected)

    made = items(
        case["kpi"], ledgers[name], period_of(case, expected), at(expected["as_of"]), asking_of(case, expected)
    )

    kpi = builtin_kpis()[found.kpi]
    assert sum(item.numerator for item in made) == pytest.approx(found.numerator)
    for item in made:
        assert item.seqs
        assert max(item.seqs) <= found.seq
        types = {event.type for seq in item.seqs for event in ledgers[name].read(after=seq - 1, upto=seq)}
        assert types & {*kpi.needs, *kpi.wants, "segment.sealed"}


@pytest.mark.parametrize("name", CASES)
def test_a_figure_is_reproduced_by_its_number(ledgers: dict[str, Ledger], name: str) -> None:
    """The sealed number in the answer gives the same answer again, once the period is over."""
    case = CASES[name]
    expected = case["expect"][-1]
    first = valued(ledgers[name], case, expected)

    again = compute(case["kpi"], ledgers[name], period_of(case, expected), first.seq, asking_of(case, expected))

    if first.is_closed:
        assert replace(again, known=first.known) == first


@pytest.mark.parametrize("name", CASES)
def test_every_case_has_two_times_of_knowledge_with_different_values(name: str) -> None:
    """Otherwise it would not show that late news is late."""
    same = [e for e in CASES[name]["expect"] if e["state"] == "ok" and not {"where", "period", "zone"} & set(e)]

    assert len({e["value"] for e in same}) >= 2


def test_every_kpi_that_ships_has_a_case() -> None:
    """None is believed that was not worked out by hand."""
    assert {case["kpi"] for case in CASES.values()} == set(builtin_kpis())


@pytest.mark.parametrize("name", CASES)
def test_every_case_shows_what_is_not_instrumented_and_what_is_not_enough(name: str) -> None:
    """A KPI without evidence is told apart from one with too little."""
    assert {"ok", "not enough evidence", "not instrumented"} == {e["state"] for e in CASES[name]["expect"]}
