"""The round in which what is wrong becomes alerts: some of it is late, over or told again as time passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold import opening
from freehold.delivery.lineage import EstateLineage, lineage_of
from freehold.foundation import Caller
from freehold.reliability import watch
from freehold.reliability.slo import Watch

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.reliability.slo import Followed
    from freehold.server.snapshots import Snapshot, Snapshots


class AlertRound:
    """Takes a turn of watching; of several servers, and of commands beside them, one takes each."""

    name = "alerts"

    def __init__(self, snapshots: Snapshots, promises: Followed) -> None:
        self._snapshots, self._promises = snapshots, promises
        self._watching: tuple[Graph, Watch] | None = None
        self._ledger = snapshots.ledger.acting(Caller("system:server", purpose="alerts", assurance="system"))

    def go(self) -> None:
        """Take a turn.

        Raises:
            Problems: FH-E330, FH-E331 the file of kind Alerting is wrong.
        """
        snapshot, clock = self._snapshots.lately(), self._snapshots.clock
        if self._watching is None or self._watching[0] is not snapshot.graph:
            promised = Watch(snapshot.estate, snapshot.graph, self._ledger, snapshot.env, clock.now(), self._promises)
            self._watching = snapshot.graph, promised
        watch(
            snapshot.estate, self._ledger, snapshot.env, lambda: snapshot.graph, clock, slos=self._watching[1],
            lineage=lambda: self._columns(snapshot),
        )  # fmt: skip

    def _columns(self, snapshot: Snapshot) -> EstateLineage:
        dialect = opening.dialect_of(snapshot.estate, opening.chosen_environment(snapshot.estate, snapshot.env))
        return lineage_of(snapshot.graph, snapshot.estate, dialect)
