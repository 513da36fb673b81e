"""The round in which whoever reads what is to go is told of it: as they come, and again before its last day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freehold.foundation import Caller
from freehold.leaving.announcing import open_deprecations
from freehold.server.leaving import announcing_in
from freehold.work import Work

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from freehold.server.application import Served

_EVERY = timedelta(minutes=10)


class AnnouncingRound:
    """Tells consumers, for one server; a server that begins looks at all of them."""

    name = "announcing"

    def __init__(self) -> None:
        self._served: Served | None = None
        self._next: datetime | None = None

    def of(self, app: Starlette) -> None:
        """Say of which application, once that is put together."""
        self._served = app.state.served

    def go(self) -> None:
        """Tell who reads what is announced to go and was not told, and remind who has not answered.

        Raises:
            FreeholdError: FH-L201 another server tells of the same item.
        """
        served = self._served
        if served is None or (self._next is not None and served.snapshots.clock.now() < self._next):
            return
        self._next = served.snapshots.clock.now() + _EVERY
        caller = Caller("system:server", purpose="announce", assurance="system")
        acting, snapshot = served.snapshots.ledger.acting(caller), served.snapshots.lately()
        work = Work(snapshot.estate, acting, clock=served.snapshots.clock)
        announced = open_deprecations(work)
        announcing = announcing_in(served, acting, snapshot)
        told = [name for item in announced for name in announcing.tell(item)]
        if told:
            served.changed()
