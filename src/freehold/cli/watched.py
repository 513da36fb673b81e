"""Turns of watching: after something was run, and while a worker is at work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from freehold.cli.anomalies import say_anomalies
from freehold.cli.output import counted, in_a_line, say
from freehold.foundation import FreeholdError, Problems, SystemClock

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger
    from freehold.reliability import Watched

_NOBODY = "Nobody watches what is wrong"


def watch_after(delivery: Delivery) -> None:
    """Take a turn after something was run, and say what is unusual, and what is wrong.

    What was run is run: where the file of kind Alerting is wrong, that is said.
    """
    from freehold.reliability import watch

    try:
        say_watched(watch(delivery.estate, delivery.ledger, delivery.env, delivery.graph.inputs, delivery.clock))
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


class Watching:
    """The turns that a worker takes: after each run, and when something is late, over or told again by now.

    The estate is read anew after each run. What goes wrong with a turn ends no work: it is said, once.
    """

    def __init__(self, estate: Callable[[], Estate], ledger: Ledger, env: str, dialect: str) -> None:
        self._read, self._ledger, self._env, self._dialect = estate, ledger, env, dialect
        self._estate: Estate | None = None
        self._said = ""
        self.next_at: datetime | None = None

    def ran(self) -> None:
        """Take a turn after a run."""
        self._estate = None
        self.turn()

    def turn(self) -> None:
        """Take a turn."""
        from freehold.reliability import watch

        try:
            if self._estate is None:
                self._estate = self._read()
            found = watch(self._estate, self._ledger, self._env, self._inputs, SystemClock())
        except FreeholdError as error:
            said = f"{_NOBODY}: {in_a_line(str(error))}"
            if said != self._said:
                say(said)
            self._said = said
            return
        self._said, self.next_at = "", found.alerts.next_at
        say_watched(found)

    def sleeping(self, wait: Callable[[float], object]) -> Callable[[float], object]:
        """Return what takes a turn, and then sleeps no longer than until the next one."""

        def slept(seconds: float) -> object:
            self.turn()
            if self.next_at is not None:
                seconds = min(seconds, max(0.0, (self.next_at - datetime.now(UTC)).total_seconds()))
            return wait(seconds)

        return slept

    def _inputs(self) -> dict[str, tuple[str, ...]]:
        from freehold.delivery.graph import Graph

        assert self._estate is not None, "a turn has read it"
        graph: Graph = Graph.of(self._estate, self._env, self._dialect)
        return graph.inputs()
