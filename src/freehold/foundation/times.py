"""Instants as files and events tell them, and the time zones there are."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache


def instant_of(text: object) -> datetime:
    """Return the instant that a text in the format of ISO 8601 tells; without a zone it is UTC.

    Raises:
        ValueError: it tells none.
    """
    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def instant_if(text: object) -> datetime | None:
    """Return the instant that a text tells, as `instant_of` does; None where there is no text.

    Raises:
        ValueError: there is a text, and it tells none.
    """
    return instant_of(text) if text else None


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones; finding them walks a folder of the system, so it is done once."""
    from zoneinfo import available_timezones

    return frozenset(available_timezones())
