"""The round in which who asked for something is told that it ended with what it was a duplicate of: each once.

Who tells claims it first, in the kept state: of several servers one tells, and what was under way when a server was
ended by force is not told again. Whoever no file says the way to finds it on their home page, as everybody does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freehold.connect.messages import Message, Way
from freehold.foundation import Caller, FreeholdError, Problems
from freehold.ledger import Event
from freehold.server.briefs.sending import tell, way_of
from freehold.server.identity import Who
from freehold.server.items import Items
from freehold.server.web.pages.homes.news import became
from freehold.server.web.showing import asked_as
from freehold.work import Following, workflows_of

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from freehold.ledger import Ledger
    from freehold.server.application import Served
    from freehold.work import Item

TOLD = "message.told"
CLAIMED = "requesters.claimed"  # in the kept state: item and how often it had moved, with when somebody began to tell
STALE_AFTER = timedelta(days=3)  # what ended longer ago is no news to be sent
_REST = timedelta(minutes=1)


class RequesterRound:
    """Tells requesters."""

    name = "requesters"

    def __init__(self) -> None:
        self._app: Starlette | None = None
        self._items: Following | None = None
        self._read = -1
        self._done: set[str] = set()  # that this server need not look at again
        self._resting: dict[str, datetime] = {}

    def of(self, app: Starlette) -> None:
        """Say of which application, once that is put together."""
        self._app, self._items = app, Following(app.state.served.snapshots.ledger)

    def go(self) -> None:
        """Tell who was not told yet.

        Raises:
            FreeholdError: somebody could not be told; the others were.
        """
        if self._app is None or self._items is None:
            return
        served: Served = self._app.state.served
        self._items.look(workflows_of(served.snapshots.lately().estate))
        if self._items.read == self._read and not self._resting:
            return
        now, failed = served.snapshots.clock.now(), list[FreeholdError]()
        for item in self._items.items.values():
            key = f"{item.id}\n{len(item.history)}"
            if key in self._done or self._resting.get(key, now) > now or not _is_news(item, now):
                continue
            self._resting.pop(key, None)
            try:
                self._tell(served, item, key)
                self._done.add(key)
            except FreeholdError as error:
                self._resting[key] = now + _REST
                failed.append(error)
        self._read = self._items.read
        if failed:
            raise Problems(failed)

    def _tell(self, served: Served, item: Item, key: str) -> None:
        """Tell one, unless somebody else has begun to.

        Raises:
            FreeholdError: they could not be told; it is free to be told again.
        """
        way = way_of(served, item.requester)
        if way is None:
            return
        message = self._message(served, item, way)
        ledger = _acting(served)
        if not ledger.state.claim(CLAIMED, key, ledger.clock.now().isoformat()):
            return
        try:
            tell(served, way, message, f"ended {key}")
        except FreeholdError:
            ledger.state.delete(CLAIMED, key)
            raise
        said = {"item": item.id, "original": item.history[-1].ended_with, "to": item.requester, "state": item.state}
        ledger.append(Event(TOLD, {**said, "by": way.by}, subject=item.id))

    def _message(self, served: Served, item: Item, way: Way) -> Message:
        assert self._app is not None, "a round without an application tells nobody"
        who = Who(way.eyes, way.eyes.rpartition("/")[2], way.groups, "token", "token", "requesters")
        items = Items(asked_as(self._app, who, f"/items/{item.id}"))
        heading, *more = became(items, item)
        url = served.settings.url.rstrip("/")
        return Message(heading, tuple(more), f"{url}/items/{item.id}" if url else "")


def _is_news(item: Item, now: datetime) -> bool:
    """Whether an item ended lately with its original, and not by whoever asked for it."""
    last = item.history[-1]
    return bool(last.ended_with) and now - last.since < STALE_AFTER and item.requester != last.actor


def _acting(served: Served) -> Ledger:
    return served.snapshots.ledger.acting(Caller("system:server", purpose="messages", assurance="system"))
