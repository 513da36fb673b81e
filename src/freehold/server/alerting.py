"""The round in which what is wrong becomes alerts: some of it is late, over or told again as time passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.foundation import Caller
from freehold.reliability import watch

if TYPE_CHECKING:
    from freehold.server.snapshots import Snapshots


class AlertRound:
    """Takes a turn of watching; of several servers, and of commands beside them, one takes each."""

    name = "alerts"

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._ledger = snapshots.ledger.acting(Caller("system:server", purpose="alerts", assurance="system"))

    def go(self) -> None:
        """Take a turn.

        Raises:
            Problems: FH-E330, FH-E331 the file of kind Alerting is wrong.
        """
        snapshot = self._snapshots.now()
        watch(snapshot.estate, self._ledger, snapshot.env, snapshot.graph.inputs, self._snapshots.clock)
