"""Work items: who may move them where, under which conditions, and what the ledger tells of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.estate.model import Estate
from freehold.foundation import FreeholdError, Problems, SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.work import Item, Raci, Work, fold

Opener = Callable[..., Work]
CLAIM = {"metric": "revenue", "claim": "It counts orders that were called off."}


def begin(work_of: Opener, **fields: Any) -> tuple[Work, Item]:
    """Begin a dispute as somebody in sales."""
    work = work_of("asker")
    return work, work.create("metric-dispute", {**CLAIM, **fields}, product="sales.orders").item


def test_a_dispute_goes_its_way(work_of: Opener, estate: Estate) -> None:
    """An item is taken through its states by those who hold the roles, and the ledger tells it back."""
    asker, item = begin(work_of, evidence=["https://example.com/1"], amount=5)
    steward, owner = work_of("somebody", "stewards"), work_of("owner")

    assert item.state == "raised"
    assert steward.move(item.id, "accept").item.state == "council"
    assert steward.move(item.id, "ask", note="Which orders?").item.state == "waiting"
    assert asker.move(item.id, "answer").item.state == "council"
    assert owner.move(item.id, "decide", reason="agreed").item.state == "decided"
    owner._ledger.append(Event("decision.recorded", {"decision": "ADR-1", "item": item.id}))
    ended = owner.move(item.id, "migrate").item

    assert [(p.state, p.role) for p in ended.history] == [
        ("raised", ""), ("council", "steward"), ("waiting", "steward"), ("council", "requester"), ("decided", "owner"),
        ("closed", "owner"),
    ]  # fmt: skip
    assert work_of.documents == [("council", "dispute-dossier")] * 2  # type: ignore[attr-defined]
    assert owner.item(item.id) == ended
    assert owner.items(is_open=True) == ()
    assert owner.items("metric-dispute", is_open=False) == (ended,)


def test_an_item_says_by_when_it_is_to_be_looked_at_and_what_ended_it(work_of: Opener) -> None:
    """Two working days from ten on a Monday in London, as its workflow asks; and which move was its last."""
    asker, item = begin(work_of)
    asker.move(item.id, "withdraw")

    created, moved = (e.data for e in asker._ledger.read(types=("work.created", "work.transitioned"), subject=item.id))

    assert created["triage_due"] == "2011-03-09T10:00:00Z"
    assert (moved["to"], moved["final"]) == ("closed", True)


def test_words_of_people_stay_out_of_the_ledger(work_of: Opener) -> None:
    """Free text, addresses and notes lie in the side store; erasing them leaves the item as it was."""
    work, item = begin(work_of, evidence=["https://example.com/mr-smith"])
    steward = work_of("somebody", "stewards")
    moved = steward.move(item.id, "accept", note="Mr Smith is right.").item
    ledger: Ledger = work._ledger

    told = " ".join(str(event.data) for event in ledger.read())
    assert not {word for word in ("Smith", "smith", "called off") if word in told}
    assert item.fields == {"metric": "revenue"}
    assert work.texts(item)["claim"] == CLAIM["claim"]
    assert ledger.side.erase(moved.history[-1].note)
    assert ledger.side.erase_subject("user:idp/asker") == 1
    assert work.texts(work.item(item.id)) == {}
    assert work.item(item.id).state == "council"


@pytest.mark.parametrize(
    ("who", "move", "code", "problem", "fix"),
    [
        (("somebody", "stewards"), "acept", "FH-W103", "has no move `acept`", "Did you mean `accept`?"),
        (("somebody", "stewards"), "fly", "FH-W103", "has no move `fly`", "accept, duplicate, withdraw"),
        (("owner",), "accept", "FH-W104", "is for `steward` of `sales.orders`", "Ask group:idp/stewards."),
        (("other",), "accept", "FH-W104", "`user:idp/other` is none", "Ask group:idp/stewards."),
        (("somebody", "stewards"), "withdraw", "FH-W104", "is for `requester`", "Ask user:idp/asker."),
    ],
    ids=["a move misspelt", "no such move", "another role", "the same role of another team", "not the requester"],
)
def test_a_move_that_is_not_there_or_not_yours_is_refused(
    work_of: Opener, who: Sequence[str], move: str, code: str, problem: str, fix: str
) -> None:
    """A refusal names the rule, where it stands and who may; nothing is recorded."""
    work, item = begin(work_of)
    with pytest.raises(FreeholdError) as refused:
        work_of(*who).move(item.id, move)

    assert refused.value.code == code
    assert problem in refused.value.problem
    assert fix in refused.value.fix
    assert refused.value.where is not None
    assert refused.value.where.path == "dispute.yaml"
    assert work.item(item.id) == item


@pytest.mark.parametrize(
    ("fields", "recorded", "problem"),
    [
        ({"evidence": ["https://example.com/1"], "amount": 5}, False, "requires `decision-recorded`"),
        ({"amount": 5}, True, "requires `evidence > 0 and amount < 100`, which does not hold"),
        ({"evidence": ["https://example.com/1"]}, True, "(amount is not known)"),
    ],
    ids=["a condition with a name", "an expression", "a fact that is not known"],
)
def test_what_is_required_must_hold(work_of: Opener, fields: dict[str, Any], recorded: bool, problem: str) -> None:
    """A guard that is false, or cannot be told, keeps the item where it is."""
    _, item = begin(work_of, **fields)
    work_of("x", "stewards").move(item.id, "accept")
    owner = work_of("owner")
    owner.move(item.id, "decide")
    if recorded:
        owner._ledger.append(Event("decision.recorded", {"decision": "ADR-1", "item": item.id}))

    with pytest.raises(FreeholdError, match="`migrate` requires") as refused:
        owner.move(item.id, "migrate")
    assert (refused.value.code, problem in refused.value.problem) == ("FH-W105", True)
    (way,) = owner.ways(owner.item(item.id))
    assert (way.move.name, way.is_open) == ("migrate", False)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"metric": "revenue"}, "needs `claim`"),
        ({**CLAIM, "metrik": "x"}, "has no field `metrik`"),
        ({**CLAIM, "evidence": "https://example.com/"}, "`evidence` takes a list"),
        ({**CLAIM, "evidence": ["ftp:x"]}, "`evidence` takes a list"),
        ({**CLAIM, "amount": "5"}, "`amount` takes a number"),
        ({**CLAIM, "amount": True}, "`amount` takes a number"),
        ({**CLAIM, "metric": "Revenue of Mr Smith"}, "`metric` takes the id of a metric"),
        ({**CLAIM, "claim": "  "}, "`claim` takes some words"),
    ],
)
def test_fields_are_as_their_workflow_types_them(work_of: Opener, given: dict[str, Any], problem: str) -> None:
    """A field that is missing, unknown or of another type keeps the item from beginning."""
    work = work_of("asker")
    with pytest.raises(Problems) as refused:
        work.create("metric-dispute", given)

    assert refused.value.code == "FH-W106"
    assert problem in str(refused.value)
    assert work.items() == ()


def test_workflows_items_and_products_that_are_not_there_are_named(work_of: Opener) -> None:
    """What is misspelt is told with what is near."""
    work = work_of("asker")
    for code, act in (
        ("FH-W101", lambda: work.create("metric-disput", {})),
        ("FH-W102", lambda: work.item("metric-dispute/1")),
        ("FH-W106", lambda: work.create("metric-dispute", CLAIM, product="sales.order")),
    ):
        with pytest.raises(FreeholdError) as refused:
            act()
        assert refused.value.code == code


def test_what_nobody_does_is_told_and_what_fails_leaves_the_move(work_of: Opener) -> None:
    """A state's actions without a handler are named; one that fails says that the move stands."""
    _, item = begin(work_of)
    assert work_of("x", "stewards", handlers=False).move(item.id, "accept").left_undone == ("document",)

    _, item = begin(work_of)
    steward = work_of("x", "stewards")
    steward._handlers["document"] = _out_of_paper
    with pytest.raises(FreeholdError) as failed:
        steward.move(item.id, "accept")
    assert failed.value.code == "FH-W107"
    assert steward.item(item.id).state == "council"


