"""Subscriptions as one asker may use them: which they see, and what they may have done.

A subscription is seen by whoever answers for it and by whoever may see every product: what it was sent names whatever
its account may see. To anybody else it is not there. To have something sent, or let go on, takes whoever answers for
it, or administers the estate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from freehold.foundation import FreeholdError
from freehold.ledger import Event
from freehold.ledger.deliveries import STATES, Delivery
from freehold.server.webhooks.sending import ping_of
from freehold.server.webhooks.subscribers import Subscriber, subscribers_of
from freehold.server.webhooks.telling import MOST_ASIDE, Stands, stands, unknown, unknown_delivery
from freehold.work import Raci

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.foundation import Caller
    from freehold.ledger import Ledger
    from freehold.ledger.deliveries import Standing
    from freehold.server.application import Served
    from freehold.server.identity import Who

T = TypeVar("T")
_COUNTED = 1_000  # events whose number is told exactly


@dataclass(frozen=True)
class Office:
    """The subscriptions of an estate, without asking who wants to know: for commands, and for `Window`."""

    estate: Estate
    ledger: Ledger

    def all(self) -> tuple[Stands, ...]:
        """Return every subscription and how it stands, by id."""
        hooks, now, newest = self.ledger.webhooks, self.ledger.clock.now(), newest_of(self.ledger)
        standings, counts = hooks.standings(), hooks.counts()
        known = subscribers_of(self.estate)
        return tuple(
            stands(who, standings.get(i), counts.get(i, {}), self._behind(who, standings.get(i), newest), now)
            for i, who in known.items()
        )

    def _behind(self, who: Subscriber, standing: Standing | None, newest: int) -> int:
        """Return how many events a subscription has not come to yet.

        Its cursor is kept now and then where events are not for it, so those are not counted where that is quick.
        """
        behind = max(0, newest - standing.cursor) if standing else 0
        if standing is None or behind > _COUNTED:
            return behind
        return sum(map(who.wants, self.ledger.read(after=standing.cursor, upto=newest, types=who.subscription.types)))

    def get(self, id_: str) -> Stands:
        """Return one subscription.

        Raises:
            FreeholdError: FH-A167 there is none.
        """
        found = self.all()
        one = next((each for each in found if each.id == id_), None)
        if one is None:
            raise unknown(id_, (each.id for each in found))
        return one

    def ping(self, id_: str) -> Delivery:
        """Have a ping sent, and return it as it waits.

        Raises:
            FreeholdError: FH-A167 there is no such subscription.
        """
        self.get(id_)
        one = ping_of(id_, self.ledger.clock.now())
        self.ledger.webhooks.ask(one)
        return one

    def redeliver(self, id_: str, delivery: str) -> Delivery:
        """Have one event sent now: one that waits or is dead, or any event again, by its id.

        Raises:
            FreeholdError: FH-A167 there is no such subscription; FH-A168 no such event.
        """
        self.get(id_)
        hooks, now = self.ledger.webhooks, self.ledger.clock.now()
        known = hooks.get(id_, delivery)
        if known is not None and known.state in ("dead", "waiting"):
            hooks.retry(id_, (delivery,), now)
        else:
            event = self.ledger.get(delivery)
            if event is None:
                raise unknown_delivery(delivery, id_)
            hooks.ask(Delivery(id_, event.id, event.seq, event.type, next_at=now))
        found = hooks.get(id_, delivery)
        assert found is not None
        return found

    def redeliver_dead(self, id_: str) -> int:
        """Have everything sent whose attempts were used up; return how many events that is.

        Raises:
            FreeholdError: FH-A167 there is no such subscription.
        """
        self.get(id_)
        hooks = self.ledger.webhooks
        ids = [one.id for one in hooks.deliveries(id_, states=("dead",), limit=10_000)]
        return sum(hooks.retry(id_, ids[at : at + 500], self.ledger.clock.now()) for at in range(0, len(ids), 500))

    def enable(self, id_: str, caller: Caller, *, skip: bool = False) -> bool:
        """Let a disabled subscription go on, where it was or, to `skip`, with the next event; say whether it was.

        One whose line waits for a receiver that was ill goes on at once.

        Raises:
            FreeholdError: FH-A167 there is no such subscription.
        """
        found = self.get(id_)
        one = found.who.subscription
        if not self.ledger.webhooks.enable(id_, newest_of(self.ledger) if skip else None):
            return not skip and self._released(found)
        said = {"subscription": id_, "owner": one.owner, "why": "somebody said so", "skipped": skip}
        self.ledger.acting(caller).append(Event("webhook.enabled", said, subject=id_))
        return True

    def _released(self, one: Stands) -> bool:
        """Let the line of a subscription wait no longer; say whether it did."""
        now = self.ledger.clock.now()
        if one.standing is None or one.standing.held_until is None or one.standing.held_until <= now:
            return False
        waiting = self.ledger.webhooks.deliveries(one.id, states=("waiting",), limit=MOST_ASIDE)
        first = [each.id for each in waiting if each.seq > one.standing.cursor]
        self.ledger.webhooks.retry(one.id, first, now)
        return True


@dataclass(frozen=True)
class Window:
    """The subscriptions, for one asker."""

    served: Served
    who: Who

    def all(self) -> tuple[Stands, ...]:
        """Return the subscriptions that the asker may see."""
        snapshot = self.served.rights.snapshot(self.who)
        found = self._office.all()
        return found if snapshot.seen is None else tuple(one for one in found if self._answers_for(one.who))

    def get(self, id_: str) -> Stands:
        """Return one of them.

        Raises:
            FreeholdError: FH-A167 there is none that the asker may see.
        """
        found = self.all()
        one = next((each for each in found if each.id == id_), None)
        if one is None:
            raise unknown(id_, (each.id for each in found))
        return one

    def deliveries(
        self, id_: str, states: Sequence[str] = (), limit: int = 100, before: datetime | None = None
    ) -> tuple[Delivery, ...]:
        """Return what was sent to a subscription, what was tried last first.

        Raises:
            FreeholdError: FH-A167 there is none; FH-A112 there is no such state.
        """
        self.get(id_)
        for state in states:
            if state not in STATES:
                raise FreeholdError("FH-A112", f"There is no state `{state}`.", fix=f"Use one of: {', '.join(STATES)}.")
        return self._office.ledger.webhooks.deliveries(id_, states=states, limit=limit, before=before)

    def may_act(self, one: Stands) -> bool:
        """Whether the asker may have something sent."""
        return self._answers_for(one.who) or bool(self.served.rights.may(self.who, "administer"))

    def ping(self, id_: str) -> Delivery:
        """Have a ping sent.

        Raises:
            FreeholdError: FH-A167 there is no such subscription; FH-A113 the asker may not.
        """
        self._expect(id_)
        return self._woken(self._office.ping(id_))

    def redeliver(self, id_: str, delivery: str) -> Delivery:
        """Have an event sent now.

        Raises:
            FreeholdError: as `ping`; FH-A168 there is no such event.
        """
        self._expect(id_)
        return self._woken(self._office.redeliver(id_, delivery))

    def redeliver_dead(self, id_: str) -> int:
        """Have everything sent whose attempts were used up.

        Raises:
            FreeholdError: as `ping`.
        """
        self._expect(id_)
        return self._woken(self._office.redeliver_dead(id_))

    def enable(self, id_: str, *, skip: bool = False) -> bool:
        """Let a disabled subscription go on.

        Raises:
            FreeholdError: as `ping`.
        """
        self._expect(id_)
        return self._woken(self._office.enable(id_, self.who.caller("enable a subscription"), skip=skip))

    @property
    def _office(self) -> Office:
        snapshot = self.served.rights.snapshot(self.who)
        return Office((snapshot.whole or snapshot).estate, self.served.snapshots.ledger)

    def _expect(self, id_: str) -> None:
        one = self.get(id_)
        if not self.may_act(one):
            owner = one.who.subscription.owner
            raise FreeholdError(
                "FH-A113", f"{self.who.principal} does not answer for `{id_}`.", fix=f"Ask whoever does: {owner}."
            )

    def _answers_for(self, who: Subscriber) -> bool:
        owner = who.subscription.owner
        meant = Raci.of(self._office.estate).meant(owner if ":" in owner else f"team:{owner}")
        return not meant.isdisjoint((self.who.principal, *self.who.groups))

    def _woken(self, done: T) -> T:
        self.served.webhooks.wake()
        return done


def newest_of(ledger: Ledger) -> int:
    """Return the number of the newest event; 0 where there is none."""
    return next((event.seq for event in ledger.read(newest_first=True, limit=1)), 0)
