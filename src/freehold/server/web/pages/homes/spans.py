"""Since when a home tells: since Friday, for that is what Monday asks, or for some days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from freehold.server.web.model import Tab
from freehold.server.web.showing import Asked

_FRIDAY, _CLOSING = 4, time(17)
_DAYS = {"1": "24 hours", "7": "7 days", "30": "30 days"}


@dataclass(frozen=True, slots=True)
class Span:
    """From when on something is told; `text` ends a sentence: `since Friday 17:00`."""

    key: str
    text: str
    start: datetime


def span_of(asked: Asked) -> Span:
    """Return the span a reader asks for; without one, since Friday.

    Raises:
        FreeholdError: FH-A112 there is no such span.
    """
    key, now = asked.one_of("since", _DAYS, "friday"), asked.snapshot.taken_at
    if key in _DAYS:
        return Span(key, f"in the last {_DAYS[key]}", now - timedelta(days=int(key)))
    zone = str(asked.snapshot.estate.defaults.get("timezone", "UTC"))
    return Span("friday", "since Friday 17:00", last_friday(now, ZoneInfo(zone)))


def last_friday(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the last Friday, 17:00 in a zone, that lies before an instant."""
    here = now.astimezone(zone)
    friday = here.date() - timedelta(days=(here.weekday() - _FRIDAY) % 7)
    closed = datetime.combine(friday, _CLOSING, zone)
    if closed > here:
        closed = datetime.combine(friday - timedelta(days=7), _CLOSING, zone)
    return closed.astimezone(UTC)


def span_tabs(home: str, chosen: Span) -> tuple[Tab, ...]:
    """Return the spans to choose from on a home."""
    words = {"friday": "Since Friday", **_DAYS}
    return tuple(Tab(text, f"/homes/{home}?since={key}", key == chosen.key) for key, text in words.items())
