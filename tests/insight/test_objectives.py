"""Objectives: checked with their place, measured by the metrics engine, recorded once a day or where they changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.foundation import FreeholdError, SimulatedClock
from freehold.insight import Asking, builtin_kpis, compute, period_named
from freehold.insight.objectives import (
    Measured,
    Measuring,
    State,
    events_of,
    linked_items,
    objective_findings,
    objective_named,
    objectives_of,
    standings,
)
from freehold.ledger import Event, Ledger
from freehold.metrics import Answer, Query
from freehold.work import Work

ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: corner}
spec:
  connections: {warehouse: {url: "duckdb:///warehouse.db"}}
  environments: {prod: {connection: warehouse, protected: true}}
"""
OBJECTIVE = """apiVersion: freehold.dev/v1
kind: Objective
metadata: {id: 2011-q1.trust, name: Nobody doubts a number, owner: sales}
spec:
  period: 2011-Q1
  key_results:
"""
KNOWN = {"metric": ["revenue", "sales.revenue"], "kpi": list(builtin_kpis())}
START = datetime(2011, 1, 10, 9, tzinfo=UTC)


def declared(root: Path, *key_results: str) -> Estate:
    """Return an estate with one objective of some key results."""
    (root / "estate.yaml").write_text(ESTATE, encoding="utf-8")
    lines = "".join(f"    - {{{one}}}\n" for one in key_results)
    (root / "objectives.yaml").write_text(OBJECTIVE + lines, encoding="utf-8")
    return load_estate(root, cache=False)


WRONG = [
    ("no way to come", ["metric: revenue, start: 1, target: 1"], "FH-W410", "7:43"),
    ("a metric that is none", ["metric: revenu, start: 1, target: 2"], "FH-W412", "7:16"),
    ("two of one name", ["metric: revenue, start: 1, target: 2"] * 2, "FH-W413", "8:7"),
    ("days of a KPI", ["metric: adoption, start: 0, target: 1, days: 7"], "FH-W414", "7:53"),
    ("a day that is none", ["metric: revenue, start: 0, target: 1, by: 2011-02-30"], "FH-V105", "7:50"),
]


