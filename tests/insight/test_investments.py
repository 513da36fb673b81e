"""Investment cases: an objective says what was put into it; what came of that is measured, and reviewed by its days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.foundation import SimulatedClock
from freehold.insight import Asking, builtin_kpis, compute, period_named
from freehold.insight.documents import builtin_documents
from freehold.insight.documents.writing import Setting, edition_of
from freehold.insight.objectives import cases_of, objective_findings, objectives_of
from freehold.ledger import Ledger

from .test_objectives import ESTATE, KNOWN, START, answering, measured

CASE = """apiVersion: freehold.dev/v1
kind: Objective
metadata: {{id: {id}, name: Fewer doubts, owner: sales}}
spec:
  period: "2011"
  investment: {investment}
  key_results:
    - {{metric: revenue, start: 100, target: 300}}
    - {{id: other, metric: revenue, start: 0, target: 1000}}
"""
USUAL = "{made: 2011-01-10, cost: 5000, currency: GBP}"


def declared(root: Path, *investments: str) -> Estate:
    """Return an estate with an objective for each investment."""
    (root / "estate.yaml").write_text(ESTATE, encoding="utf-8")
    texts = [CASE.format(id=f"case-{number}", investment=said) for number, said in enumerate(investments)]
    (root / "objectives.yaml").write_text("---\n".join(texts), encoding="utf-8")
    return load_estate(root, cache=False)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger whose clock stands in January."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(START)) as opened:
        yield opened


def moved(ledger: Ledger, days: int) -> None:
    """Let some days pass."""
    assert isinstance(ledger.clock, SimulatedClock)
    ledger.clock.move_to(ledger.clock.now() + timedelta(days=days))


WRONG = [
    ("a benefit that is no key result", "{made: 2011-01-10, benefit: othre}", "FH-L703", "6:43"),
    ("a review after it is over", "{made: 2011-01-10, reviews: [30, 400]}", "FH-L704", "6:43"),
    ("the usual reviews after it is over", "{made: 2011-11-10}", "FH-L704", "6:22"),
    ("a decision that is none", "{made: 2011-01-10, decision: ADR-7}", "FH-L705", "6:44"),
]


@pytest.mark.parametrize(("investment", "code", "place"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, investment: str, code: str, place: str) -> None:
    """Line and column are of what is wrong."""
    found = objective_findings(declared(tmp_path, investment), KNOWN)

    assert [(one.code, str(one.where)) for one in found] == [(code, f"objectives.yaml:{place}")]
    assert found[0].fix


def test_a_case_says_what_was_put_into_it(tmp_path: Path) -> None:
    """Reviewed after 90 and 180 days, unless it says otherwise; its benefit is the first key result, unless so, too."""
    usual, named = cases_of(declared(tmp_path, USUAL, "{made: 2011-01-10, benefit: other, reviews: [60, 30]}")).values()

    assert usual.investment is not None
    assert named.investment is not None
    assert (usual.investment.benefit.id, usual.investment.reviews) == ("revenue", (90, 180))
    assert (usual.investment.cost, usual.investment.currency, usual.investment.made) == (5000, "GBP", date(2011, 1, 10))
    assert (named.investment.benefit.id, named.investment.reviews) == ("other", (30, 60))


def test_its_benefit_is_measured_with_its_key_results_from_the_day_it_was_made(tmp_path: Path, ledger: Ledger) -> None:
    """Of the benefit alone, and no day before; days count from there. Asked again the same day, it says nothing new."""
    estate = declared(tmp_path, "{made: 2011-01-12, reviews: [30]}")
    for _ in range(3):
        measured(ledger, estate, answering(150.0)[0])
        measured(ledger, estate, answering(150.0)[0])
        moved(ledger, 2)

    told = [dict(event.data) for event in ledger.read(types=("benefit.measured",))]
    assert told == [
        {"case": "case-0", "metric": "revenue", "baseline": 100, "promised": 300, "now": 150, "day": day}
        for day in (0, 2)
    ]


def test_realised_value_is_of_what_was_measured(tmp_path: Path, ledger: Ledger) -> None:
    """A quarter of the way, twice, and 15 % of it: the mean over cases, each once."""
    other = "{made: 2011-01-10, benefit: other, reviews: [30]}"
    estate = declared(tmp_path, USUAL, USUAL, other)
    assert len(objectives_of(estate)) == 3
    measured(ledger, estate, answering(150.0)[0])
    moved(ledger, 1)
    value = compute("realised-value", ledger, period_named("2011-Q1"))

    assert (value.value, value.n) == (pytest.approx((0.25 + 0.25 + 0.15) / 3), 3)


def test_a_review_takes_the_first_measure_of_its_day_or_later_and_says_when_there_is_none(
    tmp_path: Path, ledger: Ledger
) -> None:
    """After 30 days measured on the 31st, after 60 not measured, after 90 to come."""
    estate = declared(tmp_path, "{made: 2011-01-10, reviews: [30, 60, 90]}")
    for days, value in ((0, 100.0), (31, 250.0), (30, None)):
        moved(ledger, days)
        measured(ledger, estate, answering(value)[0])
    moved(ledger, 1)
    setting = Setting(builtin_kpis(), Asking(), estate, {"case": tuple(cases_of(estate))})
    with ledger.evidence(ledger.clock.now()) as evidence:
        made = edition_of(builtin_documents()["investment-case"], evidence, setting, {"case": "case-0"})

    reviews = [line for line in made.markdown.splitlines() if line.startswith("- After")]
    assert reviews == [
        "- After 30 days, on 9 February 2011: 250, which is 75 % of what was promised (measured after 31 days).",
        "- After 60 days, on 11 March 2011: not measured; `freehold objectives measure` does.",
        "- After 90 days, on 10 April 2011: to come.",
    ]