def _out_of_paper(item: Item, what: object) -> None:
    raise OSError("out of paper")


def test_two_people_do_not_move_one_item_at_once(work_of: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one move is decided and recorded, another one of the same item waits; who has it for long is told of."""
    monkeypatch.setattr("freehold.work.turns._WAIT_S", 0.0)
    work, item = begin(work_of)
    with work._ledger.lease(f"work/{item.id}", "another", 30), pytest.raises(FreeholdError) as refused:
        work_of("x", "stewards").move(item.id, "accept")

    assert refused.value.code == "FH-L201"


def test_who_moves_at_the_same_moment_is_served_after(work_of: Opener) -> None:
    """One of two moves is made; the other finds the item where it stands by then."""
    _, item = begin(work_of)
    stewards = [work_of(f"s{n}", "stewards") for n in range(4)]

    def accept(steward: Work) -> str:
        try:
            return steward.move(item.id, "accept").item.state
        except FreeholdError as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(accept, stewards)) == ["FH-W103", "FH-W103", "FH-W103", "council"]


def test_an_item_contributes_to_what_there_is(work_of: Opener) -> None:
    """An objective nobody set is refused: a slip of the pen is no strategy."""
    work, item = begin(work_of)
    with pytest.raises(FreeholdError) as refused:
        work.link(item.id, "contributes_to", "no-such-objective")

    assert refused.value.code == "FH-W316"
    assert work.item(item.id).links == ()


def test_links_are_kept_once(work_of: Opener) -> None:
    """A relation of an item is told by its events."""
    work, item = begin(work_of)
    work.link(item.id, "cites", "objective/1")
    work.link(item.id, "cites", "objective/1")

    assert [(link.rel, link.target) for link in work.item(item.id).links] == [("cites", "objective/1")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_sequence_of_moves_leaves_the_graph(work_of: Opener, estate: Estate, data: st.DataObject) -> None:
    """Whatever anybody tries, an item is only ever in a declared state, and got there by a declared move."""
    asker, item = begin(work_of)
    workers = [asker, work_of("x", "stewards"), work_of("owner")]
    states = estate.workflows["metric-dispute"].states
    words = [*{move for state in states.values() for move in state.moves}, "fly"]
    for _ in range(data.draw(st.integers(1, 6))):
        before, who = asker.item(item.id), data.draw(st.sampled_from(workers))
        ways = {way.move.name: way for way in who.ways(before)}
        move = data.draw(st.sampled_from(words))
        if move in ways and ways[move].is_open:
            after = who.move(item.id, move).item
            assert after.state == states[before.state].moves[move].to
            assert after.history[:-1] == before.history
        else:
            with pytest.raises(FreeholdError):
                who.move(item.id, move)
            assert asker.item(item.id) == before


def test_folding_does_not_depend_on_the_order_events_are_given_in(work_of: Opener) -> None:
    """The same events give the same item, in whatever order and however often they come."""
    _, item = begin(work_of)
    steward = work_of("x", "stewards")
    steward.move(item.id, "accept")
    steward.move(item.id, "ask")
    steward.link(item.id, "implements", "a")
    steward.comment(item.id, "It is about refunds.")
    steward.assign(item.id, "user:idp/ana")
    events = list(steward._ledger.read(subject=item.id))

    @given(st.permutations([*events, *events]))
    def holds(shuffled: list[Any]) -> None:
        assert fold(shuffled) == steward.item(item.id)

    holds()


@pytest.mark.parametrize(
    ("role", "product", "expected"),
    [
        ("owner", "sales.orders", {"user:idp/owner"}),
        ("dataops-lead", "sales.orders", {"user:idp/lead"}),
        ("delegate", "sales.orders", {"user:idp/member"}),
        ("privacy", "sales.orders", set()),
        ("role:privacy", "sales.orders", {"user:idp/lead", "role:idp/dpo"}),
        ("steward", "", {"group:idp/stewards", "user:idp/other"}),
        ("steward", "sales.order", set()),
        ("role:round", "", set()),
    ],
    ids=[
        "in the product's team", "in the team above it", "by a team that stands for its members", "not in its teams",
        "by a role that stands for another", "in any team", "of no product there is",
        "by a role that stands for itself",
    ],
)  # fmt: skip
def test_a_role_is_held_in_the_team_of_the_product(estate: Estate, role: str, product: str, expected: set[str]) -> None:
    """Who holds a role is read from the product's team and those above it, never from another team."""
    assert Raci.of(estate).holders(role, product) == expected


def test_clocks_of_an_item_stand_while_it_waits(work_of: Opener, clock: SimulatedClock) -> None:
    """Triage ends when the first state is left; the rest runs on, but for pauses, until the item ends."""
    work, item = begin(work_of)  # Monday at ten
    steward = work_of("x", "stewards")
    clock.advance(timedelta(days=1))
    steward.move(item.id, "accept")  # Tuesday at ten: one business day
    steward.move(item.id, "ask")
    clock.advance(timedelta(days=3))
    triage, resolve, _ = work.clocks(work.item(item.id))

    assert (str(triage.hand), triage.used, triage.is_late) == ("stopped", 1, False)
    assert (str(resolve.hand), resolve.used, resolve.due_at) == ("paused", 1, None)

    work.move(item.id, "answer")  # Friday at ten
    resolve = work.clocks(work.item(item.id))[1]
    assert (str(resolve.hand), resolve.used) == ("running", 1)
    assert resolve.due_at is not None
    assert resolve.due_at.isoformat() == "2011-03-24T10:00:00+00:00"  # nine working days later
    clock.advance(timedelta(days=14))
    assert work.clocks(work.item(item.id))[1].is_late
