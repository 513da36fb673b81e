"""The estate that snapshots stand on: the very same object for as long as its files, and what is applied, are the same.

What follows from an estate alone (its metrics, who may see what, promises that are watched, use) is so worked out once,
however often the warehouse is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from freehold import opening
from freehold.delivery.majors import Place, placed, places_by_ledger
from freehold.foundation import Clock

if TYPE_CHECKING:
    from freehold.estate.files import Survey
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

_APPLIED = ("estate.*",)


def last_application(ledger: Ledger) -> int:
    """Return the number of the newest event that says what is in force; 0 where there is none."""
    return next((event.seq for event in ledger.read(types=_APPLIED, newest_first=True, limit=1)), 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """An estate as it is published. `notes` is what was said while it was read.

    Attributes:
        files, applied: what it was read from, and after which event.
        read: as the files have it, without the places of its versions.
    """

    estate: Estate
    notes: tuple[str, ...]
    files: Survey
    applied: int
    read: Estate
    places: dict[str, Place]


class EstateInForce:
    """Reads the estate in force, in one thread; others may ask for what it has read."""

    def __init__(self, root: Path, env: str | None, ledger: Ledger, clock: Clock) -> None:
        self._root, self._env, self._ledger, self._clock = root, env, ledger, clock
        self._standing: Standing | None = None  # one value, since others ask than the thread that reads

    def known(self, files: Survey, applied: int) -> Estate | None:
        """Return the estate that was read last, if it was from these files and after an event; reads none."""
        held = self._standing
        return held.estate if held is not None and held.files == files and held.applied >= applied else None

    def read(self, files: Survey) -> Standing:
        """Return the estate of files that were just looked at: the one before, where it is the same.

        Raises:
            Problems: the files are in error, and nothing was ever applied.
        """
        held, applied = self._standing, last_application(self._ledger)
        if held is not None and held.files == files and held.applied == applied:
            estate, notes = held.read, held.notes
        else:
            said: list[str] = []
            estate = opening.estate_in_force(str(self._root), self._env, in_need=True, tell=said.append)
            notes = tuple(said)
        env = opening.chosen_environment(estate, self._env).name
        places = places_by_ledger(estate, self._ledger, env, self._clock.now())
        if held is None or held.read is not estate or held.places != places:
            self._standing = Standing(placed(estate, places), notes, files, applied, estate, places)
        assert self._standing is not None, "it was read"
        return self._standing
