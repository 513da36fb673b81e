"""The catalog as the server asks it: in step with each snapshot of the estate, and asked from any thread."""

from __future__ import annotations

import threading
from pathlib import Path

from freehold import opening
from freehold.catalog import Catalog, Seen
from freehold.connect.listing import listed
from freehold.delivery.majors import placed_by_ledger
from freehold.foundation import Clock, Problems
from freehold.foundation.words import counted
from freehold.ledger import Ledger
from freehold.server.snapshots import Snapshot


class Listing:
    """Keeps the catalog of one estate in step with what pages show."""

    def __init__(self, root: Path, ledger: Ledger, clock: Clock) -> None:
        self._catalog = Catalog(root, clock=clock)
        self._ledger = ledger
        self._clock = clock
        self._turn = threading.Lock()
        self._of: Snapshot | None = None
        self.behind = ""  # what keeps it from saying what the files say now

    def of(self, snapshot: Snapshot) -> Seen:
        """Return the catalog as of a snapshot, of what that holds: whoever may not see all is asked for no more.

        Where models or metrics are in error, what files said before stays, and `behind` says so; what the ledger tells
        is read.

        Raises:
            Problems: files are in error, and nothing was ever read of them.
            FreeholdError: FH-F101 the catalog cannot be written.
        """
        whole = snapshot.whole or snapshot
        if not self._is_of(whole):
            with self._turn:
                if not self._is_of(whole):
                    self._update(whole)
                    self._of = whole
                    self._catalog.keep_at_hand()
        return Seen(self._catalog, snapshot.seen)

    def follow(self, snapshot: Snapshot) -> Catalog:
        """Return the whole catalog, with all that the ledger tells by now: not for the eyes of a caller as it is.

        Raises:
            FreeholdError: FH-F101 the catalog cannot be written.
        """
        self.of(snapshot)
        with self._turn:
            self._catalog.update(None, self._ledger, env=snapshot.env)
        return self._catalog

    def close(self) -> None:
        """Give everything back."""
        self._catalog.close()

    def _is_of(self, snapshot: Snapshot) -> bool:
        """Whether it says what a snapshot does, or what a later one does: who still holds that one is shown this."""
        of = self._of
        return of is not None and (of.is_as_read(snapshot) or of.taken_at > snapshot.taken_at)

    def _update(self, snapshot: Snapshot) -> None:
        now = self._clock.now()
        estate = placed_by_ledger(snapshot.estate, self._ledger, snapshot.env, now)[0]
        chosen = opening.chosen_environment(estate, snapshot.env)
        told = listed(estate, snapshot.env, opening.dialect_of(estate, chosen), self._ledger)
        try:
            self._catalog.update(told, self._ledger, env=snapshot.env)
            self.behind = ""
        except Problems as problems:
            if not self._catalog.is_there or not self._catalog.standing().documents:
                raise
            self._catalog.update(None, self._ledger, env=snapshot.env)
            wrong = counted(len(problems.errors), "errors")
            self.behind = (
                f"The files of the estate have {wrong}: see `freehold validate`. This is what they said before."
            )
