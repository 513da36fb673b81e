"""Decisions: MADR files, checked with their place, recorded when they are in force and a status changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from freehold.delivery.applying import record_decisions
from freehold.estate import load_estate
from freehold.foundation import FreeholdError, SimulatedClock
from freehold.insight import Period, compute
from freehold.ledger import Ledger
from freehold.work import Work
from freehold.work.decisions import decision_findings, decision_named, decisions_of
from freehold.work.described import whole_object

Written = Callable[..., Path]
Opener = Callable[..., Work]
NOTHING_ELSE = {"metric": ["revenue"], "kpi": ["adoption"]}


def decided(root: Path, name: str, front: str, text: str = "# A title\n") -> None:
    """Write a decision."""
    (root / "decisions").mkdir(exist_ok=True)
    (root / "decisions" / f"{name}.md").write_text(f"---\n{front}---\n{text}", encoding="utf-8")


def test_a_file_as_madr_has_it_needs_nothing_more(written: Written) -> None:
    """Its id is the name of its file, its title the first heading; people are a list, or words with commas."""
    root = written()
    decided(
        root, "0007-net-revenue",
        "status: accepted\ndate: 2011-09-14\ndecision-makers: sales, user:idp/owner\nconsulted: [finance]\n"
        "informed:\n  - everybody\n",
        "# Revenue is net of cancellations\n\n## Decision Outcome\n",
    )  # fmt: skip
    one = decisions_of(load_estate(root, cache=False))["0007-net-revenue"]

    assert (one.status, one.on, one.title) == ("accepted", date(2011, 9, 14), "Revenue is net of cancellations")
    assert (one.deciders, one.consulted, one.informed) == (("sales", "user:idp/owner"), ("finance",), ("everybody",))
    assert one.is_settled


WRONG = [
    ("a day that is none", {"a": "status: accepted\ndate: 2011-02-30\n"}, "FH-V105", "decisions/a.md:3:7"),
    ("a status that is none", {"a": "status: agreed\ndate: 2011-02-03\n"}, "FH-V105", "decisions/a.md:2:9"),
    (
        "what it supersedes is not there",
        {"a": "status: accepted\ndate: 2011-02-03\nsupersedes: [b]\n"}, "FH-V202", "decisions/a.md:4:14",
    ),
    (
        "what it concerns is not there",
        {"a": "status: accepted\ndate: 2011-02-03\nconcerns:\n  - metric:revenu\n"}, "FH-W403", "decisions/a.md:5:5",
    ),
    (
        "what it concerns has no kind",
        {"a": "status: accepted\ndate: 2011-02-03\nconcerns: [revenue]\n"}, "FH-W403", "decisions/a.md:4:12",
    ),
    (
        "what it settles is no item",
        {"a": "status: accepted\ndate: 2011-02-03\nsettles: [metric_disputes/31]\n"}, "FH-W404", "decisions/a.md:4:11",
    ),
    (
        "its successor is not there",
        {"a": "status: superseded by c\ndate: 2011-02-03\n"}, "FH-W405", "decisions/a.md:2:9",
    ),
    (
        "two hold at once",
        {"a": "status: accepted\ndate: 2011-02-03\n", "b": "status: accepted\ndate: 2011-02-04\nsupersedes: [a]\n"},
        "FH-W405", "decisions/a.md:2:9",
    ),
    (
        "they supersede each other",
        {
            "a": "status: superseded by b\ndate: 2011-02-03\n",
            "b": "status: superseded\ndate: 2011-02-04\nsupersedes: [c]\n",
            "c": "status: superseded\ndate: 2011-02-04\nsupersedes: [b, a]\n",
        },
        "FH-W406", "decisions/b.md:4:13",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("files", "code", "where"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_what_is_wrong_is_told_with_its_place(written: Written, files: dict[str, str], code: str, where: str) -> None:
    """Line and column are of the word that is wrong."""
    root = written()
    for name, front in files.items():
        decided(root, name, front)
    try:
        estate = load_estate(root, cache=False)
    except FreeholdError as error:
        found = [error]
    else:
        found = list(decision_findings(estate, NOTHING_ELSE))

    assert [(one.code, str(one.where)) for one in found] == [(code, where)]
    assert found[0].fix


def test_where_metrics_cannot_be_told_none_is_missed(written: Written) -> None:
    """Files of metrics in error are not the decision's fault."""
    root = written()
    decided(root, "a", "status: accepted\ndate: 2011-02-03\nconcerns: ['metric:revenu', 'product:sales.orders']\n")

    assert decision_findings(load_estate(root, cache=False), {"metric": None, "kpi": None}) == ()


