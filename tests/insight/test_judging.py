"""KPIs are bound to evidence in which nothing has happened: what could not be computed is told at its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from freehold.estate.reading import read_documents
from freehold.foundation import SimulatedClock
from freehold.insight import State, builtin_kpis, compute, period_named
from freehold.insight.judging import findings
from freehold.insight.registry import BUILTIN, _document, kpi_from
from freehold.ledger import Event, Ledger

from .test_registry import OWN, pointed

BLOCK = OWN.replace(
    "sql: SELECT candidate AS item, asset, occurred_at, [seq] AS seqs FROM candidate_quarantined",
    "sql: |\n        SELECT candidate AS item, asset, occurred_at, [seq] AS seqs\n"
    "        FROM candidate_quarantined WHERE asset <> ''",
)  # fmt: skip

WRONG: dict[str, tuple[Callable[[str], str], str, str]] = {
    "a column that is none": (lambda t: t.replace("asset <> ''", "aset <> ''"), "aset <>", "not found"),
    "a sum of words": (lambda t: t.replace("COUNT(held.*)", "SUM(held.asset)"), "SUM(held", "sum(VARCHAR)"),
    "a time that is none": (lambda t: t.replace("time: occurred_at", "time: asset"), "asset", "dates nothing"),
    "no time": (lambda t: t.replace("      time: occurred_at\n", ""), "held:", "has no time"),
    "numbers that are no list": (lambda t: t.replace("[seq] AS seqs", "seq AS seqs"), "seqs", "no list of numbers"),
    "a list of words": (lambda t: t.replace("[seq] AS seqs", "['a'] AS seqs"), "seqs", "no list of numbers"),
}  # fmt: skip


def found(text: str) -> list[tuple[str, str]]:
    """Return what is wrong with a KPI: what stands at the place, and the problem."""
    (document,) = read_documents(text.encode(), "holds.yaml")
    return [(pointed(text, error.where), error.problem) for error in findings(kpi_from(document), document)]


@pytest.mark.parametrize(("change", "place", "told"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_computed_is_told_where_it_stands(change: Callable[[str], str], place: str, told: str) -> None:
    """Each by one error, at the word in the file, also within a block of text."""
    text = change(BLOCK)
    assert text != BLOCK

    ((at, problem),) = found(text)
    assert told in problem
    assert at.startswith(place)


def test_what_is_right_is_not_told() -> None:
    """Nothing of a KPI that can be computed, whichever way its query is written."""
    assert found(OWN) == found(BLOCK) == []


@pytest.mark.parametrize("id_", builtin_kpis())
def test_what_ships_can_be_computed_of_nothing(id_: str) -> None:
    """No KPI that ships asks for what evidence has not."""
    assert list(findings(builtin_kpis()[id_], _document(BUILTIN / f"{id_}.yaml"))) == []


def test_a_query_that_fails_on_what_was_recorded_fails_alone(tmp_path: Path) -> None:
    """It has no value and says why, with its file; nothing else ends with it."""
    (document,) = read_documents(BLOCK.replace("asset <> ''", "asset = 5").encode(), "holds.yaml")
    start = datetime(2011, 3, 7, tzinfo=UTC)
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(start)) as ledger:
        ledger.append(Event("candidate.quarantined", {"candidate": "c1", "asset": "a.b.c", "reason": "failed_checks"}))
        value = compute(kpi_from(document), ledger, period_named("2011-03"), start + timedelta(days=40))

    assert (value.state, value.value) == (State.FAILED, None)
    assert "holds.yaml" in value.fix
