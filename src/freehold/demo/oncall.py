"""Who is on call in the demo: takes on incidents, and takes back a change that did one, in steps that anybody has.

It knows of no fault: whether a change is named first, and which, is what the incident says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freehold.demo.blamed import Read, read_now
from freehold.demo.commits import mending
from freehold.demo.people import OWNER, STEWARD
from freehold.reliability.anomalies import anomalies, close
from freehold.reliability.incidents import (
    approve,
    blame,
    freeze,
    incident_of,
    incidents,
    roll_back,
    unfreeze_of,
)
from freehold.reliability.incidents.suspects import ChangeKind

if TYPE_CHECKING:
    from freehold.demo.changes import Changes
    from freehold.demo.replay import Stage
    from freehold.reliability.incidents import Incident
    from freehold.work import Work

_TAKEN_ON_AFTER = (25, 40, 22, 55, 18)  # minutes from when an incident was found to when somebody is on it
_CONFIRMED, _TAKEN_BACK, _FROZEN, _TOLD = (timedelta(minutes=n) for n in (7, 10, 13, 21))  # after that
_MENDED = timedelta(hours=3)
_METRIC = "sales.revenue"
_WHY = "Nobody relies on it before the change is mended"
_NEXT = "We are back at what was there before the change. It is mended today; next word at noon."


class OnCall:
    """Who takes on the incidents of a stage.

    Args:
        stage: whose incidents they are.
        work: items, as the steward sees and moves them.
        wait: moves the clock of the stage on to an instant, if it may.
        changes: by which what a change did is mended; without them no change is taken back.

    Attributes:
        read: what readers were shown before a change was taken back, by the id of its incident.
    """

    def __init__(
        self, stage: Stage, work: Callable[[], Work], wait: Callable[[datetime], None], changes: Changes | None
    ) -> None:
        self._stage, self._work, self._wait, self._changes = stage, work, wait, changes
        self._taken_on = 0
        self._closed: set[str] = set()
        self.read: dict[str, Read] = {}

    def see(self) -> None:
        """Take on each incident that was opened since, some minutes after it was found."""
        for one in incidents(self._stage.ledger).values():
            if one.state == "open":
                self._wait(one.detected_at + timedelta(minutes=_TAKEN_ON_AFTER[self._taken_on % len(_TAKEN_ON_AFTER)]))
                self._work().move(one.id, "acknowledge")
                self._taken_on += 1
                if self._changes is not None and self._is_of_a_change(one):
                    self._take_back(one, self._changes)
            elif one.state == "resolved" and one.id in self.read and one.id not in self._closed:
                self._closed.add(one.id)
                self._close(one)

    def _take_back(self, one: Incident, changes: Changes) -> None:
        """Say that the first suspect did it, take it back, tell readers, and mend it."""
        began, stage = self._stage.clock.now(), self._stage
        ledger = stage.ledger.acting(STEWARD)
        self._wait(began + _CONFIRMED)
        blame(ledger, one, 1)
        self.read[one.id] = read_now(stage.delivery, one)
        self._wait(began + _TAKEN_BACK)
        with stage.acting(STEWARD) as delivery:
            roll_back(incident_of(ledger, one.id), delivery, why=f"{one.suspects[0]['said']} did it.")
        self._wait(began + _FROZEN)
        freeze(incident_of(ledger, one.id), ledger, _METRIC, (_METRIC,), note=_WHY)
        self._wait(began + _TOLD)
        approve(stage.library(OWNER), incident_of(ledger, one.id), "customers", _NEXT)
        self._wait(began + _MENDED)
        changes.merge(mending())
        changes.release(unpin=True)
        unfreeze_of(one, ledger, _METRIC)

    def _close(self, one: Incident) -> None:
        """Say that what was unusual of an incident that is over was wrong, where nothing came in its place."""
        ledger, env = self._stage.ledger.acting(STEWARD), self._stage.delivery.env
        for odd in (odd for asset in one.assets for odd in anomalies(ledger, env, asset=asset)):
            close(ledger, env, odd.id, "fixed")

    def _is_of_a_change(self, one: Incident) -> bool:
        """Whether consumers read what is wrong, and the first suspect is a change of what it is built by."""
        is_read = one.root in one.reach.get("wrong", ())
        return is_read and bool(one.suspects) and one.suspects[0]["kind"] == ChangeKind.CODE
