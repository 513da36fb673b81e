"""Links between items: from both sides, without circles; what a duplicate shares with its original."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.foundation import FreeholdError, SimulatedClock
from freehold.work import Item, Work
from freehold.work.item import Link, Passage
from freehold.work.linking import duplicates_of, refusal

Opener = Callable[..., Work]


def asked(work: Work, what: str = "Churn by month") -> Item:
    """Ask for data."""
    return work.create("data_request", {"what": what}, product="sales.orders").item


def test_a_link_is_seen_from_both_sides(work_of: Opener) -> None:
    """Each end has its word for it."""
    work = work_of("asker")
    one, other = asked(work), asked(work)
    work.link(one.id, "blocks", other.id)

    assert [(r.word, r.other, r.is_own) for r in work.related(one.id)] == [("blocks", other.id, True)]
    assert [(r.word, r.other, r.is_own) for r in work.related(other.id)] == [("blocked by", one.id, False)]


@pytest.mark.parametrize("rel", ["blocks", "duplicate_of"])
def test_a_circle_is_refused_and_named(work_of: Opener, rel: str) -> None:
    """Nothing blocks itself, or is a duplicate of itself, however far around; nothing is recorded of the attempt."""
    work = work_of("asker")
    one, two, three = asked(work), asked(work), asked(work)
    work.link(one.id, rel, two.id)
    work.link(two.id, rel, three.id)
    with pytest.raises(FreeholdError) as refused:
        work.link(three.id, rel, one.id)

    assert refused.value.code == "FH-W310"
    assert " → ".join((three.id, one.id, two.id, three.id)) in refused.value.problem
    assert work.item(three.id).links == ()


@pytest.mark.parametrize(
    ("rel", "target", "code"),
    [
        ("duplicates", "other", "FH-W312"), ("blocks", "nobody", "FH-W102"), ("duplicate_of", "question", "FH-W312"),
        ("implements", "itself", "FH-W310"),
    ],
    ids=["no such relation", "an item that is not there", "another type", "itself"],
)  # fmt: skip
def test_a_link_that_makes_no_sense_is_refused(work_of: Opener, rel: str, target: str, code: str) -> None:
    """With what is near, or what would do."""
    work = work_of("asker")
    one, other = asked(work), asked(work)
    targets = {
        "other": other.id,
        "nobody": "data_request/0",
        "question": work.create("question", {"what": "x"}).item.id,
        "itself": one.id,
    }
    with pytest.raises(FreeholdError) as refused:
        work.link(one.id, rel, targets[target])

    assert refused.value.code == code
    assert refused.value.fix


def test_a_duplicate_ends_with_its_original(work_of: Opener) -> None:
    """Also one of a duplicate; what had ended before stays as it was, and the answer reaches each requester."""
    asker, other, steward = work_of("asker"), work_of("member"), work_of("x", "stewards")
    original, first, second, gone = asked(asker), asked(other), asked(other), asked(other)
    steward.link(first.id, "duplicate_of", original.id)
    steward.link(second.id, "duplicate_of", first.id)
    other.move(gone.id, "withdraw")
    steward.link(gone.id, "duplicate_of", original.id)
    with pytest.raises(FreeholdError) as refused:
        steward.move(first.id, "take")
    steward.move(original.id, "take")
    moved = steward.move(original.id, "deliver")

    assert refused.value.code == "FH-W314"
    assert {item.id for item in moved.duplicates} == {first.id, second.id}
    assert {steward.item(one.id).state for one in (original, first, second)} == {"done"}
    assert steward.item(first.id).history[-1].ended_with == original.id
    assert steward.item(gone.id).state == "withdrawn"


def test_a_duplicate_of_what_has_ended_ends_at_once(work_of: Opener) -> None:
    """It is not left behind."""
    steward = work_of("x", "stewards")
    original, late = asked(steward), asked(steward)
    steward.move(original.id, "decline")

    assert steward.link(late.id, "duplicate_of", original.id).state == "declined"


def test_a_duplicate_can_be_parted_again(work_of: Opener) -> None:
    """It goes its own way then; a second original is refused before."""
    steward = work_of("x", "stewards")
    one, two, three = asked(steward), asked(steward), asked(steward)
    steward.link(one.id, "duplicate_of", two.id)
    with pytest.raises(FreeholdError) as second:
        steward.link(one.id, "duplicate_of", three.id)
    steward.unlink(one.id, "duplicate_of", two.id)
    with pytest.raises(FreeholdError) as again:
        steward.unlink(one.id, "duplicate_of", two.id)

    assert (second.value.code, again.value.code) == ("FH-W311", "FH-W315")
    assert steward.move(one.id, "take").item.state == "taken"


def test_who_may_not_move_an_item_cannot_make_it_a_duplicate(work_of: Opener) -> None:
    """To end an item with another is to decide on it."""
    asker, stranger = work_of("asker"), work_of("stranger")
    one, two = asked(asker), asked(asker)
    with pytest.raises(FreeholdError) as refused:
        stranger.link(one.id, "duplicate_of", two.id)

    assert refused.value.code == "FH-W104"


def test_to_link_a_duplicate_is_to_have_looked_at_it(work_of: Opener, clock: SimulatedClock) -> None:
    """Its triage clock stops, and the figure of intake counts it as looked at in time."""
    steward = work_of("x", "stewards")
    original, late = asked(steward), asked(steward)
    clock.advance(timedelta(hours=1))
    steward.link(late.id, "duplicate_of", original.id)
    clock.advance(timedelta(days=10))

    hands = {clock.name: clock.is_late for clock in steward.clocks(steward.item(late.id))}
    with steward._ledger.evidence() as evidence:
        rows = dict(evidence.query("SELECT item, triaged_at IS NOT NULL FROM work_items"))
    assert hands == {"triage": False, "resolve": False}
    assert rows == {original.id: False, late.id: True}


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30))
def test_no_sequence_of_links_makes_a_circle(pairs: list[tuple[int, int]]) -> None:
    """Whatever is tried in whatever order, the duplicates of an item never include itself."""
    now = datetime(2011, 3, 7, tzinfo=UTC)
    items = {str(n): Item(str(n), "question", (Passage("asked", now),), n) for n in range(7)}
    for one, other in pairs:
        item = items[str(one)]
        if refusal(item, "duplicate_of", str(other), items) is None and not item.original:
            link = Link("duplicate_of", str(other), now)
            items[item.id] = Item(item.id, "question", item.history, item.seq, links=(link,))

    for id_ in items:
        assert id_ not in {one.id for one in duplicates_of(id_, items.values())}


def test_the_last_move_can_be_taken_back_by_whoever_made_it(work_of: Opener, clock: SimulatedClock) -> None:
    """With what ended with it; not by others, not after its time, and not twice."""
    owner, steward = work_of("owner"), work_of("x", "stewards")
    original, copy = asked(owner), asked(owner)
    owner.link(copy.id, "duplicate_of", original.id)
    steward.move(original.id, "decline")
    with pytest.raises(FreeholdError) as others:
        owner.undo(original.id)
    back = steward.undo(original.id)
    with pytest.raises(FreeholdError) as twice:
        steward.undo(original.id)
    steward.move(original.id, "take")
    clock.advance(timedelta(minutes=16))
    with pytest.raises(FreeholdError) as late:
        steward.undo(original.id)

    assert (back.state, owner.item(copy.id).state) == ("asked", "asked")
    assert {one.value.code for one in (others, twice, late)} == {"FH-W313"}
    assert "longer ago than 15m" in late.value.problem


def test_what_had_more_come_of_it_is_not_taken_back(work_of: Opener) -> None:
    """An event that a state recorded stands, so the move does."""
    owner = work_of("owner")
    item = owner.create("metric_dispute", {"metric": "revenue", "claim": "x"}, product="sales.orders").item
    owner.move(item.id, "accept")
    owner.move(item.id, "decide", fields={"decision": "x"})
    with pytest.raises(FreeholdError) as refused:
        owner.undo(item.id)

    assert "more was done" in refused.value.problem


def test_comments_lie_in_the_side_store_and_assignments_name_somebody(work_of: Opener) -> None:
    """Words can be erased; who took an item on is a reference."""
    steward = work_of("x", "stewards")
    item = asked(steward)
    steward.comment(item.id, "Mr Smith knows.")
    steward.assign(item.id, "user:idp/ana")
    with pytest.raises(FreeholdError) as nobody:
        steward.assign(item.id, "Ana")
    after = steward.item(item.id)

    assert [steward.words(one.text) for one in after.comments] == ["Mr Smith knows."]
    assert after.assignee == "user:idp/ana"
    assert nobody.value.code == "FH-W106"
    assert "Smith" not in str([e.data for e in steward._ledger.read()])
    assert steward._ledger.side.erase(after.comments[0].text)
    assert steward.words(after.comments[0].text) == ""
