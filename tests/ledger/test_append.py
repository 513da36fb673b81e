"""Appending: all or nothing, once, in order, heard by those who listen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from happenings import START, check

from freehold.foundation import Caller, FreeholdError, SeededIds, SimulatedClock, SystemClock
from freehold.ledger import Event, Ledger, Recorded


def test_what_was_appended_is_read_back(ledger: Ledger, clock: SimulatedClock) -> None:
    """The envelope carries who, when, where and how surely; a simulated clock marks a replay."""
    occurred = START - timedelta(hours=1)
    event = Event("deploy.unpinned", {"env": "prod"}, "e1", occurred, "prod", "s", "p", "r", "c")

    assert ledger.append(event) == (1,)

    recorded = ledger.get("e1")
    assert recorded is not None
    assert (recorded.seq, recorded.id, recorded.type) == (1, "e1", "deploy.unpinned")
    assert (recorded.occurred_at, recorded.recorded_at) == (occurred, START)
    assert (recorded.env, recorded.subject, recorded.product) == ("prod", "s", "p")
    assert (recorded.run_id, recorded.correlation_id) == ("r", "c")
    assert (recorded.actor, recorded.assurance) == ("system:freehold", "system")
    assert recorded.replay
    assert recorded.data == {"env": "prod"}


def test_the_caller_goes_with_every_event(opened: Callable[..., Ledger]) -> None:
    """Who did it is on record."""
    ledger = opened(caller=Caller("user:idp/lead", assurance="oidc"))
    ledger.append(check())

    (recorded,) = ledger.read()

    assert (recorded.actor, recorded.assurance, recorded.replay) == ("user:idp/lead", "oidc", False)


def test_the_same_event_twice_is_one_event(ledger: Ledger, clock: SimulatedClock) -> None:
    """A retry after a lost answer adds nothing, in one call, in two, or beside new ones."""
    assert ledger.append(check(1, id="a"), check(2)) == (1, 2)
    clock.advance(timedelta(hours=1))

    assert ledger.append(check(1, id="a")) == (1,)
    assert ledger.append(check(3, id="b"), check(1, id="a"), check(3, id="b")) == (3, 1, 3)
    assert ledger.append(check(4)) == (4,)
    assert [e.seq for e in ledger.read()] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        pytest.param(check(2, id="a"), "data", id="another payload"),
        pytest.param(Event("deploy.unpinned", {}, id="a"), "type", id="another type"),
        pytest.param(Event("check.completed", check(1).data, "a", subject="x", product="y"), "subject", id="subject"),
        pytest.param(
            Event(
                "check.completed", check(1).data, "a", START + timedelta(1), "", "sales.orders.lines", "sales.orders"
            ),
            "occurred_at",
            id="another time that the caller names",
        ),
    ],
)
def test_an_id_never_stands_for_two_things(ledger: Ledger, other: Event, differs: str) -> None:
    """The second is refused, saying what differs, and what comes with it is not written either."""
    ledger.append(check(1, id="a"))

    with pytest.raises(FreeholdError) as refused:
        ledger.append(check(9), other)

    assert refused.value.code == "FH-L003"
    assert differs in refused.value.problem
    assert len(list(ledger.read())) == 1


def test_threads_that_append_together_lose_nothing(opened: Callable[..., Ledger]) -> None:
    """Each of eight threads gets its own numbers; together they are 1..n without a gap; the seal holds."""
    ledger = opened()

    def write(thread: int) -> list[int]:
        return [seq for n in range(25) for seq in ledger.append(check(n, id=f"{thread}-{n}"), check(n))]

    with ThreadPoolExecutor(8) as threads:
        seqs = [seq for some in threads.map(write, range(8)) for seq in some]

    assert sorted(seqs) == list(range(1, 401))
    ledger.seal()
    assert ledger.verify().ok


def test_one_bad_append_does_not_harm_those_who_wait_beside_it(opened: Callable[..., Ledger]) -> None:
    """Writers that share a commit do not share each other's errors."""
    ledger = opened()
    ledger.append(check(0, id="taken"))

    def write(thread: int) -> str:
        try:
            ledger.append(check(thread + 1, id="taken" if thread % 2 else f"new-{thread}"))
        except FreeholdError as error:
            return error.code
        return "written"

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(write, range(40)))

    assert said == ["written", "FH-L003"] * 20
    assert len(list(ledger.read())) == 21


def test_time_does_not_run_backwards_along_the_chain(opened: Callable[..., Ledger]) -> None:
    """An earlier clock is recorded no earlier than what stands before, so that as-of is a prefix."""
    opened(clock=SimulatedClock(START)).append(check(1))
    opened(clock=SimulatedClock(START - timedelta(days=300))).append(check(2))
    opened(clock=SystemClock()).append(check(3))

    first, second, third = opened().read()

    assert first.recorded_at == second.recorded_at == START
    assert second.occurred_at == START - timedelta(days=300)
    assert third.recorded_at > START


def test_listeners_hear_each_event_once_in_order(ledger: Ledger) -> None:
    """Also those that a listener appends itself, and only the types it asked for."""
    everything: list[int] = []
    checks: list[str] = []

    def answer(event: Recorded) -> None:
        everything.append(event.seq)
        if event.type == "check.completed" and event.seq < 3:
            ledger.append(Event("deploy.unpinned", {"reason": str(event.seq)}))

    ledger.subscribe(answer)
    ledger.subscribe(lambda event: checks.append(event.type), ["check.*"])
    ledger.append(check(1), check(2))

    assert everything == [1, 2, 3, 4]
    assert checks == ["check.completed", "check.completed"]


def test_a_listener_that_fails_is_reported_and_harms_nobody(ledger: Ledger) -> None:
    """The event stays recorded, the others hear it, and the appender learns of the failure."""
    heard: list[int] = []

    def fail(event: Recorded) -> None:
        raise RuntimeError("no answer")

    ledger.subscribe(fail)
    ledger.subscribe(lambda event: heard.append(event.seq))

    with pytest.raises(FreeholdError, match="is recorded, but who listens"):
        ledger.append(check(1))

    assert heard == [1]
    assert len(list(ledger.read())) == 1


def test_a_replay_with_seeded_ids_is_the_same_ledger(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same events under the same clock and ids have the same hashes."""

    def replay() -> str:
        folder = tmp_path_factory.mktemp("replay")
        with Ledger.open("sqlite:///s.db", root=folder, clock=SimulatedClock(START), ids=SeededIds(1, START)) as ledger:
            ledger.append(check(1), check(2))
            return ledger.checkpoint().hash

    assert replay() == replay()


def test_appending_nothing_writes_nothing(ledger: Ledger) -> None:
    """No events, no numbers."""
    assert ledger.append() == ()
    assert ledger.seal() == 0
