"""Time as a dependency, so that a replay of last year and a test of tomorrow run the same code as today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from. Always aware, always UTC."""

    simulated: bool

    def now(self) -> datetime:
        """Return the present instant."""
        ...


class SystemClock:
    """The machine's own clock."""

    simulated = False

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)


class SimulatedClock:
    """A clock that moves only when told to, and never backwards."""

    simulated = True

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the simulated instant."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward by a duration that is not negative."""
        self.move_to(self._now + by)

    def move_to(self, instant: datetime) -> None:
        """Move to a later instant.

        Raises:
            ValueError: the instant lies before the present one.
        """
        if instant < self._now:
            raise ValueError(f"a clock does not run backwards: {instant} is before {self._now}")
        self._now = instant.astimezone(UTC)
