"""What the server does by itself from time to time: a thread that looks what is due, and does one thing at a time.

What is done has a lease or a record of its own, so that of several servers one does it, and a restart repeats nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from freehold.server.aside import Aside

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from freehold.server.telemetry import Telemetry

LOOKS_EVERY_S = 5.0
_GRACE_S = 10.0  # how long what is being done may go on once the server is told to end


class Round(Protocol):
    """Something that is done from time to time."""

    name: str

    def go(self) -> None:
        """Do what is due now, if anything is.

        Raises:
            FreeholdError: it could not be done, and is looked at again with the next round.
        """


@runtime_checkable
class RoundOfApplication(Round, Protocol):
    """One that shows what pages show, and so needs all of the application."""

    def of(self, app: Starlette) -> None:
        """Say of which application, once that is put together."""


class Rounds(Aside):
    """Makes rounds until it is closed; `name` is of its thread, and of what it logs."""

    def __init__(self, rounds: Sequence[Round], telemetry: Telemetry, name: str = "rounds") -> None:
        super().__init__(name, telemetry, rest_s=LOOKS_EVERY_S, grace_s=_GRACE_S)
        self._rounds = rounds

    def of(self, app: Starlette) -> None:
        """Say of which application the rounds are, once that is put together."""
        for one in self._rounds:
            if isinstance(one, RoundOfApplication):
                one.of(app)

    def _once(self) -> None:
        for one in self._rounds:
            if self._over.is_set():
                return
            self._guarded(one.name, one.go)
