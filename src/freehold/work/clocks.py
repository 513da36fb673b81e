"""Clocks of work items: how long something may take, in wall time or in working time, with pauses.

`30m`, `8h`, `7d` and `2w` run day and night. `2bd` and `6bh` run in the working hours of a calendar only: a business
day is one working day's worth of its hours, wherever in a day it starts. Arithmetic is exact; an instant is rounded up
to the microsecond.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.estate.calendars import Days, days_of
from freehold.work.item import DUPLICATE_OF, Item, Passage

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import Sla, Workflow

_MICROSECOND = timedelta(microseconds=1)
_WALL_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
TRIAGE = "triage"  # the clock that ends when somebody looks at an item for the first time
RESOLVE = "resolve"  # the clock that gives an item its day, where nobody names one
MOST_DAYS = 366 * 20  # a calendar on which nothing is worked for that long has no working days


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: so many seconds of wall time, business days (`bd`), or business hours (`bh`)."""

    amount: Fraction
    unit: str  # s | bd | bh


def span(text: str) -> Span:
    """Read `30m`, `8h`, `7d`, `2w`, `2bd` or `6bh`.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"(\d+)(bd|bh|m|h|d|w)", text)
    if found is None:
        raise ValueError(f"`{text}` is no duration like 30m, 8h, 7d, 2bd or 6bh")
    amount, unit = int(found[1]), found[2]
    return Span(Fraction(amount), unit) if unit[0] == "b" else Span(Fraction(amount * _WALL_SECONDS[unit]), "s")


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """When people work: the days of a calendar, in a time zone."""

    days: Days
    zone: ZoneInfo

    def passed(self, start: datetime, end: datetime, unit: str) -> Fraction:
        """Return how much of a unit passes between two instants; 0 if they are not in order."""
        if unit == "s":
            return max(Fraction(0), Fraction((end - start) // _MICROSECOND, 1_000_000))
        total = Fraction(0)
        for opens, closes in self.windows(start, end):
            total += _part(max(opens, start), min(closes, end), opens, closes, unit)
        return total

    def after(self, start: datetime, length: Span) -> datetime:
        """Return the first instant by which a length of time has passed since `start`.

        Raises:
            ValueError: the calendar has no working days to pass.
        """
        if length.unit == "s" or not length.amount:
            return start + _MICROSECOND * ceil(length.amount * 1_000_000)
        left = length.amount
        for opens, closes in self._windows(start):
            here = _part(max(opens, start), closes, opens, closes, length.unit)
            if here >= left:
                worth = _worth(opens, closes, length.unit)
                return max(opens, start) + _MICROSECOND * ceil(left / worth * ((closes - opens) // _MICROSECOND))
            left -= here
        raise ValueError("the calendar has no working days")

    def windows(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the working hours of each working day that lie, in part at least, between two instants."""
        for opens, closes in self._windows(start):
            if opens >= end:
                return
            yield opens, closes

    def _windows(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the working hours of each working day that end after an instant, in UTC."""
        first = start.astimezone(self.zone).date()
        for ahead in range(-1, MOST_DAYS):  # a night shift began the day before
            on = first + timedelta(days=ahead)
            if self.days.is_worked(on):
                opens, closes = self._hours(on)
                if closes > start:
                    yield opens, closes

    def _hours(self, on: date) -> tuple[datetime, datetime]:
        begin, end = self.days.hours
        last = on if end > begin else on + timedelta(days=1)
        opens, closes = (datetime.combine(day, at, self.zone).astimezone(UTC) for day, at in ((on, begin), (last, end)))
        return opens, closes


def _worth(opens: datetime, closes: datetime, unit: str) -> Fraction:
    return Fraction(1) if unit == "bd" else Fraction((closes - opens) // _MICROSECOND, 3_600_000_000)


def _part(start: datetime, end: datetime, opens: datetime, closes: datetime, unit: str) -> Fraction:
    if end <= start:
        return Fraction(0)
    return _worth(opens, closes, unit) * Fraction((end - start) // _MICROSECOND, (closes - opens) // _MICROSECOND)


def working_time(estate: Estate, calendar: str | None = None) -> WorkingTime:
    """Return the working time of an estate's calendar, its default one where none is named."""
    name = calendar or str(estate.defaults.get("calendar", ""))
    return WorkingTime(days_of(estate.calendars.get(name)), ZoneInfo(str(estate.defaults.get("timezone", "UTC"))))


def runs_out(workflow: Workflow, clock: str, service_class: str, hours: WorkingTime, now: datetime) -> datetime | None:
    """Return when a clock of an item that begins now runs out; None where its workflow has none of that name."""
    sla = workflow.sla.get(clock)
    return hours.after(now, span(sla.within_for(service_class))) if sla else None


def due_of(
    workflow: Workflow, day: str | None, service_class: str, hours: WorkingTime, now: datetime
) -> datetime | None:
    """Return by when an item that begins now is to be done: by the end of a day that was named, or by its clock."""
    if day is None:
        return runs_out(workflow, RESOLVE, service_class, hours, now)
    return datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), hours.zone)


