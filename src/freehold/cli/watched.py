"""Turns of watching: after something was run, and while a worker is at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from freehold.cli.anomalies import say_anomalies
from freehold.cli.output import counted, in_a_line, say
from freehold.foundation import Caller, FreeholdError, SystemClock

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.delivery.graph import Graph
    from freehold.delivery.lineage import EstateLineage
    from freehold.engines import Session
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger
    from freehold.reliability import Watched
    from freehold.reliability.slo import Watch
    from freehold.reliability.tables import Opened

_NOBODY = "Nobody watches what is wrong"
_ELSEWHERE = ("FH-L201", "FH-L202")  # another process looks
_LEAST_S = 5.0  # between two turns: of what another worker has in hand, and where clocks differ
_MENDED = timedelta(seconds=30)  # after which a turn that went wrong is taken again


def watch_after(delivery: Delivery) -> None:
    """Take a turn after something was run, and say what is unusual, and what is wrong.

    What was run is run: where nobody could watch, that is said.
    """
    from freehold.delivery.lineage import lineage_of
    from freehold.reliability import watch

    is_now = isinstance(delivery.clock, SystemClock)  # what a table is like today tells nothing of another day
    said = is_now and _looked(
        delivery.estate, lambda: delivery.graph, delivery.ledger, delivery.env, delivery.clock.now(),
        lambda: closing(delivery.session("tables")),
    )  # fmt: skip
    if said:
        say(said)
    try:
        found = watch(
            delivery.estate, delivery.ledger, delivery.env, lambda: delivery.graph, delivery.clock,
            lineage=partial(lineage_of, delivery.graph, delivery.estate, delivery.engine.capabilities.dialect),
        )  # fmt: skip
        say_watched(found)
    except FreeholdError as error:
        say(_unwatched(error))


def _looked(estate: Estate, graph: Callable[[], Graph], ledger: Ledger, env: str, now: datetime, opened: Opened) -> str:
    """Look at tables that others fill, if that is due; return what is wrong where the warehouse does not answer."""
    from freehold.reliability.tables import look_at_tables

    try:
        look_at_tables(estate, graph(), ledger, env, now, opened)
    except FreeholdError as error:
        return "" if error.code in _ELSEWHERE else f"Nobody looks at tables that others fill: {in_a_line(str(error))}"
    return ""


def _unwatched(error: FreeholdError) -> str:
    return f"{_NOBODY}: {in_a_line(str(error))}"


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


class Watching:
    """The turns that a worker takes: after each run, and when something is late, over or told again by now.

    The estate is read anew after each run, and what follows from it is kept where it is the same. What goes wrong with
    a turn ends no work: it is said, once, and the turn is taken again later.
    """

    def __init__(self, estate: Callable[[], Estate], ledger: Ledger, env: str, dialect: str) -> None:
        self._read, self._ledger, self._env, self._dialect = estate, ledger, env, dialect
        self._estate: Estate | None = None
        self._promises: Watch | None = None
        self._graph_read: Graph | None = None
        self._said = self._said_of_tables = ""
        self._is_ran = False
        self.next_at: datetime | None = None

    def ran(self) -> None:
        """Take a turn after a run."""
        self._is_ran = True
        self.turn()

    def turn(self) -> None:
        """Take a turn."""
        from freehold.reliability import watch

        clock = SystemClock()
        try:
            estate, promises = self._watching(clock.now())
            self._look(estate, clock.now())
            found = watch(estate, self._ledger, self._env, self._graph, clock, slos=promises, lineage=self._columns)
        except FreeholdError as error:
            said, self.next_at = _unwatched(error), clock.now() + _MENDED
            if said != self._said:
                say(said)
            self._said = said
            return
        times = [at for at in (found.alerts.next_at, promises.wake_at, self._looks_at) if at is not None]
        self._said, self.next_at = "", min(times, default=None)
        say_watched(found)

    def _look(self, estate: Estate, now: datetime) -> None:
        """Look at tables that others fill, and say once what is wrong where the warehouse does not answer."""
        said = _looked(estate, self._graph, self._ledger, self._env, now, partial(self._opened, estate))
        if said and said != self._said_of_tables:
            say(said)
        self._said_of_tables = said

    @property
    def _looks_at(self) -> datetime | None:
        """When tables are to be looked at again; None where there are none."""
        from freehold.reliability.tables import looked

        found = looked(self._ledger, self._env)
        return found.next_at if found and any(one.is_of_others for one in self._graph().assets.values()) else None

    @contextmanager
    def _opened(self, estate: Estate) -> Iterator[Session]:
        from freehold.opening import chosen_environment, opened_engine

        caller, tag = Caller.at_the_shell(), {"env": self._env, "task": "tables"}
        with (
            opened_engine(estate, chosen_environment(estate, self._env), wait_s=0) as engine,
            closing(engine.session(caller, tag)) as session,
        ):
            yield session

    def sleeping(self, wait: Callable[[float], object]) -> Callable[[float], object]:
        """Return what takes a turn, and then sleeps no longer than until the next one."""

        def slept(seconds: float) -> object:
            self.turn()
            if self.next_at is not None:
                seconds = min(seconds, max(_LEAST_S, (self.next_at - datetime.now(UTC)).total_seconds()))
            return wait(seconds)

        return slept

    def _watching(self, now: datetime) -> tuple[Estate, Watch]:
        """Return the estate, and what watches its promises: those of before, where nothing has changed."""
        from freehold.reliability.slo import Watch

        if self._estate is None or self._is_ran:
            estate = self._read()
            if self._estate is None or self._estate.hashes != estate.hashes:
                self._estate, self._graph_read, self._promises = estate, None, None
            self._is_ran = False
        if self._promises is None:
            self._promises = Watch(self._estate, self._graph(), self._ledger, self._env, now)
        return self._estate, self._promises

    def _graph(self) -> Graph:
        from freehold.delivery.graph import Graph
        from freehold.delivery.template import KeptCompiled

        assert self._estate is not None, "a turn has read it"
        if self._graph_read is None:
            self._graph_read = Graph.of(self._estate, self._env, self._dialect, KeptCompiled(self._estate.root))
        return self._graph_read

    def _columns(self) -> EstateLineage:
        from freehold.delivery.lineage import lineage_of

        assert self._estate is not None, "a turn has read it"
        return lineage_of(self._graph(), self._estate, self._dialect)
