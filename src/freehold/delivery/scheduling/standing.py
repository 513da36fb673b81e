"""How every schedule stands: what was due and whether it ran, what is due next. Read from the ledger and the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from freehold.delivery.scheduling.board import Scheduled
from freehold.delivery.scheduling.state import State
from freehold.delivery.scheduling.telling import subject_of
from freehold.estate.schedules import HORIZON, due_times
from freehold.ledger import Ledger

MISSED, OPEN = "missed", "open"
MOST = 500  # times to come that are given of one schedule


@dataclass(frozen=True, slots=True)
class Time:
    """One due run of the past: how its last attempt ended, `missed`, or `open` where it still may run.

    `is_late` tells that it ended well only after its deadline: for a promise, that is a failure.
    """

    due_at: datetime
    cause: str
    status: str
    attempts: int = 0
    ended_at: datetime | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """One schedule: its past times since an instant, oldest first, and those that come; `state` is None if unseen."""

    scheduled: Scheduled
    state: State | None
    past: tuple[Time, ...]
    coming: tuple[datetime, ...]

    @property
    def missed(self) -> tuple[Time, ...]:
        """The times that nobody ran."""
        return tuple(t for t in self.past if t.status == MISSED)


def standings_of(
    board: tuple[Scheduled, ...],
    states: Mapping[str, State],
    ledger: Ledger | None,
    env: str,
    now: datetime,
    span: timedelta,
    *,
    least: int = 3,
) -> tuple[Standing, ...]:
    """Return how every schedule stands.

    Args:
        board: the schedules.
        states: what is kept of them.
        ledger: where what happened is told; None where there is none yet.
        env: the environment.
        now: the instant it is asked at.
        span: how far to look, back and ahead.
        least: how many times to come are given of each, also beyond the span.
    """
    return tuple(
        Standing(
            one,
            states.get(one.subject),
            tuple(_past(one, states.get(one.subject), ledger, env, now - span)) if ledger else (),
            tuple(_coming(one, now, now + span, least)),
        )
        for one in board
    )


def _coming(one: Scheduled, now: datetime, until: datetime, least: int) -> Iterator[datetime]:
    found = list(islice(due_times(one.schedule, one.days, now, now + HORIZON), least))
    yield from found
    if found and len(found) == least:
        yield from islice(due_times(one.schedule, one.days, found[-1], until), MOST - least)


def _past(one: Scheduled, state: State | None, ledger: Ledger, env: str, since: datetime) -> Iterator[Time]:
    ended: dict[datetime, tuple[str, int, datetime]] = {}
    due: list[tuple[datetime, datetime, str]] = []
    types = ("run.expected", "run.completed")
    for event in ledger.read(types=types, subject=subject_of(one), env=env, since=since):
        at = datetime.fromisoformat(event.data["due_at"])
        if event.type == "run.expected":
            cause = str(event.data["schedule"])
            deadline = datetime.fromisoformat(event.data["deadline_at"])
            due.append((at, deadline, cause.split(" ")[1] if cause.startswith(("after ", "on ")) else "cron"))
        elif event.data["final"]:
            ended[at] = (str(event.data["status"]), int(event.data["attempt"] or 1), event.occurred_at)
    still = {o.due.due_at for o in state.open} if state else set()
    for at, deadline, cause in sorted(due):
        if at in ended:
            status, attempts, when = ended[at]
            yield Time(at, cause, status, attempts, when, is_late=when >= deadline)
        else:
            yield Time(at, cause, OPEN if at in still else MISSED)
