"""The round in which channels are told what waits, and that it waits no longer. Each is told once of each decision.

What was told is in the ledger, so that a restart tells nothing again; after an end by force, at most the message that
was under way comes twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freehold.connect.messages import Channel, Said, channels_of
from freehold.connect.messages.posting import Posting
from freehold.foundation import Caller, FreeholdError
from freehold.foundation.owning import holder, is_dead
from freehold.ledger import Event
from freehold.server.messages.waiting import settled_as, waiting_in

if TYPE_CHECKING:
    from freehold.ledger import Lease, Ledger
    from freehold.server.application import Served

SENT, SETTLED = "message.sent", "message.settled"
_LEASE_S = 30.0
_REST = timedelta(minutes=1)  # of a channel that could not be told


class MessageRound:
    """Tells channels, for one server."""

    name = "messages"

    def __init__(self) -> None:
        self._served: Served | None = None
        self._newest = -1
        self._resting: dict[str, datetime] = {}

    def of(self, served: Served) -> None:
        """Say whose round it is, once the server is put together."""
        self._served = served

    def go(self) -> None:
        """Tell what is new since the last look.

        Raises:
            FreeholdError: FH-L201 another server tells; FH-X321, FH-X322 a channel could not be told.
        """
        served = self._served
        if served is None:
            return
        channels = [one for one in channels_of(served.snapshots.now().estate).values() if one.decisions or one.notices]
        ledger, now = served.snapshots.ledger, served.snapshots.clock.now()
        newest = next((e.seq for e in ledger.read(newest_first=True, limit=1)), 0)
        due = [one for one in channels if self._resting.get(one.id, now) <= now]
        if not due or (newest == self._newest and not self._resting):
            return
        acting = ledger.acting(Caller("system:server", purpose="messages", assurance="system"))
        failed: list[FreeholdError] = []
        with acting.lease("messages", holder("server"), _LEASE_S, is_gone=is_dead) as lease, lease.kept_alive():
            for channel in due:
                self._resting.pop(channel.id, None)
                try:
                    _tell(served, acting, lease, channel)
                except FreeholdError as error:
                    self._resting[channel.id] = now + _REST
                    failed.append(error)
        self._newest = newest
        if failed:
            raise failed[0]


def _tell(served: Served, ledger: Ledger, lease: Lease, channel: Channel) -> None:
    posting = Posting(served.snapshots.root, served.settings.outbound)
    sent = {str(e.data["about"]): e.data for e in ledger.read(types=(SENT,), subject=channel.id)}
    over = {str(e.data["about"]) for e in ledger.read(types=(SETTLED,), subject=channel.id)}
    for about, said in sent.items():
        settled = settled_as(served, about) if about not in over else None
        if settled is not None:
            posting.settle(channel, Said(said.get("conversation") or "", said.get("message") or ""), settled)
            _record(ledger, lease, SETTLED, channel, {"about": about})
    for one in waiting_in(served, channel):
        if one.about not in sent:
            told = posting.post(channel, one.message)
            named = {"conversation": told.conversation or None, "message": told.message or None}
            _record(ledger, lease, SENT, channel, {"about": one.about, **named})


def _record(ledger: Ledger, lease: Lease, type: str, channel: Channel, said: dict[str, str | None]) -> None:
    ledger.append(Event(type, {"channel": channel.id, **said}, subject=channel.id), fence=lease)
