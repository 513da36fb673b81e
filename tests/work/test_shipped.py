"""The workflows that ship: each right by itself, each what the KPIs read, and each there to be replaced by a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.foundation import FreeholdError, SimulatedClock
from freehold.work import Item, Work, from_words, shipped, workflows_of
from freehold.work.checking import findings_of
from freehold.work.shipped import PACKAGE

Opener = Callable[..., Work]
KPIS = PACKAGE / "builtin" / "kpis"
ASKED_FOR = """
question data_request metric_change metric_dispute access_request incident corrective_action reliability_debt
roadmap_item deprecation launch recovery_drill insight evidence_request recurring_review
"""


def read_by_kpis() -> set[str]:
    """Return the types of item that KPI files name beside the evidence of work items."""
    found: set[str] = set()
    for path in KPIS.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        if "work_items" in text or "work_created" in text:
            for said in re.findall(r"\b\w\.type IN \(([^)]*)\)|\btype = ('\w+')|\.type = ('\w+')", text):
                found |= set(re.findall(r"'(\w+)'", " ".join(said)))
    return found


@pytest.mark.parametrize("id", sorted(shipped()))
def test_what_ships_is_right(id: str) -> None:
    """Each state is reached and has a way out, each field and each event it names is there."""
    assert list(findings_of(shipped()[id])) == []


def test_every_type_is_there_that_people_settle_things_by() -> None:
    """Those of the operating model, and every one that a KPI reads."""
    named = read_by_kpis()

    assert {"recovery_drill", "dsar", "study", "duplicate_asset", "report_change"} <= named
    assert set(ASKED_FOR.split()) | named <= set(shipped())


@pytest.mark.parametrize("id", sorted(shipped()))
def test_every_end_says_what_it_came_to(id: str) -> None:
    """An item that ended was delivered, answered, declined, withdrawn, or lapsed."""
    assert [state.name for state in shipped()[id].states.values() if state.is_final and not state.outcome] == []


def test_a_file_takes_the_place_of_what_ships(written: Callable[..., Path]) -> None:
    """An estate's own workflow of the same id is the one that holds; the others stay."""
    body = "spec: {fields: {what: text!}, states: {new: {moves: {end: over}}, over: {final: true}}}"
    head = "apiVersion: freehold.dev/v1\nkind: Workflow\nmetadata: {id: question}\n"
    estate = load_estate(written(question=f"{head}{body}\n"), cache=False)

    assert list(workflows_of(estate)["question"].states) == ["new", "over"]
    assert workflows_of(estate)["incident"] == shipped()["incident"]


def events(work: Work, *types: str) -> list[tuple[str, dict[str, Any]]]:
    """Return what was recorded of some types, without what is not known."""
    return [(e.type, {k: v for k, v in e.data.items() if v is not None}) for e in work._ledger.read(types=types)]


def test_a_question_is_answered_once_its_asker_says_so(work_of: Opener, clock: SimulatedClock) -> None:
    """What KPIs read is recorded with the moves; the answer itself is not in the ledger."""
    asker, steward = work_of("asker"), work_of("x", "stewards")
    item = asker.create("question", {"what": "How many came back?"}, product="sales.orders").item
    clock.advance(timedelta(hours=2))
    with pytest.raises(FreeholdError) as refused:
        steward.move(item.id, "answer")
    steward.move(item.id, "answer", fields={"answer": "One in nine."})
    clock.advance(timedelta(hours=1))
    ended = asker.move(item.id, "accept").item

    assert "needs `answer`" in str(refused.value)
    assert asker.texts(ended) == {"what": "How many came back?", "answer": "One in nine."}
    asked, answered = events(asker, "question.asked", "question.answered")
    assert asked[1]["question"] == answered[1]["question"] == item.id
    assert answered[1]["answered_at"].startswith("2011-03-07T12:00")
    assert answered[1]["accepted"] is True
    assert "nine" not in str(events(asker, "work.transitioned"))


def test_an_incident_is_read_by_its_figures(work_of: Opener, clock: SimulatedClock) -> None:
    """One row of evidence: when it was seen, when somebody verified that it is mended, and what was learned."""
    lead = work_of("lead")
    said = {"what": "Orders are empty", "kind": "data", "sev": 2, "impact_started_at": "2011-03-07T09:30:00Z"}
    item = lead.create("incident", said, product="sales.orders").item
    clock.advance(timedelta(minutes=5))
    lead.move(item.id, "acknowledge")
    clock.advance(timedelta(minutes=40))
    lead.move(item.id, "resolve", fields={"verified_by": "user:idp/lead"})
    action = lead.create("corrective_action", {"what": "Watch for it", "due": "2011-04-01"}).item
    lead.move(item.id, "learn", fields={"actions": [action.id]})

    with lead._ledger.evidence() as evidence:
        row = evidence.query(
            "SELECT incident, sev, tier, (restored_at - detected_at)::VARCHAR,"
            " (detected_at - impact_started_at)::VARCHAR, postmortem_at IS NOT NULL, actions FROM incidents"
        )
    assert row == [(item.id, 2, 3, "00:45:00", "00:30:00", True, [action.id])]


