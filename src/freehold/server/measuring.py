"""The round in which key results are measured: once a day, as a job, where an objective runs."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.insight.objectives import objectives_of
from freehold.server.identity import Who

if TYPE_CHECKING:
    from freehold.server.jobs.desk import Desk
    from freehold.server.snapshots import Snapshots

KIND = "objectives measure"
FROM = time(6)  # in the estate's zone: what came in the night is there by then
_SERVER = Who("system:server", "the server", (), "system", "session", "rounds")


class ObjectiveRound:
    """Asks for the measuring of a day. The key of the job is the day, so that of several servers all ask for one."""

    name = "objectives"

    def __init__(self, snapshots: Snapshots, desk: Desk) -> None:
        self._snapshots, self._desk = snapshots, desk
        self._asked = ""

    def go(self) -> None:
        """Ask for today's, unless that was done.

        Raises:
            FreeholdError: FH-A153 too many jobs wait already.
        """
        estate, now = self._snapshots.lately().estate, self._snapshots.clock.now()
        here = now.astimezone(ZoneInfo(str(estate.defaults.get("timezone", "UTC"))))
        key = f"{KIND} {here.date()}"
        runs = any(one.period.start <= now < one.period.end for one in objectives_of(estate).values())
        if not runs or key == self._asked or here.time() < FROM:
            return
        self._desk.start(KIND, {}, _SERVER, key=key)
        self._asked = key
