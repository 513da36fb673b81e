"""What waits for whom: triage, decisions, answers; what is late comes first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from freehold.foundation import FreeholdError, SimulatedClock
from freehold.work import Asks, Item, Work, from_words, inbox, shipped

Opener = Callable[..., Work]


def asked(work: Work, what: str, **more: str) -> Item:
    """Ask for data about orders."""
    return work.create("data_request", {"what": what}, product="sales.orders", **more).item


def waits(work: Work) -> list[tuple[str, str]]:
    """Return what waits for somebody: what it asks, and its title."""
    return [(str(one.asks), work.title(one.item)) for one in inbox(work)]


def test_an_item_waits_for_those_who_can_bring_it_on(work_of: Opener) -> None:
    """New items for triage, taken ones for a decision, questions back for whoever asked; nobody else has any of it."""
    asker, steward, stranger = work_of("asker"), work_of("x", "stewards"), work_of("stranger")
    asked(asker, "new")
    taken, back = asked(asker, "taken"), asked(asker, "back")
    steward.move(taken.id, "take")
    steward.move(back.id, "ask")

    assert waits(steward) == [("triage", "new"), ("decide", "taken")]
    assert waits(asker) == [("answer", "back")]
    assert waits(stranger) == []


def test_who_took_an_item_on_has_it_alone(work_of: Opener) -> None:
    """And a duplicate waits for nobody."""
    steward, owner = work_of("x", "stewards"), work_of("owner")
    one, copy = asked(steward, "one"), asked(steward, "copy")
    steward.link(copy.id, "duplicate_of", one.id)
    steward.move(one.id, "take")
    steward.assign(one.id, "user:idp/owner")

    assert waits(steward) == []
    assert [one.asks for one in inbox(owner)] == [Asks.DO]


def test_what_is_late_comes_first_then_what_is_due_first(work_of: Opener, clock: SimulatedClock) -> None:
    """An urgent request overtakes one that began before it; what is late overtakes both."""
    steward = work_of("x", "stewards")
    asked(steward, "late")
    clock.advance(timedelta(days=2, hours=1))
    asked(steward, "usual")
    asked(steward, "urgent", service_class="urgent")

    assert [title for _, title in waits(steward)] == ["late", "urgent", "usual"]
    assert [one.is_late for one in inbox(steward)] == [True, False, False]


@pytest.mark.parametrize(
    ("words", "held"),
    [
        ({"sev": ["2"]}, {"sev": 2}),
        ({"sev": ["x"]}, {"sev": "x"}),
        ({"assets": ["a.b.c, d.e.f", "g"]}, {"assets": ["a.b.c", "d.e.f", "g"]}),
        ({"what": [""]}, {"what": None}),
        ({"nobody": ["knows"]}, {"nobody": "knows"}),
    ],
    ids=["a number", "no number stays a word", "several", "nothing", "an unknown field"],
)
def test_fields_are_read_from_words(words: dict[str, list[str]], held: dict[str, object]) -> None:
    """As a form or a command line has them; what cannot be read is refused where it is accepted."""
    assert from_words(shipped()["incident"], words) == held


def test_an_item_is_found_by_the_end_of_its_id(work_of: Opener) -> None:
    """Where that is one item's alone."""
    work = work_of("asker")
    one, _ = asked(work, "one"), asked(work, "other")

    assert work.find(one.id[-12:]) == work.find(f"data_request/…{one.id[-12:]}") == one
    for text in ("zzz", ""):
        with pytest.raises(FreeholdError) as refused:
            work.find(text)
        assert refused.value.code == "FH-W102"


def test_an_item_that_is_not_there_names_those_it_is_like(work_of: Opener) -> None:
    """By as much of an id as was written."""
    work = work_of("asker")
    one = asked(work, "one").id
    for wrong in (f"{one[:-1]}~", f"{one[-12:-1]}~"):
        with pytest.raises(FreeholdError) as refused:
            work.find(wrong)
        assert refused.value.fix == f"Did you mean `{one[-len(wrong) :]}`?"