def test_a_dispute_leaves_a_decision(work_of: Opener) -> None:
    """Who decided, what was raised when, and that readers have to be told before it is closed."""
    asker, owner = work_of("asker"), work_of("owner")
    item = asker.create("metric_dispute", {"metric": "revenue", "claim": "Too high"}, product="sales.orders").item
    owner.move(item.id, "accept")
    owner.move(item.id, "decide", fields={"decision": "Net of refunds."})
    with pytest.raises(FreeholdError) as refused:
        owner.move(item.id, "close")

    ((_, decision),) = events(asker, "decision.recorded")
    assert (decision["item"], decision["deciders"]) == (item.id, ["user:idp/owner"])
    assert decision["outcome"].startswith("side:")
    assert "users-notified" in refused.value.problem


def test_a_launch_is_ready_when_what_it_takes_is_there(work_of: Opener) -> None:
    """Definitions, documentation and enablement; what is given with a move counts for that move."""
    owner = work_of("owner")
    said = {"product": "sales.orders", "due": "2011-04-01", "audience": ["service:pack", "user:idp/ana"]}
    item = owner.create("launch", said).item
    owner.move(item.id, "note", fields={"definitions": True, "docs": True})
    with pytest.raises(FreeholdError) as refused:
        owner.move(item.id, "ready")
    owner.move(item.id, "ready", fields={"enablement": True})
    owner.move(item.id, "launch")

    assert refused.value.code == "FH-W105"
    assert events(owner, "product.launched") == [
        ("product.launched", {"product": "sales.orders", "audience": ["service:pack", "user:idp/ana"]})
    ]


def test_a_review_files_the_next_one(work_of: Opener) -> None:
    """So many days after its own day, with what it held when it began and nothing of what was found."""
    owner = work_of("owner")
    said = {"what": "Who reads orders", "subject": "access", "due": "2011-03-31", "every_days": 90}
    first = owner.create("recurring_review", said, product="sales.orders").item
    owner.move(first.id, "hold", fields={"findings": "Two grants too many."})
    (second,) = owner.items("recurring_review", is_open=True)

    assert second.fields["due"] == "2011-06-29"
    assert owner.texts(second) == {"what": "Who reads orders"}
    assert (second.state, second.product) == ("planned", "sales.orders")


@pytest.mark.parametrize(
    ("type", "fields", "due"),
    [
        ("corrective_action", {"what": "x", "due": "2011-04-01"}, "2011-04-01T23:00:00Z"),
        ("evidence_request", {"what": "x"}, "2011-03-09T10:00:00Z"),
        ("question", {"what": "x"}, "2011-03-10T10:00:00Z"),
        ("insight", {"what": "x"}, ""),
    ],
    ids=["the end of its day, in London", "48 hours", "three working days", "none"],
)
def test_an_item_says_by_when_it_is_to_be_done(work_of: Opener, type: str, fields: dict[str, str], due: str) -> None:
    """By the day that was named, else by its clock; figures of the kind `on time` read it."""
    assert work_of("owner").create(type, fields).item.due == due


def test_urgent_items_have_shorter_clocks(work_of: Opener, estate: Estate) -> None:
    """The level of service is that of the item's class, where its workflow declares one."""
    work = work_of("asker")
    usual, urgent = (
        {
            clock.name: clock.due_at
            for clock in work.clocks(work.create("question", {"what": "x"}, service_class=c).item)
        }
        for c in ("", "urgent")
    )

    assert f"{usual['resolve']:%a %H:%M}" == "Thu 10:00"
    assert f"{urgent['resolve']:%a %H:%M}" == "Tue 10:00"


def test_what_is_called_off_is_no_delivery_for_figures(work_of: Opener) -> None:
    """An action that was done in time is kept, one that was cancelled is not; a move taken back counts for nothing."""
    owner = work_of("owner")

    def action() -> Item:
        return owner.create("corrective_action", {"what": "x", "due": "2011-03-08"}, product="sales.orders").item

    done, undone, cancelled = action(), action(), action()
    for item in (done, undone):
        owner.move(item.id, "start")
        owner.move(item.id, "finish")
    owner.undo(undone.id)
    owner.move(cancelled.id, "cancel", fields={"because": "Nobody needs it."})

    with owner._ledger.evidence() as evidence:
        rows = evidence.query("SELECT item, delivered_at IS NOT NULL, closed_at IS NOT NULL, state FROM work_items")
    assert set(rows) == {
        (done.id, True, True, "done"), (undone.id, False, False, "doing"), (cancelled.id, False, True, "cancelled"),
    }  # fmt: skip


@pytest.mark.parametrize("sev", [0, 5, 9, -3, 2.5, "2", "worst", True], ids=str)
def test_an_incident_has_one_of_four_severities(work_of: Opener, sev: object) -> None:
    """Five is what Freehold gives a false alarm: nobody begins one by it, and nothing else is a severity."""
    with pytest.raises(FreeholdError) as refused:
        work_of("ana").create("incident", {"what": "It is wrong.", "kind": "data", "sev": sev}, product="sales.orders")

    assert refused.value.code == "FH-W106"
    assert "one of 1, 2, 3, 4" in refused.value.problem


@pytest.mark.parametrize("word", ["1", "4"])
def test_a_severity_is_read_from_words(work_of: Opener, word: str) -> None:
    """Of a form or a command line, as the number that conditions and events take."""
    work = work_of("ana")
    said = from_words(work.workflow("incident"), {"what": ["It is wrong."], "kind": ["data"], "sev": [word]})

    assert work.create("incident", said, product="sales.orders").item.fields["sev"] == int(word)
