"""A thread of the server that works beside requests: begun once, woken where something is to be done, ended in time."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError, Problems

if TYPE_CHECKING:
    from freehold.server.telemetry import Telemetry

_DONE_ELSEWHERE = "FH-L201"  # another server holds the lease, as it should be


class Aside(ABC):
    """Works until it is closed, again and again; what goes wrong is told once, and ends nothing.

    Args:
        name: of the thread, and of what it logs.
        telemetry: where it logs.
        rest_s: seconds between two times, where nobody wakes it.
        grace_s: seconds that what is under way may take once it is to end.
    """

    def __init__(self, name: str, telemetry: Telemetry, *, rest_s: float, grace_s: float) -> None:
        self._name, self._telemetry = name, telemetry
        self._rest_s, self._grace_s = rest_s, grace_s
        self._over, self._woken = threading.Event(), threading.Event()
        self._trouble: dict[str, set[str]] = {}  # what was logged since it went well last
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that something is to be done at once."""
        self._woken.set()

    def close(self) -> None:
        """Begin nothing more, and wait a little for what is under way."""
        self._over.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(self._grace_s)

    @abstractmethod
    def _once(self) -> None:
        """Do what is due; it is asked for again and again."""

    def _work(self) -> None:
        while not self._over.is_set():
            self._guarded(self._name, self._once)
            self._rest(self._rest_s)

    def _rest(self, seconds: float) -> None:
        """Wait so long, or until it is woken."""
        self._woken.wait(seconds)
        self._woken.clear()

    def _guarded(self, about: str, act: Callable[[], None]) -> None:
        """Do something; the thread goes on whatever comes of it, since nobody else does its work."""
        try:
            act()
            self._trouble.pop(about, None)
        except FreeholdError as error:
            for one in error.errors if isinstance(error, Problems) else (error,):
                self._tell(about, one)
        except Exception:
            self._telemetry.log.exception(self._name, about=about)

    def _tell(self, about: str, error: FreeholdError) -> None:
        """Log what keeps from something, once."""
        if error.code != _DONE_ELSEWHERE and error.problem not in self._trouble.get(about, ()):
            self._trouble.setdefault(about, set()).add(error.problem)
            self._telemetry.log.warning(self._name, about=about, code=error.code, problem=error.problem)
