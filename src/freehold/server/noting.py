"""Evidence that comes a little at a time, gathered in memory and written some at a time, since each writing is a file.

No answer waits for it. What was gathered since the last writing is lost if the process is killed: who looked at what,
and who asked what, is evidence of use, of which nobody was promised a record.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError

if TYPE_CHECKING:
    from freehold.ledger import Event, Ledger
    from freehold.server.telemetry import Telemetry

EVERY_S = 60.0
MANY = 2_000  # gathered before they are written all the same
MOST = 20_000  # kept where they cannot be written; the oldest go first


class Notes:
    """Gathers raw events of one type, and writes them down. Safe to use from many threads."""

    def __init__(self, ledger: Ledger, type_: str, telemetry: Telemetry) -> None:
        self._ledger = ledger
        self._type = type_
        self._telemetry = telemetry
        self._turn = threading.Lock()
        self._writing = threading.Lock()
        self._gathered: list[Event] = []
        self._timer: threading.Timer | None = None

    def take(self, events: Sequence[Event]) -> None:
        """Gather events, to be written within a minute, or at once where they are many."""
        with self._turn:
            self._gathered = [*self._gathered, *events][-MOST:]
            is_many = len(self._gathered) >= MANY
            if self._timer is None or (is_many and self._timer.interval):
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = threading.Timer(0.0 if is_many else EVERY_S, self._write)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write down what was gathered.

        Raises:
            FreeholdError: FH-L104 the disk takes it not; it stays gathered.
        """
        with self._writing:
            with self._turn:
                taken, self._gathered, self._timer = self._gathered, [], None
            if not taken:
                return
            try:
                self._ledger.raw.append(self._type, taken)
            except FreeholdError:
                with self._turn:
                    self._gathered = [*taken, *self._gathered][-MOST:]
                raise

    def close(self) -> None:
        """Write down the rest."""
        with self._turn:
            timer = self._timer
        if timer is not None:
            timer.cancel()
        self._write()

    def _write(self) -> None:
        """Write down what was gathered; where that fails the log says so, and it is tried with what comes next."""
        try:
            self.flush()
        except FreeholdError as error:
            self._telemetry.log.error("evidence not written", type=self._type, code=error.code, problem=error.problem)
