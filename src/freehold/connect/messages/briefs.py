"""Briefs as files declare them: the lines of which home go to whom, when in the week. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.connect.messages.declared import channels_of
from freehold.connect.messages.people import CHANNEL, way_to
from freehold.foundation import FreeholdError, near

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Resource
    from freehold.foundation import Where

KIND = "Brief"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class BriefFile:
    """A brief: the home whose lines it has, the day of the week and the time from which on it is sent, and to whom."""

    id: str
    name: str
    where: Where
    home: str
    day: int  # of the week, Monday is 0
    at: time
    to: tuple[str, ...]

    def last_due(self, now: datetime, zone: ZoneInfo) -> datetime:
        """Return when it was due last, in UTC; now counts."""
        here = now.astimezone(zone)
        on = here.date() - timedelta(days=(here.weekday() - self.day) % 7)
        due = datetime.combine(on, self.at, zone)
        if due > here:
            due = datetime.combine(on - timedelta(days=7), self.at, zone)
        return due.astimezone(UTC)


def briefs_of(estate: Estate) -> dict[str, BriefFile]:
    """Return the briefs of an estate, by id."""
    return {one.id: _brief(one) for one in estate.resources_of(KIND)}


def brief_findings(estate: Estate, *, has_mail: bool) -> tuple[FreeholdError, ...]:
    """Return what is wrong with the briefs of an estate: FH-X503, for each that nobody could be given."""
    return tuple(error for one in estate.resources_of(KIND) for error in _wrong(one, estate, has_mail))


def _brief(said: Resource) -> BriefFile:
    spec = said.spec
    return BriefFile(
        id=said.id,
        name=str(said.metadata.get("name") or "Brief"),
        where=said.where,
        home=str(spec["home"]),
        day=_DAYS.index(str(spec.get("on", "monday"))),
        at=time.fromisoformat(str(spec.get("at", "07:30"))),
        to=tuple(spec["to"]),
    )


def _wrong(one: Resource, estate: Estate, has_mail: bool) -> Iterator[FreeholdError]:
    for n, receiver in enumerate(one.spec["to"]):
        if way_to(receiver, estate, has_mail=has_mail) is None:
            problem = f"`{one.id}` goes to `{receiver}`, to whom no file says the way."
            fix = _mended(receiver, estate, has_mail)
            yield FreeholdError("FH-X503", problem, where=one.at("spec", "to", n), fix=fix)


def _mended(receiver: str, estate: Estate, has_mail: bool) -> str:
    if receiver.startswith(CHANNEL):
        known = [f"{CHANNEL}{id_}" for id_ in channels_of(estate)]
        return near(receiver, known) or "Declare it: `freehold schema Channel`."
    server = "" if has_mail else ", and name a mail server in estate.yaml: `spec.server.mail`"
    return f'Let a team say it: `handles: {{mail: {{ana@example.com: ["{receiver}"]}}}}`{server}.'
