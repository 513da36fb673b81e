"""Leases fence, kept state keeps, the side store forgets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from happenings import START, check
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.foundation import Exit, FreeholdError
from freehold.ledger import Ledger


class HandClock:
    """A real clock as far as the ledger can tell, moved by hand."""

    simulated = False

    def __init__(self) -> None:
        self.instant = START

    def now(self) -> datetime:
        return self.instant


@pytest.fixture
def hands() -> HandClock:
    """A clock moved by hand."""
    return HandClock()


@pytest.fixture
def held(opened: Callable[..., Ledger], hands: HandClock) -> Ledger:
    """A ledger under a clock moved by hand."""
    return opened(clock=hands)


def test_a_lease_is_held_by_one(held: Ledger) -> None:
    """The other learns by whom and until when."""
    held.lease("run:prod", "alice:1", 30)

    with pytest.raises(FreeholdError) as refused:
        held.lease("run:prod", "bob:2", 30)

    assert refused.value.code == "FH-L201"
    assert "alice:1" in refused.value.problem
    assert "2011-03-01 06:00:30" in refused.value.problem
    assert refused.value.exit_code == Exit.ENVIRONMENT


def test_the_epoch_grows_at_every_takeover(held: Ledger, hands: HandClock) -> None:
    """After a release as after a death, also for the same holder; other names count by themselves."""
    with held.lease("run", "a", 30) as first:
        assert first.epoch == 1
    second = held.lease("run", "a", 30)
    hands.instant += timedelta(seconds=31)
    third = held.lease("run", "b", 30)

    assert (second.epoch, third.epoch, held.lease("other", "b", 30).epoch) == (2, 3, 1)


def test_who_lost_a_lease_can_do_nothing_with_it(held: Ledger, hands: HandClock) -> None:
    """A paused holder that wakes after a takeover neither renews nor appends, and its release frees nothing."""
    sleeper = held.lease("run", "a", 30)
    held.append(check(1), fence=sleeper)
    hands.instant += timedelta(seconds=31)
    held.append(check(2), fence=sleeper)  # it ran out, but nobody took it: it is still the one
    owner = held.lease("run", "b", 30)

    for late in (sleeper.renew, lambda: held.append(check(3), fence=sleeper)):
        with pytest.raises(FreeholdError, match="is lost; b holds it now"):
            late()
    sleeper.release()

    held.append(check(4), fence=owner)
    with pytest.raises(FreeholdError, match="held by b"):
        held.lease("run", "c", 30)
    assert len(list(held.read())) == 3


def test_a_renewed_lease_lasts(held: Ledger, hands: HandClock) -> None:
    """From the moment of renewal."""
    lease = held.lease("run", "a", 30)
    hands.instant += timedelta(seconds=20)
    lease.renew()
    hands.instant += timedelta(seconds=20)

    with pytest.raises(FreeholdError, match="held by a"):
        held.lease("run", "b", 30)
    assert lease.expires_at == START + timedelta(seconds=50)


def test_the_lease_of_a_dead_holder_need_not_be_waited_out(held: Ledger) -> None:
    """Whoever can tell that a holder is gone takes over at once, with a greater epoch; of a living one, not."""
    held.lease("run", "dead:1", 60)

    with pytest.raises(FreeholdError, match="held by dead:1"):
        held.lease("run", "b", 60, is_gone=lambda holder: holder == "dead:2")
    assert held.lease("run", "b", 60, is_gone=lambda holder: holder == "dead:1").epoch == 2


def test_under_a_simulated_clock_leases_go_by_real_time(ledger: Ledger) -> None:
    """A replay that died must not hold its lease until the simulated clock moves."""
    lease = ledger.lease("run", "a", 30)

    assert lease.expires_at > START + timedelta(days=3650)


VALUES = st.dictionaries(st.text(max_size=5), st.integers(0, 9) | st.lists(st.text(max_size=3), max_size=2), max_size=6)


@settings(max_examples=25, deadline=None)
@given(puts=st.lists(VALUES, max_size=4), drop=st.lists(st.text(max_size=5), max_size=3), prefix=st.text(max_size=2))
def test_kept_state_is_a_dictionary_that_stays(
    tmp_path_factory: pytest.TempPathFactory, puts: list[dict[str, Any]], drop: list[str], prefix: str
) -> None:
    """Put, get, many and delete do what a dict does, over a reopening, case and wildcards included."""
    folder, model = tmp_path_factory.mktemp("kept"), {}
    with Ledger.open("sqlite:///state.db", root=folder) as ledger:
        for values in puts:
            ledger.state.put_many("checks", values)
            model |= values
        ledger.state.put("other", "key", 1)
        gone = ledger.state.delete("checks", *drop)
    with Ledger.open("sqlite:///state.db", root=folder) as ledger:
        kept = ledger.state.many("checks", prefix)
        single = {key: ledger.state.get("checks", key) for key in model}

    assert gone == len(set(drop) & set(model))
    left = {key: value for key, value in model.items() if key not in drop}
    assert kept == {key: value for key, value in left.items() if key.startswith(prefix)}
    assert single == {key: left.get(key) for key in model}


def test_kept_state_puts_all_or_nothing(ledger: Ledger) -> None:
    """A value that JSON cannot say keeps the others out too."""
    with pytest.raises(FreeholdError, match="`bad` cannot be kept"):
        ledger.state.put_many("checks", {"good": 1, "bad": float("nan")})

    assert ledger.state.many("checks") == {}
    assert ledger.state.get("checks", "good", "default") == "default"


def test_a_key_is_claimed_by_one(ledger: Ledger) -> None:
    """Of eight at once one has it, with its own value; whoever drops it lets it be claimed again."""
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: ledger.state.claim("sending", "brief", n), range(8)))
    kept = ledger.state.get("sending", "brief")
    ledger.state.delete("sending", "brief")

    assert (won.count(True), won[kept]) == (1, True)
    assert ledger.state.claim("sending", "brief", 9)
    assert ledger.state.get("sending", "brief") == 9


def test_the_side_store_gives_back_what_it_was_given(ledger: Ledger) -> None:
    """Under a random id that says nothing."""
    item = ledger.side.put("sample", [{"id": 7}], subject="person:1")

    found = ledger.side.get(item)

    assert found is not None
    assert (found.kind, found.subject, found.created_at, found.payload) == ("sample", "person:1", START, [{"id": 7}])
    assert item.startswith("side:")
    assert ledger.side.get("side:nothing") is None


def test_erasing_what_is_not_there_records_nothing(ledger: Ledger) -> None:
    """And an empty subject is not everybody."""
    assert not ledger.side.erase("side:nothing")
    assert ledger.side.erase_subject("nobody") == 0
    with pytest.raises(FreeholdError, match="names nobody"):
        ledger.side.erase_subject("")
    assert list(ledger.read()) == []


def test_workspaces_share_a_database_and_nothing_else(opened: Callable[..., Ledger]) -> None:
    """Chains, leases, side items and kept values of one are not there for the other."""
    one, other = opened(workspace="one"), opened(workspace="other")
    one.append(check(1, id="same"), check(2))
    item = one.side.put("note", "text")
    one.state.put("n", "k", 1)
    one.lease("run", "a", 60)

    assert other.append(check(9, id="same")) == (1,)
    assert other.side.get(item) is None
    assert other.state.many("n") == {}
    assert other.lease("run", "b", 60).epoch == 1
    for ledger in (one, other):
        ledger.checkpoint()
        assert ledger.verify().ok


def test_what_is_kept_beside_events_is_kept_with_them(ledger: Ledger) -> None:
    """In one transaction: an event that is refused keeps the value out, and so does a lost lease."""
    lease = ledger.lease("run", "a", 60)
    ledger.append(check(1, id="first"), fence=lease, keep={("n", "k"): 1, ("m", "k"): [2]})
    assert (ledger.state.get("n", "k"), ledger.state.get("m", "k")) == (1, [2])

    with pytest.raises(FreeholdError, match="another"):
        ledger.append(check(9, id="first"), keep={("n", "k"): 2})
    ledger.lease("run", "b", 60, is_gone=lambda _: True)
    with pytest.raises(FreeholdError, match="is lost"):
        ledger.append(check(3), fence=lease, keep={("n", "k"): 3})

    assert ledger.state.get("n", "k") == 1
    assert len(list(ledger.read())) == 1


def test_a_value_is_kept_under_a_lease_without_an_event(ledger: Ledger) -> None:
    """What changes nothing that happened is fenced all the same."""
    lease = ledger.lease("run", "a", 60)
    ledger.append(fence=lease, keep={("n", "a\0b"): 1})
    ledger.append(fence=lease, keep={("n", "a\0b"): 2})
    ledger.lease("run", "b", 60, is_gone=lambda _: True)

    with pytest.raises(FreeholdError, match="is lost"):
        ledger.append(fence=lease, keep={("n", "a\0b"): 3})
    assert ledger.state.many("n") == {"a\0b": 2}


def test_a_lease_that_is_kept_alive_outlives_its_time(ledger: Ledger) -> None:
    """Renewed by a thread for as long as the block runs; the next holder waits, and takes it when it is let go."""
    with ledger.lease("run", "a", 0.3) as lease, lease.kept_alive():
        first = lease.expires_at
        deadline = time.monotonic() + 30
        while lease.expires_at < first + timedelta(seconds=0.3) and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        with pytest.raises(FreeholdError, match="held by a"):
            ledger.lease("run", "b", 60)

    assert ledger.lease("run", "b", 60).epoch == 2


def test_a_lost_lease_is_not_renewed(ledger: Ledger) -> None:
    """Whoever was away while another took over stays without it."""
    lease = ledger.lease("run", "a", 0.03)
    taken = ledger.lease("run", "b", 60, is_gone=lambda _: True)
    with lease.kept_alive():
        threads = [t for t in threading.enumerate() if t.name == "lease run"]
        for thread in threads:
            thread.join(30)

    assert [t.is_alive() for t in threads] == [False]
    with pytest.raises(FreeholdError, match="is lost; b holds"):
        lease.renew()
    assert taken.renew().epoch == 2
