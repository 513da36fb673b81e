"""The names of time zones."""

from __future__ import annotations

from functools import cache


@cache
def zones() -> frozenset[str]:
    """Return the names of all zones; finding them walks a folder of the system, so it is done once."""
    from zoneinfo import available_timezones

    return frozenset(available_timezones())
