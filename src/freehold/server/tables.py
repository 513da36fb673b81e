"""The round that looks at tables that others fill. It has a thread of its own: a slow warehouse holds nothing up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from freehold import opening
from freehold.foundation import Caller
from freehold.reliability.tables import look_at_tables

if TYPE_CHECKING:
    from freehold.engines import Session
    from freehold.server.snapshots import Snapshot, Snapshots


class TableRound:
    """Asks the warehouse once a minute; of several servers one does."""

    name = "tables"

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._caller = Caller("system:server", purpose="tables", assurance="system")
        self._ledger = snapshots.ledger.acting(self._caller)

    def go(self) -> None:
        """Look, if that is due.

        Raises:
            FreeholdError: the warehouse does not answer; it is asked again later.
        """
        snapshot, now = self._snapshots.lately(), self._snapshots.clock.now()
        look_at_tables(
            snapshot.estate, snapshot.graph, self._ledger, snapshot.env, now, lambda: self._opened(snapshot)
        )  # fmt: skip

    @contextmanager
    def _opened(self, snapshot: Snapshot) -> Iterator[Session]:
        chosen = opening.chosen_environment(snapshot.estate, snapshot.env)
        tag = {"env": snapshot.env, "task": "tables"}
        with (
            opening.opened_engine(snapshot.estate, chosen, wait_s=0) as engine,
            closing(engine.session(self._caller, tag)) as session,
        ):
            yield session
