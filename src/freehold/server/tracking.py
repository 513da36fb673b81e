"""The round in which trackers are brought in, each as often as its file says."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from freehold.connect.trackers import Syncing, trackers_of
from freehold.foundation import FreeholdError, Problems

if TYPE_CHECKING:
    from freehold.foundation import Clock
    from freehold.server.settings import Settings
    from freehold.server.snapshots import Snapshots
    from freehold.server.telemetry import Telemetry


class TrackerRound:
    """Brings in what trackers tell. A server that begins looks at all of them."""

    name = "trackers"

    def __init__(self, snapshots: Snapshots, settings: Settings, clock: Clock, telemetry: Telemetry) -> None:
        self._snapshots, self._settings, self._clock, self._telemetry = snapshots, settings, clock, telemetry
        self._next: dict[tuple[str, str], datetime] = {}  # by tracker and its file

    def go(self) -> None:
        """Bring in each tracker that is due; one that fails holds up no other."""
        estate = self._snapshots.lately().estate
        trackers, failed = trackers_of(estate), list[FreeholdError]()
        address = self._settings.url.rstrip("/")
        syncing = Syncing(estate, self._snapshots.ledger, self._settings.outbound, address=address)
        for one in trackers.values():
            now = self._clock.now()
            if self._next.get((one.id, one.mark), now) > now:
                continue
            self._next[one.id, one.mark] = now + one.every
            try:
                came = syncing.sync(one)
            except FreeholdError as error:
                failed.append(error)
                continue
            for key, why in came.problems.items():
                self._telemetry.log.warning("issue", tracker=one.id, key=key, code=why.code, problem=why.problem)
            if came.begun or came.moves:
                self._snapshots.changed()
        if failed:
            raise Problems(failed)