def test_a_decision_that_is_not_there_is_refused_with_what_is_near(written: Written) -> None:
    """By its code, and the near match."""
    root = written()
    decided(root, "ADR-0007", "status: accepted\ndate: 2011-02-03\n")
    with pytest.raises(FreeholdError) as refused:
        decision_named(decisions_of(load_estate(root, cache=False)), "ADR-007")

    assert (refused.value.code, refused.value.fix) == ("FH-W401", "Did you mean `ADR-0007`?")


def recorded(ledger: Ledger) -> list[tuple[object, ...]]:
    """Return what is told of decisions: which, its status, when it was raised and decided."""
    return [
        (e.data["decision"], e.data["status"], e.data["raised_at"], e.data["decided_at"])
        for e in ledger.read(types=("decision.recorded",))
    ]


def test_each_change_of_a_status_is_recorded_once(written: Written, work_of: Opener, clock: SimulatedClock) -> None:
    """From being proposed it waits; it is decided on its day; told again, or of a branch, it is nothing new."""
    root, ledger = written(), work_of("owner")._ledger
    for wait, status, day in (
        (0, "proposed", "2011-03-07"),
        (9, "accepted", "2011-03-15"),
        (40, "deprecated", "2011-05-01"),
    ):
        clock.move_to(clock.now() + timedelta(days=wait))
        decided(root, "ADR-1", f"status: {status}\ndate: {day}\ndecision-makers: [sales, Somebody Else]\n")
        estate = load_estate(root, cache=False)
        record_decisions(estate, ledger, "pr-12", clock.now())
        record_decisions(estate, ledger, "prod", clock.now())
        record_decisions(estate, ledger, "prod", clock.now())

    raised, decided_at = "2011-03-07T10:00:00Z", "2011-03-16T00:00:00Z"
    assert [[str(part) if part else part for part in row] for row in recorded(ledger)] == [
        ["ADR-1", "proposed", raised, None],
        ["ADR-1", "accepted", raised, decided_at],
        ["ADR-1", "deprecated", raised, None],
    ]
    assert {tuple(e.data["deciders"]) for e in ledger.read(types=("decision.recorded",))} == {("team:sales",)}


def test_a_question_waits_from_when_its_item_began(written: Written, work_of: Opener, clock: SimulatedClock) -> None:
    """The latency is that of the item; a decision that is only proposed is no decision; three make a figure."""
    root, work = written(), work_of("member")
    for number, wait in enumerate((2, 4, 12)):
        item = work.create("question", {"what": f"Which revenue, {number}?"}).item
        clock.move_to(clock.now() + timedelta(days=wait))
        front = f"date: {clock.now():%Y-%m-%d}\nsettles: ['work:{item.id}']\n"
        decided(root, f"ADR-{number}", f"status: accepted\n{front}")
        decided(root, f"ADR-{number}-too", f"status: proposed\n{front}")
        record_decisions(load_estate(root, cache=False), work._ledger, "prod", clock.now())
    clock.move_to(clock.now() + timedelta(minutes=1))
    value = compute(
        "decision-latency", work._ledger, Period(datetime(2011, 1, 1, tzinfo=UTC), clock.now() + timedelta(1))
    )

    assert (value.value, value.n, value.evidence_completeness) == (4 * 86_400, 3, 1)


def test_what_was_asked_after_it_was_decided_waited_for_nothing(
    written: Written, work_of: Opener, clock: SimulatedClock
) -> None:
    """A latency below nothing would be no latency."""
    root, work = written(), work_of("member")
    item = work.create("question", {"what": "Which revenue?"}).item
    decided(root, "ADR-1", f"status: accepted\ndate: 2011-03-01\nsettles: ['{item.id}']\n")
    record_decisions(load_estate(root, cache=False), work._ledger, "prod", clock.now())

    assert [row[2] for row in recorded(work._ledger)] == [None]


@pytest.mark.parametrize(("status", "is_open"), [("proposed", False), ("accepted", True), ("rejected", True)])
def test_a_guard_holds_once_it_is_decided(
    written: Written, work_of: Opener, clock: SimulatedClock, status: str, is_open: bool
) -> None:
    """What is only proposed lets nothing pass."""
    root, work = written(), work_of("member", "stewards")
    item = work.create("metric-dispute", {"metric": "revenue", "claim": "Too high"}, product="sales.orders").item
    for move in ("accept", "decide"):
        work.move(item.id, move)
    decided(root, "ADR-1", f"status: {status}\ndate: 2011-03-07\nsettles: ['metric-dispute/none', '{item.id}']\n")
    record_decisions(load_estate(root, cache=False), work._ledger, "prod", clock.now())
    why = next(way.hindrance for way in work_of("owner").ways(work.item(item.id)) if way.move.name == "migrate")

    assert ("decision-recorded" not in str(why)) is is_open
    assert whole_object(work, work.item(item.id))["decided_by"] == (["ADR-1"] if is_open else [])