class Hand(StrEnum):
    """What a clock does."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of an item.

    Attributes:
        used: how much of `allowed` has passed, pauses left out.
        due_at: when it runs out; None while it is paused, and once it has stopped.
        is_late: whether more has passed than is allowed.
    """

    name: str
    allowed: Span
    used: Fraction
    hand: Hand
    due_at: datetime | None
    is_late: bool


def clocks(
    item: Item,
    workflow: Workflow,
    time: WorkingTime,
    now: datetime,
    applies: Callable[[Sla], bool] = lambda _: True,
) -> tuple[Clock, ...]:
    """Return the clocks of an item as they stand at an instant, without those that never started.

    `applies` says of a clock that is not every item's whether it is this one's.
    """
    started = (sla for sla in workflow.sla.values() if _counted(sla, item) and (not sla.when or applies(sla)))
    return tuple(_clock(sla, item, workflow, time, now) for sla in started)


def _clock(sla: Sla, item: Item, workflow: Workflow, time: WorkingTime, now: datetime) -> Clock:
    allowed, used = span(sla.within_for(item.service_class)), Fraction(0)
    stretches = _stretches(sla, item, workflow)
    for state, since, until in stretches:
        if not _pauses(workflow, state):
            used += time.passed(since, min(until or now, now), allowed.unit)
    state, since, until = stretches[-1]
    if until is not None or _has_ended(sla, item, workflow):
        return Clock(sla.name, allowed, used, Hand.STOPPED, None, used > allowed.amount)
    if _pauses(workflow, state):
        return Clock(sla.name, allowed, used, Hand.PAUSED, None, used > allowed.amount)
    left = allowed.amount - (used - time.passed(since, now, allowed.unit))
    due = time.after(since, Span(max(Fraction(0), left), allowed.unit))
    return Clock(sla.name, allowed, used, Hand.RUNNING, due, used > allowed.amount)


def _stretches(sla: Sla, item: Item, workflow: Workflow) -> Sequence[tuple[str, datetime, datetime | None]]:
    """Return the states in which the clock counts, each with its beginning and its end; None: it is still there."""
    history = _counted(sla, item)
    ends: list[datetime | None] = [passage.since for passage in history[1:]]
    found: list[tuple[str, datetime, datetime | None]] = []
    for passage, until in zip(history, [*ends, None], strict=True):
        if found and _stops(sla, workflow, passage.state):
            break
        found.append((passage.state, passage.since, until))
    return found


def _counted(sla: Sla, item: Item) -> tuple[Passage, ...]:
    """Return the history that a clock goes by: to whoever looks at items for the first time, a duplicate is settled.

    Where a clock starts with a state, it is what came from then on; nothing, where the item never came to it.
    """
    seen = [Passage("", link.since) for link in item.links if link.rel == DUPLICATE_OF and sla.name == TRIAGE]
    history = tuple(sorted((*item.stood, *seen), key=lambda passage: passage.since))
    if sla.since is None:
        return history
    first = next((place for place, passage in enumerate(history) if passage.state == sla.since), len(history))
    return history[first:]


def _stops(sla: Sla, workflow: Workflow, state: str) -> bool:
    """Whether entering a state ends the clock: so does one from which no way leads to where it ends."""
    known = workflow.states.get(state)
    if known is not None and known.is_final:
        return True
    if sla.until:
        return sla.until not in _ahead(state, workflow)
    return sla.name == TRIAGE and state != workflow.start


def _ahead(state: str, workflow: Workflow) -> set[str]:
    """Return the states that an item may yet enter; of one that the workflow no longer has, all of them."""
    if state not in workflow.states:
        return set(workflow.states)
    ahead, waiting = set[str](), [state]
    while waiting:
        for move in workflow.states[waiting.pop()].moves.values():
            if move.to not in ahead:
                ahead.add(move.to)
                waiting.append(move.to)
    return ahead


def _has_ended(sla: Sla, item: Item, workflow: Workflow) -> bool:
    return any(_stops(sla, workflow, passage.state) for passage in _counted(sla, item)[1:])


def _pauses(workflow: Workflow, state: str) -> bool:
    known = workflow.states.get(state)
    return known is not None and known.pauses_clock