@pytest.mark.parametrize(("key_results", "code", "place"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, key_results: list[str], code: str, place: str) -> None:
    """Line and column are of what is wrong; a metric that is near is named."""
    try:
        found = objective_findings(declared(tmp_path, *key_results), KNOWN)
    except FreeholdError as error:
        found = (error,)

    assert [(one.code, str(one.where)) for one in found] == [(code, f"objectives.yaml:{place}")]
    assert found[0].fix


def test_a_period_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    """As that of a KPI is, and where it stands."""
    estate = declared(tmp_path, "metric: revenue, start: 1, target: 2")
    text = (tmp_path / "objectives.yaml").read_text(encoding="utf-8").replace("2011-Q1\n", "2011-Q5\n")
    (tmp_path / "objectives.yaml").write_text(text, encoding="utf-8")
    (error,) = objective_findings(load_estate(tmp_path, cache=False), KNOWN)

    assert (error.code, str(error.where)) == ("FH-K004", "objectives.yaml:5:11")
    with pytest.raises(FreeholdError, match="There is no objective"):
        objective_named(objectives_of(estate), "2011-q1")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger whose clock stands in January."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(START)) as opened:
        yield opened


def answering(value: float | None, policies: tuple[str, ...] = ()) -> tuple[Any, list[Query]]:
    """Return what answers every question with one number, and the questions it was asked."""
    import pyarrow as pa

    asked: list[Query] = []

    def answer(query: Query) -> Answer:
        asked.append(query)
        made: Any = type("Made", (), {"columns": ("revenue",)})
        return Answer(pa.table({"revenue": pa.array([value], pa.float64())}), made, {}, (), 0.0, policies=policies)

    return answer, asked


def measured(ledger: Ledger, estate: Estate, answers: Any) -> tuple[Measured, ...]:
    """Measure all key results, and record what is to be."""
    with ledger.evidence(ledger.clock.now()) as evidence:
        measuring = Measuring(builtin_kpis(), evidence, Asking(), answers)
        found = tuple(m for one in objectives_of(estate).values() for m in measuring.each(one))
    ledger.append(*events_of(found, ledger, "prod", "UTC"))
    return found


def test_a_metric_is_asked_for_the_period_so_far_or_for_days(tmp_path: Path, ledger: Ledger) -> None:
    """From the first of January, or seven days back, up to now; with its condition."""
    estate = declared(
        tmp_path, "metric: revenue, start: 100, target: 300",
        "id: week, metric: revenue, start: 0, target: 1000, days: 7, where: tier = 1",
    )  # fmt: skip
    answers, asked = answering(150.0)
    found = measured(ledger, estate, answers)

    assert [(m.key_result.id, m.now, m.progress) for m in found] == [("revenue", 150, 0.25), ("week", 150, 0.15)]
    assert [(str(q.start), str(q.end)) for q in asked] == [
        ("2011-01-01 00:00:00", "2011-01-10 09:00:00"), ("2011-01-03 09:00:00", "2011-01-10 09:00:00"),
    ]  # fmt: skip
    assert [q.where is not None for q in asked] == [False, True]


@pytest.mark.parametrize(
    ("value", "policies", "why"),
    [(None, (), "no rows"), (5.0, ("emea",), "you see a part of it, by emea")], ids=["no rows", "a part"],
)  # fmt: skip
def test_what_cannot_be_told_says_why_and_is_not_recorded(
    tmp_path: Path, ledger: Ledger, value: float | None, policies: tuple[str, ...], why: str
) -> None:
    """A KPI without its events reads as any KPI does; nothing is taken for nothing."""
    estate = declared(tmp_path, "metric: revenue, start: 1, target: 2", "metric: metric-disputes, start: 6, target: 0")
    found = measured(ledger, estate, answering(value, policies)[0])

    assert [(m.now, m.why) for m in found] == [(None, why), (None, "not instrumented")]
    assert all(m.fix for m in found)
    assert not list(ledger.read(types=("objective.measured",)))


def test_a_measure_is_recorded_once_a_day_and_where_it_changed(tmp_path: Path, ledger: Ledger) -> None:
    """Three days, the second asked three times, with another number the third time: four measures."""
    estate, clock = declared(tmp_path, "metric: revenue, start: 0, target: 100"), ledger.clock
    assert isinstance(clock, SimulatedClock)
    for hours, value in ((0, 10), (24, 10), (1, 10), (1, 11), (24, 11)):
        clock.move_to(clock.now() + timedelta(hours=hours))
        measured(ledger, estate, answering(float(value))[0])

    assert [e.data["now"] for e in ledger.read(types=("objective.measured",))] == [10, 10, 11, 11]


def test_progress_that_is_old_says_so_and_what_was_another_metrics_is_none(tmp_path: Path, ledger: Ledger) -> None:
    """A week without a look is stale; where the file names another metric since, nothing is measured yet."""
    estate, clock = declared(tmp_path, "id: r, metric: revenue, start: 100, target: 0"), ledger.clock
    assert isinstance(clock, SimulatedClock)
    states = []
    for days, value in ((0, 25.0), (8, None), (0, 0.0)):
        clock.move_to(clock.now() + timedelta(days=days))
        measured(ledger, estate, answering(value)[0])
        (standing,) = standings(objectives_of(estate).values(), ledger, clock.now())["2011-q1.trust"]
        states.append((standing.state, standing.progress))
    other = declared(tmp_path, "id: r, metric: sales.revenue, start: 100, target: 0")
    (standing,) = standings(objectives_of(other).values(), ledger, clock.now())["2011-q1.trust"]

    assert states == [(State.MEASURED, 0.75), (State.STALE, 0.75), (State.REACHED, 1.0)]
    assert (standing.state, standing.progress) == (State.MISSING, None)


def test_attainment_is_of_what_was_measured(tmp_path: Path, ledger: Ledger) -> None:
    """The KPI reads the same way: 25 %, 50 % and all of it, and no more than all."""
    estate = declared(
        tmp_path, "id: a, metric: revenue, start: 100, target: 300", "id: b, metric: revenue, start: 250, target: 50",
        "id: c, metric: revenue, start: 0, target: 100",
    )  # fmt: skip
    measured(ledger, estate, answering(150.0)[0])
    clock = ledger.clock
    assert isinstance(clock, SimulatedClock)
    clock.move_to(clock.now() + timedelta(minutes=1))
    value = compute("objective-attainment", ledger, period_named("2011-Q1"))

    assert (value.value, value.n) == (pytest.approx((0.25 + 0.5 + 1) / 3), 3)


def test_items_contribute_by_a_link_to_its_id(tmp_path: Path, ledger: Ledger) -> None:
    """With or without the kind before it; others do not."""
    work = Work(declared(tmp_path, "metric: revenue, start: 1, target: 2"), ledger, clock=ledger.clock)
    items = [work.create("question", {"what": f"{n}?"}).item for n in range(3)]
    work.link(items[0].id, "contributes_to", "2011-q1.trust")
    work.link(items[1].id, "contributes_to", "objective:2011-q1.trust")
    work.link(items[2].id, "cites", "2011-q1.trust")

    assert [one.id for one in linked_items("2011-q1.trust", work.items())] == [one.id for one in items[:2]]


def test_the_events_that_are_recorded_are_of_the_vocabulary(tmp_path: Path, ledger: Ledger) -> None:
    """An older measure, which does not say until when its data reached, is read as one."""
    said = {
        "objective": "2011-q1.trust",
        "key_result": "revenue",
        "metric": "revenue",
        "start": 0,
        "target": 4,
        "now": 1,
    }
    ledger.append(Event("objective.measured", said))
    estate = declared(tmp_path, "metric: revenue, start: 0, target: 4")
    (standing,) = standings(objectives_of(estate).values(), ledger, START)["2011-q1.trust"]

    assert (standing.state, standing.progress, standing.data_until) == (State.MEASURED, 0.25, None)
