"""What the server does by itself from time to time: a thread that looks what is due, and does one thing at a time.

What is done has a lease or a record of its own, so that of several servers one does it, and a restart repeats nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from freehold.foundation import FreeholdError

if TYPE_CHECKING:
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


class Rounds:
    """Makes rounds until it is closed."""

    def __init__(self, rounds: Sequence[Round], telemetry: Telemetry) -> None:
        self._rounds, self._telemetry = rounds, telemetry
        self._over = threading.Event()
        self._woken = threading.Event()
        self._trouble: dict[str, str] = {}
        self._thread = threading.Thread(target=self._work, name="rounds", daemon=True)

    def start(self) -> None:
        """Begin with the rounds."""
        self._thread.start()

    def wake(self) -> None:
        """Say that something is to be done at once."""
        self._woken.set()

    def close(self) -> None:
        """Begin nothing more, and wait a little for what is being done."""
        self._over.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_GRACE_S)

    def _work(self) -> None:
        while not self._over.is_set():
            self._woken.wait(LOOKS_EVERY_S)
            self._woken.clear()
            for one in self._rounds:
                if self._over.is_set():
                    return
                self._made(one)

    def _made(self, one: Round) -> None:
        try:
            one.go()
            self._trouble.pop(one.name, None)
        except FreeholdError as error:
            self._tell(one.name, error)
        except Exception:  # the thread must go on: nobody else makes the rounds
            self._telemetry.log.exception("round", round=one.name)

    def _tell(self, name: str, error: FreeholdError) -> None:
        """Log what keeps a round from being made, once; that another server makes it is as it should be."""
        if error.code != "FH-L201" and self._trouble.get(name) != error.problem:
            self._trouble[name] = error.problem
            self._telemetry.log.warning("round", round=name, code=error.code, problem=error.problem)
