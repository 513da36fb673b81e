"""Turns of watching: after something was run, and while a worker is at work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from freehold.cli.anomalies import say_anomalies
from freehold.cli.output import counted, in_a_line, say
from freehold.foundation import FreeholdError, Problems, SystemClock

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.delivery.graph import Graph
    from freehold.delivery.lineage import EstateLineage
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger
    from freehold.reliability import Watched
    from freehold.reliability.slo import Watch

_NOBODY = "Nobody watches what is wrong"


def watch_after(delivery: Delivery) -> None:
    """Take a turn after something was run, and say what is unusual, and what is wrong.

    What was run is run: where the file of kind Alerting is wrong, that is said.
    """
    from freehold.reliability import watch

    try:
        found = watch(
            delivery.estate, delivery.ledger, delivery.env, lambda: delivery.graph, delivery.clock,
            lineage=partial(columns_of, delivery.graph, delivery.estate, delivery.engine.capabilities.dialect),
        )  # fmt: skip
        say_watched(found)
    except Problems as wrong:
        say(f"{_NOBODY}: {in_a_line(str(wrong))}")


def say_watched(found: Watched) -> None:
    """Say in a line what is unusual, and in another how many alerts were raised and are over."""
    say_anomalies(found.anomalies)
    raised, resolved = len(found.alerts.raised), len(found.alerts.resolved)
    told = [f"{counted(raised, 'alerts')} raised"] if raised else []
    told += [f"{counted(resolved, 'alerts')} over"] if resolved else []
    if told:
        say(f"{', '.join(told)}: freehold alerts list")
    opened, ended = len(found.incidents.opened), len(found.incidents.resolved)
    told = [f"{counted(opened, 'incidents')} opened"] if opened else []
    told += [f"{counted(ended, 'incidents')} over"] if ended else []
    if told:
        say(f"{', '.join(told)}: freehold incidents list")


def columns_of(graph: Graph, estate: Estate, dialect: str) -> EstateLineage:
    """Return which columns go into which."""
    from freehold.delivery.lineage import KeptLineage, estate_lineage

    return estate_lineage(graph, estate, dialect, KeptLineage(estate.root))


class Watching:
    """The turns that a worker takes: after each run, and when something is late, over or told again by now.

    The estate is read anew after each run. What goes wrong with a turn ends no work: it is said, once.
    """

    def __init__(self, estate: Callable[[], Estate], ledger: Ledger, env: str, dialect: str) -> None:
        self._read, self._ledger, self._env, self._dialect = estate, ledger, env, dialect
        self._estate: Estate | None = None
        self._promises: Watch | None = None
        self._graph_read: Graph | None = None
        self._said = ""
        self.next_at: datetime | None = None

    def ran(self) -> None:
        """Take a turn after a run."""
        self._estate = self._promises = self._graph_read = None
        self.turn()

    def turn(self) -> None:
        """Take a turn."""
        from freehold.reliability import watch
        from freehold.reliability.slo import Watch

        clock = SystemClock()
        try:
            if self._estate is None:
                self._estate = self._read()
            if self._promises is None:
                self._promises = Watch(self._estate, self._graph(), self._ledger, self._env, clock.now())
            found = watch(
                self._estate, self._ledger, self._env, self._graph, clock, slos=self._promises, lineage=self._columns
            )
        except FreeholdError as error:
            said = f"{_NOBODY}: {in_a_line(str(error))}"
            if said != self._said:
                say(said)
            self._said = said
            return
        times = [at for at in (found.alerts.next_at, self._promises.wake_at) if at is not None]
        self._said, self.next_at = "", min(times, default=None)
        say_watched(found)

    def sleeping(self, wait: Callable[[float], object]) -> Callable[[float], object]:
        """Return what takes a turn, and then sleeps no longer than until the next one."""

        def slept(seconds: float) -> object:
            self.turn()
            if self.next_at is not None:
                seconds = min(seconds, max(0.0, (self.next_at - datetime.now(UTC)).total_seconds()))
            return wait(seconds)

        return slept

    def _graph(self) -> Graph:
        from freehold.delivery.graph import Graph
        from freehold.delivery.template import KeptCompiled

        if self._graph_read is None:
            assert self._estate is not None, "a turn has read it"
            self._graph_read = Graph.of(self._estate, self._env, self._dialect, KeptCompiled(self._estate.root))
        return self._graph_read

    def _columns(self) -> EstateLineage:
        assert self._estate is not None, "a turn has read it"
        return columns_of(self._graph(), self._estate, self._dialect)
