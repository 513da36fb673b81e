"""When something runs by itself, as `freehold:schedule` says: at times, after what it reads, when a file came.

Times are cron expressions of five fields in the wall time of a zone. Where the wall clock jumps, the rule is that of
Debian's cron, which cronsim follows: a time that does not exist is moved to the first minute that does; one that exists
twice is due once, the first time. An expression whose minute or hour begins with a star follows real time instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from freehold.estate.calendars import Days
from freehold.estate.document import Document, ScalarNode, Step
from freehold.estate.durations import seconds
from freehold.foundation import FreeholdError, Where, near
from freehold.foundation.times import time_zones

FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_RANGES = ("0 to 59", "0 to 23", "1 to 31, L or LW", "1 to 12, or jan to dec", "0 to 7, or sun to sat, or mon#2, 5L")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NICKNAMES = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
TRIGGERED_GRACE = timedelta(days=1)  # how long what a publication or a file made due has, where the file says nothing
LATE = timedelta(minutes=5)  # with catch_up none: a time noticed later than so is missed
HORIZON = timedelta(days=5 * 366)  # how far ahead the next time is looked for; leap days come every four years


@dataclass(frozen=True, slots=True)
class Schedule:
    """One `freehold:schedule`. `zone` is an IANA name; `where` the part of the file that it belongs to."""

    where: Where
    cron: str = ""
    zone: str = "UTC"
    calendar: str = ""
    after_upstream: bool = False
    on_file: bool = False
    catch_up: str = "latest"  # latest | all | none
    grace: timedelta | None = None

    @property
    def told(self) -> str:
        """How it reads in one line: `45 5 * * 1-5 Europe/London, on days worked in england`."""
        at = f"{self.cron} {self.zone}" + (f", on days worked in {self.calendar}" if self.calendar else "")
        parts = [at] if self.cron else []
        parts += ["after upstream"] if self.after_upstream else []
        parts += ["on file"] if self.on_file else []
        return "; ".join(parts)


def schedule_from(said: Mapping[str, Any], where: Where, default_zone: str) -> Schedule:
    """Return the schedule that a valid value says."""
    grace = said.get("grace")
    length = seconds(grace[:-1], grace[-1]) if grace else None
    return Schedule(
        where=where,
        cron=str(said.get("cron", "")),
        zone=str(said.get("timezone", default_zone)),
        calendar=str(said.get("calendar", "")),
        after_upstream="after" in said,
        on_file="on" in said,
        catch_up=str(said.get("catch_up", "latest")),
        grace=timedelta(seconds=float(length)) if length is not None else None,
    )


def due_times(schedule: Schedule, days: Days | None, after: datetime, until: datetime) -> Iterator[datetime]:
    """Return each time that is due with after < time <= until, in UTC, in order.

    Args:
        schedule: whose cron expression is meant; without one nothing is due.
        days: of its calendar: a time is left out whose day, in the schedule's zone, is not worked there.
        after: an instant with a zone.
        until: an instant with a zone.
    """
    if not schedule.cron:
        return
    from cronsim import CronSim

    last = after
    for found in CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.zone))):
        instant = found.astimezone(UTC)
        if instant > until:
            return
        if instant <= last:  # in the hour that comes twice, it looks ahead from the first of the two
            continue
        last = instant
        if days is None or days.is_worked(found.date()):
            yield instant


def next_due(schedule: Schedule, days: Days | None, after: datetime) -> datetime | None:
    """Return the first time due after an instant, or None where there is none within five years."""
    return next(due_times(schedule, days, after, after + HORIZON), None)


def schedule_errors(document: Document, path: tuple[Step, ...]) -> Iterator[FreeholdError]:
    """Return what a schema cannot say about the schedule at a path: its expression, its zone, that it ever runs."""
    node = document.node(*path)
    said = node.value if node is not None and isinstance(node.value, dict) else {}
    if not {"cron", "after", "on"}.intersection(said):
        yield FreeholdError(
            "FH-V115", "The schedule says neither when nor after what it runs.", where=document.where(*path),
            fix='Add `cron: "45 5 * * 1-5"`, `after: upstream` or `on: file`.',
        )  # fmt: skip
        return
    for key in ("timezone", "calendar", "catch_up"):
        if key in said and "cron" not in said:
            yield FreeholdError(
                "FH-V115", f"`{key}` is about times, and the schedule has no `cron`.",
                where=document.where_key(*path, key), fix=f"Add `cron`, or leave `{key}` out.",
            )  # fmt: skip
    if "cron" in said:
        yield from _cron_errors(document, (*path, "cron"))
    if "timezone" in said and (error := zone_error(str(said["timezone"]), document.where(*path, "timezone"))):
        yield error


def arrival_errors(document: Document, path: tuple[Step, ...]) -> Iterator[FreeholdError]:
    """Return what a schema cannot say about when data comes: its expression, its zone, that it is said once."""
    node = document.node(*path)
    said = node.value if node is not None and isinstance(node.value, dict) else {}
    if "cron" in said:
        yield from _cron_errors(document, (*path, "cron"))
        for key in (key for key in ("days", "except") if key in said):
            yield FreeholdError(
                "FH-V115", f"`cron` says when data comes, and `{key}` says it again.",
                where=document.where_key(*path, key), fix=f"Leave `{key}` out, or `cron`.",
            )  # fmt: skip
    if "timezone" in said and (error := zone_error(str(said["timezone"]), document.where(*path, "timezone"))):
        yield error


def zone_error(name: str, where: Where) -> FreeholdError | None:
    """Return the error of a name that is no time zone, with the near ones."""
    try:
        ZoneInfo(str(name))
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a path out of the base a ValueError
        return FreeholdError(
            "FH-V104", f"There is no time zone `{name}`.", where=where,
            fix=near(str(name), time_zones(), most=2) or "Use an IANA name such as Europe/London.",
        )  # fmt: skip
    return None


def _cron_errors(document: Document, path: tuple[Step, ...]) -> Iterator[FreeholdError]:
    """Return what is wrong with an expression, at the field that is."""
    from cronsim import CronSim, CronSimError

    node = document.node(*path)
    assert isinstance(node, ScalarNode)
    text, place = str(node.value), document.where(*path)
    fields = text.split()
    if len(fields) != len(FIELDS):
        yield FreeholdError("FH-V115", f"`{text}` is no cron expression.", where=place, fix=_meant(text, fields))
        return
    wrong = False
    for index, field in enumerate(fields):
        try:
            CronSim(" ".join("*" if n != index else field for n in range(len(FIELDS))), _BEGIN)
        except CronSimError:
            wrong = True
            yield FreeholdError(
                "FH-V115", f"`{field}` is no {FIELDS[index]} of a cron expression.",
                where=document.place(*path)(_offset(text, index)), fix=_near_field(field, index),
            )  # fmt: skip
    if not wrong and not _ever_comes(text):
        yield FreeholdError(
            "FH-V115", f"The time `{text}` never comes.", where=place,
            fix="No such day of the month is in that month, or on that day of the week.",
        )  # fmt: skip


def _ever_comes(text: str) -> bool:
    from cronsim import CronSim, CronSimError

    try:
        return next(iter(CronSim(text, _BEGIN)), None) is not None
    except CronSimError:
        return False


def _meant(text: str, fields: list[str]) -> str:
    if text.strip().startswith("@"):
        known = _NICKNAMES.get(text.strip().lower()) or _NICKNAMES["@daily"]
        return f'Write its five fields: "{known}".'
    if len(fields) == 6:
        return f'There are no seconds here: "{" ".join(fields[1:])}".'
    return f'Write five fields, {", ".join(FIELDS)}: "45 5 * * 1-5".'


def _offset(text: str, index: int) -> int:
    """Return where the field of an index begins in a text."""
    position = 0
    for number, field in enumerate(text.split()):
        position = text.index(field, position)
        if number == index:
            break
        position += len(field)
    return position


def _near_field(field: str, index: int) -> str:
    words = _MONTHS if index == 3 else _DAYS if index == 4 else ()
    parts = (part for part in field.upper().replace("-", ",").split(",") if part.isalpha() and part not in words)
    meant = near(next(parts, ""), words, most=2)
    return (
        meant and "D" + meant.lower()[1:]
    ) or f"A {FIELDS[index]} is {_RANGES[index]}; lists 1,2, spans 1-5, steps */15."
