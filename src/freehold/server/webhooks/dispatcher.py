"""Gives each subscription its turn, in a thread of its own, so that a slow receiver holds up nobody else.

Whoever sends holds the lease `webhooks`: of all servers of a state one sends, and another goes on where it was when it
is gone. Nothing is sent, and no lease taken, while no file declares a subscription.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from freehold.foundation import Caller, FreeholdError
from freehold.foundation.owning import holder, is_dead
from freehold.ledger import Event
from freehold.ledger.deliveries import PING, Standing
from freehold.server.aside import Aside
from freehold.server.webhooks.sending import Sender
from freehold.server.webhooks.subscribers import Subscriber, Subscribers
from freehold.server.webhooks.turn import Stopped, Turn

if TYPE_CHECKING:
    from freehold.connect.outbound import Outbound
    from freehold.connect.webhooks import Outcome
    from freehold.foundation import Clock
    from freehold.ledger import Lease
    from freehold.server.snapshots import Snapshots
    from freehold.server.telemetry import Telemetry

LEASE = "webhooks"
LEASE_S = 30.0  # how long others wait for a server that was stopped
GRACE_S = 5.0  # how long an attempt may go on once the server is told to end
MOST_AT_ONCE = 16  # turns; others wait for theirs
_LOOKS_EVERY_S = 0.5
_AGAIN_AFTER_S = 2.0  # where another server sends, or the state cannot be reached
_FIGURES_EVERY_S = 5.0


class Dispatcher(Aside):
    """Sends until it is closed: begins no other attempt then; what is not answered in time is sent again."""

    def __init__(
        self, snapshots: Snapshots, env: str | None, outbound: Outbound, clock: Clock, telemetry: Telemetry
    ) -> None:
        super().__init__("webhooks", telemetry, rest_s=_AGAIN_AFTER_S, grace_s=GRACE_S + 5)
        caller = Caller("system:server", purpose="webhooks", assurance="system")
        self._ledger = snapshots.ledger.acting(caller)
        self._clock = clock
        self._sender = Sender(snapshots.root, outbound)
        self._subscribers = Subscribers(snapshots, env)
        self._chance = random.SystemRandom().random
        self._turns: dict[str, threading.Thread] = {}
        self._done: dict[str, Standing] = {}  # with the cursor as far as it was looked
        self._more: set[str] = set()
        self._newest = -1
        self._figures_at = 0.0
        self._lost = False

    # -- the thread

    def _once(self) -> None:
        if self._subscribers.now():
            self._send()

    def _send(self) -> None:
        """Send under the lease until told to end, or until it is lost.

        Raises:
            FreeholdError: FH-L201 another server sends; what the state raises.
        """
        lease = self._ledger.lease(LEASE, holder("server"), LEASE_S, is_gone=is_dead)
        self._lost, self._newest = False, -1
        self._done.clear()
        with lease, lease.kept_alive():
            try:
                while not self._over.is_set() and not self._lost:
                    self._look(lease)
                    self._rest(_LOOKS_EVERY_S)
            finally:
                self._let_finish()

    def _look(self, lease: Lease) -> None:
        """Give a turn to whoever is due."""
        now, newest = self._clock.now(), self._newest_event()
        wakes_at = self._ledger.webhooks.wakes_at()
        is_due = wakes_at is not None and wakes_at <= now
        if newest == self._newest and not is_due and not self._more and not self._figures_due():
            return
        known, busy = self._subscribers.now(), frozenset(self._turns)  # of those, what is kept is about to change
        standings = self._ledger.webhooks.standings()
        self._newest = newest
        self._show(known, standings, newest)
        for id_, who in known.items():
            if id_ in busy or len(self._turns) >= MOST_AT_ONCE:
                continue
            standing = self._standing(lease, who, standings.get(id_), newest)
            if self._is_due(standing, newest, who):
                self._begin(lease, who, standing, newest)

    def _newest_event(self) -> int:
        return next((e.seq for e in self._ledger.read(newest_first=True, limit=1)), 0)

    def _standing(self, lease: Lease, who: Subscriber, kept: Standing | None, newest: int) -> Standing:
        """Return how a subscription stands: begun where it is new, enabled where its file was mended."""
        one = who.subscription
        if kept is None:
            kept = Standing(one.id, 0 if one.from_start else newest, one.mark)
            self._ledger.webhooks.begin(lease, kept)
        elif kept.mark != one.mark:
            kept = self._changed(lease, who, kept)
        looked = self._done.get(one.id)
        ahead = looked.cursor if looked is not None and kept.state == "active" else 0
        return replace(kept, cursor=max(kept.cursor, ahead))

    def _changed(self, lease: Lease, who: Subscriber, kept: Standing) -> Standing:
        """Return how a subscription stands whose address or secrets are others now: what failed counts no more."""
        one = who.subscription
        if kept.state == "disabled" and self._ledger.webhooks.enable(one.id):
            said = {"subscription": one.id, "owner": one.owner, "why": "its file was changed", "skipped": False}
            self._ledger.append(Event("webhook.enabled", said, subject=one.id))
        fresh = Standing(one.id, kept.cursor, one.mark, succeeded_at=kept.succeeded_at)
        self._ledger.webhooks.moved(lease, fresh)
        return fresh

    def _is_due(self, standing: Standing, newest: int, who: Subscriber) -> bool:
        now = self._clock.now()
        is_held = standing.held_until is not None and standing.held_until > now
        goes_on = standing.state == "active" and not is_held and not who.subscription.is_paused and not who.trouble
        waiting = self._ledger.webhooks.due(standing.id, standing.cursor, now, 1)
        if waiting and (goes_on or waiting[0].kind == PING):  # pings come first
            return True
        return goes_on and (standing.cursor < newest or standing.id in self._more)

    # -- turns, each in a thread

    def _begin(self, lease: Lease, who: Subscriber, standing: Standing, newest: int) -> None:
        self._more.discard(standing.id)
        thread = threading.Thread(
            target=self._turn, args=(lease, who, standing, newest), name=f"webhook {standing.id}", daemon=True
        )
        self._turns[standing.id] = thread
        thread.start()

    def _turn(self, lease: Lease, who: Subscriber, standing: Standing, newest: int) -> None:
        turn = Turn(
            who, self._ledger, lease, self._sender, self._clock, self._chance, self._over.is_set, self._note
        )  # fmt: skip
        try:
            after, is_more = turn.take(standing, newest)
            self._done[standing.id] = after
            if is_more:
                self._more.add(standing.id)
        except Stopped:
            pass
        except FreeholdError as error:
            self._lost = self._lost or error.code == "FH-L202"
            self._tell(standing.id, error)
        except Exception:  # told, and tried again with the next look; no other subscription suffers
            self._telemetry.log.exception("webhook", subscription=standing.id)
        finally:
            self._turns.pop(standing.id, None)
            if standing.id in self._more:
                self._woken.set()

    def _let_finish(self) -> None:
        """Wait for turns at hand; an attempt that takes longer is left, and made again by whoever sends next."""
        until = time.monotonic() + GRACE_S
        for thread in list(self._turns.values()):
            thread.join(max(0.0, until - time.monotonic()))

    # -- telling

    def _note(self, subscription: str, outcome: Outcome) -> None:
        self._telemetry.webhook(subscription, outcome.verdict, outcome.took.total_seconds())
        if outcome.verdict != "delivered":
            self._telemetry.log.warning(
                "webhook", subscription=subscription, verdict=outcome.verdict, problem=outcome.problem
            )

    def _figures_due(self) -> bool:
        return time.monotonic() - self._figures_at >= _FIGURES_EVERY_S

    def _show(self, known: dict[str, Subscriber], standings: dict[str, Standing], newest: int) -> None:
        """Tell Prometheus how far each subscription is."""
        if not self._figures_due():
            return
        self._figures_at = time.monotonic()
        counts = self._ledger.webhooks.counts()
        for id_ in known.keys() & standings.keys():
            one, many = standings[id_], counts.get(id_, {})
            cursor = max(one.cursor, self._done[id_].cursor if id_ in self._done else 0)
            figures = (newest - cursor, many.get("waiting", 0), many.get("dead", 0), one.state == "disabled")
            self._telemetry.webhook_stands(id_, *figures)
