"""What is kept of webhooks: moved whole or not at all, by whoever holds the lease, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from freehold.foundation import FreeholdError
from freehold.ledger import Ledger
from freehold.ledger.deliveries import PING, Delivery, Standing
from freehold.ledger.webhooks import KEPT

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
STANDING = Standing("hook", 7, "m", problem="it answered 503", failing_since=NOW, held_until=NOW)
EVENT = Delivery("hook", "e8", 8, "run.completed", took=timedelta(milliseconds=12), last_at=NOW)


def waiting(seq: int, at: datetime = NOW, kind: str = "event") -> Delivery:
    """Return something that waits beside the line."""
    return Delivery("hook", f"e{seq}", seq, "run.completed", kind, next_at=at, last_at=NOW)


def test_what_is_kept_comes_back(opened: Callable[..., Ledger]) -> None:
    """Each field of both, as it was, in one transaction; written again, it takes the place of what was there."""
    ledger = opened()
    hooks = ledger.webhooks
    with ledger.lease("webhooks", "one", 30) as lease:
        hooks.attempted(lease, STANDING, EVENT)
        hooks.attempted(lease, replace(STANDING, cursor=8), replace(EVENT, state="dead", attempts=10))

        assert hooks.standings() == {"hook": replace(STANDING, cursor=8)}
        assert hooks.deliveries("hook") == (replace(EVENT, state="dead", attempts=10),)
        assert hooks.get("hook", "e8") == replace(EVENT, state="dead", attempts=10)
        assert hooks.counts() == {"hook": {"dead": 1}}


def test_who_lost_the_lease_changes_nothing(opened: Callable[..., Ledger]) -> None:
    """What it sent is sent again by whoever took over; neither cursor nor delivery moves."""
    ledger = opened()
    lost = ledger.lease("webhooks", "one", 30)
    ledger.webhooks.attempted(lost, STANDING, EVENT)
    with ledger.lease("webhooks", "two", 30, is_gone=lambda _: True), pytest.raises(FreeholdError) as refusal:
        ledger.webhooks.attempted(lost, replace(STANDING, cursor=9), replace(EVENT, state="delivered"))

    assert refusal.value.code == "FH-L202"
    assert ledger.webhooks.standings() == {"hook": STANDING}
    assert ledger.webhooks.deliveries("hook") == (EVENT,)


def test_what_is_due_is_what_waits_beside_the_line(opened: Callable[..., Ledger]) -> None:
    """Pings first; what is in the line, is dead, or is to wait longer is not."""
    ledger = opened()
    for one in (
        waiting(3), waiting(4, NOW + timedelta(seconds=1)), replace(waiting(5), state="dead"), waiting(9),
        waiting(0, kind=PING),
    ):  # fmt: skip
        ledger.webhooks.ask(one)

    assert [one.seq for one in ledger.webhooks.due("hook", 8, NOW, 10)] == [0, 3]
    assert ledger.webhooks.wakes_at() == NOW


def test_somebody_asks_for_it_again(opened: Callable[..., Ledger]) -> None:
    """What is dead or waits has all its attempts before it, and the line waits no longer; what arrived is left."""
    ledger = opened()
    hooks = ledger.webhooks
    with ledger.lease("webhooks", "one", 30) as lease:
        hooks.begin(lease, replace(STANDING, held_until=NOW + timedelta(hours=1)))
    hooks.ask(replace(waiting(3), state="dead", attempts=10))
    hooks.ask(replace(waiting(4), state="delivered"))

    assert hooks.retry("hook", ["e3", "e4", "e5"], NOW) == 1
    assert hooks.get("hook", "e3") == waiting(3)
    assert hooks.standings()["hook"].held_until is None


@pytest.mark.parametrize(("cursor", "left"), [(None, ["e0", "e3", "e8"]), (40, ["e0", "e3"])], ids=["goes on", "skips"])
def test_what_was_disabled_goes_on(opened: Callable[..., Ledger], cursor: int | None, left: list[str]) -> None:
    """Where it was; or after an event, without what was in the line. Nothing that failed before counts any more."""
    ledger = opened()
    hooks = ledger.webhooks
    disabled = replace(STANDING, state="disabled", reason="gone", disabled_at=NOW)
    with ledger.lease("webhooks", "one", 30) as lease:
        hooks.begin(lease, disabled)
    hooks.ask(replace(waiting(3), attempts=4))
    hooks.ask(replace(waiting(8), attempts=2))
    hooks.ask(replace(waiting(0, kind=PING), last_at=None))

    assert hooks.enable("hook", cursor)
    assert not hooks.enable("hook", cursor)
    assert hooks.standings() == {"hook": Standing("hook", cursor or 7, "m")}
    assert sorted(one.id for one in hooks.deliveries("hook")) == sorted(left)
    assert {one.attempts for one in hooks.deliveries("hook")} == {0}


def test_only_the_last_that_arrived_are_kept(opened: Callable[..., Ledger]) -> None:
    """And all that is dead, however old."""
    ledger = opened()
    hooks = ledger.webhooks
    hooks.ask(replace(waiting(1), state="dead", last_at=NOW - timedelta(days=99)))
    with ledger.lease("webhooks", "one", 30) as lease:
        for n in range(2, 2 + KEPT + 100):
            at = NOW + timedelta(seconds=n)
            hooks.attempted(lease, STANDING, replace(waiting(n), state="delivered", last_at=at, next_at=None))

    assert hooks.counts() == {"hook": {"dead": 1, "delivered": KEPT}}
    assert min(d.seq for d in hooks.deliveries("hook", states=("delivered",), limit=500)) == 102
