"""The round in which channels are told what waits, and that it waits no longer. Each is told once of each decision.

What was told is in the ledger, so that a restart tells nothing again; after an end by force, at most the message that
was under way comes twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.connect.messages import Channel, Message, Said, channels_of
from freehold.connect.messages.failing import Busy
from freehold.connect.messages.posting import Posting
from freehold.foundation import Caller, FreeholdError, Problems, Transient
from freehold.foundation.owning import holder, is_dead
from freehold.ledger import Event
from freehold.server.messages.waiting import settled_as, waiting_in
from freehold.work import Following, workflows_of

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from freehold.ledger import Lease, Ledger
    from freehold.server.application import Served

SENT, SETTLED = "message.sent", "message.settled"
_LEASE_S = 30.0
_REST = timedelta(minutes=1)  # of a channel that could not be told


@dataclass
class _Told:
    """What a channel was told and what of it is settled, as the ledger has it up to an event."""

    read: int = 0
    sent: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

    def look(self, ledger: Ledger, channel: str) -> None:
        """Take in what was recorded since the last look."""
        for event in ledger.read(types=(SENT, SETTLED), subject=channel, after=self.read):
            self.read, about = event.seq, str(event.data["about"])
            if event.type == SENT:
                self.sent[about] = event.data
            else:
                self.over.add(about)


class MessageRound:
    """Tells channels, for one server. Items, and what was told of them, are read once; after that, what is new."""

    name = "messages"

    def __init__(self) -> None:
        self._served: Served | None = None
        self._items: Following | None = None
        self._told: dict[str, _Told] = {}
        self._newest = -1
        self._resting: dict[str, datetime] = {}

    def of(self, app: Starlette) -> None:
        """Say of which application, once that is put together."""
        self._served = app.state.served
        self._items = Following(app.state.served.snapshots.ledger)

    def go(self) -> None:
        """Tell what is new since the last look.

        Raises:
            FreeholdError: FH-L201 another server tells; FH-X321, FH-X322 a channel could not be told.
        """
        served, items = self._served, self._items
        if served is None or items is None:
            return
        estate = served.snapshots.lately().estate
        channels = [one for one in channels_of(estate).values() if one.decisions or one.notices]
        ledger, now = served.snapshots.ledger, served.snapshots.clock.now()
        newest = next((e.seq for e in ledger.read(newest_first=True, limit=1)), 0)
        due = [one for one in channels if self._resting.get(one.id, now) <= now]
        if not due or (newest == self._newest and not self._resting):
            return
        acting = ledger.acting(Caller("system:server", purpose="messages", assurance="system"))
        failed: list[FreeholdError] = []
        with acting.lease("messages", holder("server"), _LEASE_S, is_gone=is_dead) as lease, lease.kept_alive():
            items.look(workflows_of(estate))
            for channel in due:
                self._resting.pop(channel.id, None)
                for error in self._tell(served, acting, lease, channel):
                    wish = error.wish if isinstance(error, Busy) and error.wish else _REST
                    self._resting[channel.id] = now + max(wish, _REST)
                    failed.append(error)
        self._newest = newest
        if failed:
            raise Problems(failed)

    def _tell(self, served: Served, ledger: Ledger, lease: Lease, channel: Channel) -> Iterator[FreeholdError]:
        """Tell one channel, and yield what could not be told; what is busy is asked for nothing more."""
        posting = Posting(served.snapshots.root, served.settings.outbound)
        assert self._items is not None, "a round without a server tells nothing"
        items = self._items.items
        told = self._told.setdefault(channel.id, _Told())
        told.look(ledger, channel.id)
        try:
            for about, said in told.sent.items():
                settled = settled_as(served, about, items) if about not in told.over else None
                if settled is not None:
                    _settle(posting, channel, said, settled)
                    _record(ledger, lease, SETTLED, channel, {"about": about})
            for one in waiting_in(served, channel, tuple(items.values()), told.sent):
                try:
                    said_ = posting.post(channel, one.message, one.about)
                except Transient:
                    raise
                except FreeholdError as error:  # of this one; others may well be taken
                    yield error
                    continue
                named = {"conversation": said_.conversation or None, "message": said_.message or None}
                _record(ledger, lease, SENT, channel, {"about": one.about, **named})
        except FreeholdError as error:
            yield error


def _settle(posting: Posting, channel: Channel, said: Mapping[str, Any], settled: Message) -> None:
    """Have a message say that it is settled; one that somebody deleted, or that is too old, needs no more."""
    try:
        posting.settle(channel, Said(said.get("conversation") or "", said.get("message") or ""), settled)
    except Transient:
        raise
    except FreeholdError as error:
        if error.code != "FH-X322":
            raise


def _record(ledger: Ledger, lease: Lease, type: str, channel: Channel, said: dict[str, str | None]) -> None:
    ledger.append(Event(type, {"channel": channel.id, **said}, subject=channel.id), fence=lease)
