"""One subscription's turn: pings, what waits beside its line, then its line, one event after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from freehold.connect.webhooks import attempted
from freehold.ledger import Event
from freehold.ledger.deliveries import PING, Delivery, Standing
from freehold.server.feeding import cloud_event, without_rows
from freehold.server.webhooks.sending import Sender, ping_event
from freehold.server.webhooks.telling import MOST_ASIDE

if TYPE_CHECKING:
    from freehold.connect.webhooks import Outcome
    from freehold.foundation import Clock
    from freehold.ledger import Lease, Ledger, Recorded
    from freehold.server.webhooks.subscribers import Subscriber

LONGEST_S = 5.0  # a turn goes on after that only to end the attempt at hand
_READ_AT_ONCE = 100
_KEPT_EVERY = 1_000  # events that were not for it, after which the cursor is kept

Note = Callable[[str, "Outcome"], None]


class Stopped(Exception):
    """The server ends: what an attempt came to is not waited for, and it is made again."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn needs.

    Attributes:
        who: whose turn it is.
        ledger, lease: where events come from, and what lets this process send.
        sender: what sends.
        clock, chance: the time, and a number from 0 to 1.
        is_over: whether the server is told to end.
        note: is told of each outcome, with the id of the subscription.
    """

    who: Subscriber
    ledger: Ledger
    lease: Lease
    sender: Sender
    clock: Clock
    chance: Callable[[], float]
    is_over: Callable[[], bool]
    note: Note

    def take(self, standing: Standing, newest: int) -> tuple[Standing, bool]:
        """Send what is to be sent now; return how the subscription stands, and whether there is more to do at once.

        Args:
            standing: as it is kept; its cursor may be ahead of what is kept by events that were not for it.
            newest: the number of the newest event when the turn began.

        Raises:
            FreeholdError: FH-L202 another server sends now; what the state raises.
            Stopped: the server ended before an attempt did.
        """
        until = time.monotonic() + LONGEST_S
        standing = self._beside(standing, until, only_pings=True)
        if not self._may_go_on(standing):
            return standing, False
        standing = self._beside(standing, until)
        if not self._may_go_on(standing) or self._is_crowded(standing):
            return standing, False
        return self._line(standing, newest, until)

    def _may_go_on(self, standing: Standing) -> bool:
        if standing.state != "active" or self.who.subscription.is_paused or self.who.trouble:
            return False
        return standing.held_until is None or standing.held_until <= self.clock.now()

    def _is_crowded(self, standing: Standing) -> bool:
        waiting = self.ledger.webhooks.deliveries(standing.id, states=("waiting",), limit=MOST_ASIDE)
        return len(waiting) >= MOST_ASIDE

    def _beside(self, standing: Standing, until: float, *, only_pings: bool = False) -> Standing:
        """Try what waits by itself and is due."""
        for one in self.ledger.webhooks.due(standing.id, standing.cursor, self.clock.now(), MOST_ASIDE):
            if self.is_over() or time.monotonic() > until or (one.kind != PING and not self._may_go_on(standing)):
                break
            if one.kind == PING:
                standing = self._attempt(standing, one, ping_event(one, self.who.source, self.clock.now()))
            elif not only_pings:
                standing = self._again(standing, one)
        return standing

    def _again(self, standing: Standing, one: Delivery) -> Standing:
        event = self.ledger.get(one.id)
        if event is not None and self.who.wants(event):
            return self._attempt(standing, one, self._told(event))
        gone = replace(one, state="dead", next_at=None, problem="it may not be seen any more")
        self.ledger.webhooks.attempted(self.lease, standing, gone)
        return standing

    def _line(self, standing: Standing, newest: int, until: float) -> tuple[Standing, bool]:
        """Send the events after the cursor, in order, until one fails or the turn is over."""
        kept = standing.cursor
        page = self._page(standing)
        for event in page:
            if self.is_over() or time.monotonic() > until:
                return standing, True
            if self.who.wants(event):
                standing = self._attempt(standing, self._delivery(standing, event), self._told(event))
                kept = standing.cursor
                if not self._may_go_on(standing):
                    return standing, False
            else:
                standing = replace(standing, cursor=event.seq)
        is_all = len(page) < _READ_AT_ONCE
        standing = replace(standing, cursor=max(standing.cursor, newest)) if is_all else standing
        if standing.cursor - kept >= _KEPT_EVERY:
            self.ledger.webhooks.moved(self.lease, standing)
        return standing, not is_all

    def _page(self, standing: Standing) -> Sequence[Recorded]:
        types = self.who.subscription.types
        return list(self.ledger.read(after=standing.cursor, types=types, limit=_READ_AT_ONCE))

    def _told(self, event: Recorded) -> dict[str, Any]:
        return cloud_event(event if self.who.sees_rows else without_rows(event), self.who.source)

    def _delivery(self, standing: Standing, event: Recorded) -> Delivery:
        """Return what is known of an event's attempts; it had none where all was well before."""
        known = self.ledger.webhooks.get(standing.id, event.id) if standing.failing_since or standing.problem else None
        return known or Delivery(standing.id, event.id, event.seq, event.type)

    def _attempt(self, standing: Standing, one: Delivery, event: dict[str, Any]) -> Standing:
        outcome = self.sender.send(self.who.subscription, one.id, event)
        if self.is_over() and outcome.verdict != "delivered":
            raise Stopped  # an answer that was cut off says nothing of the receiver
        after, delivery = attempted(standing, one, outcome, self.clock.now(), self.chance)
        if after.state == "disabled" and standing.state == "active":
            self._tell_disabled(after)
        self.ledger.webhooks.attempted(self.lease, after, delivery)
        self.note(standing.id, outcome)
        return after

    def _tell_disabled(self, after: Standing) -> None:
        said = {"subscription": after.id, "owner": self.who.subscription.owner, "reason": after.reason}
        self.ledger.append(Event("webhook.disabled", {**said, "cursor": after.cursor}, subject=after.id))
