"""Keeps the arrays of a catalog at hand: made in the background, and following it by what changed since.

Who asks is never made to wait for them: until they are there, and where they are ahead of what a reader sees, the
tables are asked.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from freehold.catalog.store import one_view

if TYPE_CHECKING:
    from freehold.catalog.arrays import Arrays
    from freehold.catalog.store import Store

_MOVED = 0.05  # of the entries, beyond which arrays are made anew
_STEPS = 100_000  # of SQLite, about a millisecond, after which it is looked whether they are still wanted
_FEW = 1_000  # entries of which the tables may be asked whatever their share


class Memory:
    """The arrays of one catalog; safe to use from many threads."""

    def __init__(self, store: Store) -> None:
        """Begin with none; they are made of what a store has."""
        self._store = store
        self._turn = threading.Lock()
        self._newest: Arrays | None = None
        self._making: threading.Thread | None = None
        self._is_kept = False

    def keep(self) -> None:
        """From now on have arrays; they are made by a thread of their own."""
        with self._turn:
            self._is_kept = True
            if self._newest is None:
                self._begin()

    def at(self, connection: sqlite3.Connection) -> Arrays | None:
        """Return the arrays of what a connection sees, in one view of it; None where the tables are to be asked."""
        with self._turn:
            known = self._newest
            if known is None:
                return None
            life, change, moves = _state(connection)
            if known.life != life or (moves and not known.moves):  # of the first edges nothing is noted
                self._newest = None
                self._begin()
                return None
            if known.change > change or known.moves > moves:  # whoever asks began before the newest change
                return None
            if (known.change, known.moves) != (change, moves) or _last_field(connection) >= len(known.columns):
                known = self._newest = known.grown(connection, change, moves)
                moved = int(known.moved.sum())
                if moved > max(_FEW, _MOVED * len(known.entries)):
                    self._begin()
            return known

    def make(self, connection: sqlite3.Connection) -> None:
        """Make the arrays of what a connection sees, now."""
        from freehold.catalog.arrays import made

        with one_view(connection):
            newest = made(connection, *_state(connection))
        with self._turn:
            self._newest = newest

    def close(self) -> None:
        """Let go of them; what is being made is broken off."""
        with self._turn:
            self._is_kept, making = False, self._making
        if making is not None:
            making.join()
        self._newest = None

    def _begin(self) -> None:
        """Have them made, unless they are being made; to be called in turn."""
        if self._is_kept and (self._making is None or not self._making.is_alive()):
            self._making = threading.Thread(target=self._make, name="freehold catalog arrays", daemon=True)
            self._making.start()

    def _make(self) -> None:
        # A catalog that cannot be read tells so to whoever asks it; there is nothing to keep of it.
        with suppress(sqlite3.Error), closing(self._store.connect()) as connection:
            self._store.read_ahead()
            connection.set_progress_handler(lambda: not self._is_kept, _STEPS)
            self.make(connection)


def _state(connection: sqlite3.Connection) -> tuple[str, int, int]:
    said = dict(connection.execute("SELECT name, value FROM stamp WHERE name IN ('life', 'change', 'moves')"))
    return str(said.get("life", "")), int(said.get("change", 0)), int(said.get("moves", 0))


def _last_field(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(key), -1) FROM field").fetchone()[0])
