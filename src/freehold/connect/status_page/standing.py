"""How a product is and was, day by day, as everybody may know it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

DAYS = 90
SEVERE = 2  # an incident of this severity, or a worse one, is an outage; a milder one a disturbance


class Standing(StrEnum):
    """How a product is, or was on a day."""

    AVAILABLE = "available"
    LATE = "late"  # what was due that day was not published that day: the data before it was read
    DISTURBED = "disturbed"
    OUTAGE = "outage"
    UNKNOWN = "unknown"  # nothing was due or told


_WORST_FIRST = (Standing.OUTAGE, Standing.DISTURBED, Standing.LATE, Standing.AVAILABLE, Standing.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Update:
    """Words about an incident, in Markdown, that a person approved for customers; `id` is of the event that says so."""

    id: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class PublicIncident:
    """An incident of which customers were told; `updates` are never empty, the newest first."""

    id: str
    products: tuple[str, ...]
    severity: int
    began_at: datetime
    ended_at: datetime | None
    updates: tuple[Update, ...]

    @property
    def standing(self) -> Standing:
        """What it makes of the products it touches, while it lasts."""
        return Standing.OUTAGE if self.severity <= SEVERE else Standing.DISTURBED

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether it lasted during some of a time."""
        return self.began_at < end and (self.ended_at is None or self.ended_at > start)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a product, in the time zone of the estate."""

    day: date
    standing: Standing


@dataclass(frozen=True, slots=True)
class PublicProduct:
    """A product, as its file says that everybody may see it.

    Attributes:
        standing: how it is now.
        published_at: when data of it was published last; None where none ever was.
        days: the last 90, the oldest first.
        incidents: the newest first.
    """

    id: str
    name: str
    description: str
    standing: Standing
    published_at: datetime | None
    days: tuple[Day, ...]
    incidents: tuple[PublicIncident, ...]

    @property
    def available(self) -> tuple[int, int]:
        """On how many days it was available, of those of which anything is known."""
        known = [one for one in self.days if one.standing is not Standing.UNKNOWN]
        return sum(one.standing is Standing.AVAILABLE for one in known), len(known)


@dataclass(frozen=True, slots=True)
class StatusPage:
    """All of it, as of an instant; the products by name."""

    name: str
    as_of: datetime
    products: tuple[PublicProduct, ...]

    @property
    def standing(self) -> Standing:
        """How the worst of the products is."""
        return worst(one.standing for one in self.products)

    @property
    def incidents(self) -> tuple[PublicIncident, ...]:
        """Those of all products, each once, the newest first."""
        found = {one.id: one for product in self.products for one in product.incidents}
        return tuple(sorted(found.values(), key=lambda one: (one.began_at, one.id), reverse=True))


def worst(standings: Iterable[Standing]) -> Standing:
    """Return the worst of some; of none, that nothing is known."""
    return min(standings, key=_WORST_FIRST.index, default=Standing.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Owed:
    """What was due of an asset, or tried, on a day, and whether it was published by the end of it."""

    asset: str
    day: date
    is_kept: bool


def days_of(
    owed: Iterable[Owed], incidents: Iterable[PublicIncident], today: date, midnight: Mapping[date, datetime]
) -> tuple[Day, ...]:
    """Return the last 90 days of a product, the oldest first.

    Args:
        owed: what was due of its assets, and whether it came.
        incidents: those that touch it.
        today: the last of the days.
        midnight: when each of the days begins, and the one after the last.
    """
    kept: dict[date, bool] = {}
    for one in owed:
        kept[one.day] = kept.get(one.day, True) and one.is_kept
    told = tuple(incidents)
    found = []
    for back in range(DAYS - 1, -1, -1):
        day = today - timedelta(days=back)
        start, end = midnight[day], midnight[day + timedelta(days=1)]
        standings = [one.standing for one in told if one.touches(start, end)]
        if day in kept:
            standings.append(Standing.AVAILABLE if kept[day] else Standing.LATE)
        found.append(Day(day, worst(standings)))
    return tuple(found)


def now_of(days: Iterable[Day], incidents: Iterable[PublicIncident]) -> Standing:
    """Return how a product is now: as its open incidents say, else as on the last day of which anything is known.

    Args:
        days: the oldest first; of the last one what was due may still come, which makes nothing late by itself.
        incidents: those that touch it.
    """
    is_open = [one.standing for one in incidents if one.ended_at is None]
    known = [one.standing for one in days if one.standing in (Standing.AVAILABLE, Standing.LATE)]
    return worst([*is_open, *known[-1:]])


def to_json(found: PublicProduct) -> dict[str, Any]:
    """Return a product as JSON can hold it."""
    good, known = found.available
    return {
        "id": found.id, "name": found.name, "description": found.description or None, "state": found.standing,
        "published_at": found.published_at.isoformat() if found.published_at else None,
        "days_available": good, "days_known": known,
        "days": [{"day": one.day.isoformat(), "state": one.standing} for one in found.days],
        "incidents": [incident_json(one) for one in found.incidents],
    }  # fmt: skip


def incident_json(one: PublicIncident) -> dict[str, Any]:
    """Return an incident as JSON can hold it."""
    return {
        "id": one.id, "products": list(one.products), "state": one.standing, "began_at": one.began_at.isoformat(),
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        "updates": [{"at": update.at.isoformat(), "text": update.text} for update in one.updates],
    }  # fmt: skip
