"""Deciding what is due: from what was known, what the clock says, and what came. It asks no clock and reads no file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from freehold.delivery.scheduling.board import Scheduled
from freehold.delivery.scheduling.state import Due, Last, Open, State
from freehold.estate.schedules import LATE, TRIGGERED_GRACE, due_times, next_due

AT_ONCE = 1_000  # times that are told in one transaction
MOST_ATTEMPTS = 3
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Signals:
    """What else a look found: the number of the ledger's last event; when what is read was published last, if that was
    after the cursor; a name for the versions of the files that are there, empty where there is none.
    """

    head: int = 0
    published_at: datetime | None = None
    files: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What a look decided: what fell due, each with whether it is given up at once, and the state that follows.

    `is_more` tells that there were more times than are told in one go.
    """

    due: tuple[tuple[Due, bool], ...]
    state: State
    is_more: bool = False


def first_seen(one: Scheduled, now: datetime, signals: Signals) -> State:
    """Return the state of a schedule that nobody has looked at: it counts from now. Files that are there have come."""
    return State(told=one.schedule.told, seen=now, cursor=signals.head)


def notice(one: Scheduled, state: State | None, now: datetime, signals: Signals) -> Noticed:
    """Decide what fell due since the last look.

    However the time between two looks is cut, the same times fall due, each once.

    Args:
        one: the schedule.
        state: what is known of it; None before the first look.
        now: the instant of this look.
        signals: what else was found.
    """
    if state is None:
        state = first_seen(one, now, signals)
    elif state.told != one.schedule.told:
        state = replace(first_seen(one, now, signals), files=state.files, last=state.last)
    due, state, is_more = _by_clock(one, _without_late(one, state, now), now)
    triggered, state = _triggered(one, state, now, signals)
    return Noticed((*due, *triggered), state, is_more)


def _without_late(one: Scheduled, state: State, now: datetime) -> State:
    """Give up what was told in time and taken by nobody, where nothing is to be made up."""
    if one.schedule.catch_up != "none":
        return state
    return replace(state, open=tuple(o for o in state.open if o.attempts or not _is_late(one, o.due, now)))


def _is_late(one: Scheduled, due: Due, now: datetime) -> bool:
    return due.cause == "cron" and now > due.due_at + (one.schedule.grace or LATE)


def _by_clock(one: Scheduled, state: State, now: datetime) -> tuple[list[tuple[Due, bool]], State, bool]:
    times = list(islice(due_times(one.schedule, one.days, state.seen, now), AT_ONCE + 1))
    if not times:
        return [], state, False
    is_more = len(times) > AT_ONCE
    following = [*times[1:], None] if not is_more else times[1:]
    due = [_due(one, at, after) for at, after in zip(times[:AT_ONCE], following, strict=False)]
    kept = _kept(one, due, now, is_more=is_more)
    left = [o for o in state.open if o.due.cause != "cron" or not kept or one.schedule.catch_up == "all"]
    opened = (*left, *(Open(d) for d in kept))
    told = [(d, d not in kept) for d in due]
    return told, replace(state, seen=due[-1].due_at, open=opened), is_more


def _due(one: Scheduled, at: datetime, following: datetime | None) -> Due:
    if one.schedule.grace is not None:
        return Due(at, at + one.schedule.grace)
    after = following or next_due(one.schedule, one.days, at)
    return Due(at, after or at + TRIGGERED_GRACE)


def _kept(one: Scheduled, due: Sequence[Due], now: datetime, *, is_more: bool) -> list[Due]:
    """Return which of the times that passed are made up."""
    if one.schedule.catch_up == "all":
        return list(due)
    if is_more:  # newer ones follow
        return []
    newest = due[-1]
    return [] if one.schedule.catch_up == "none" and _is_late(one, newest, now) else [newest]


def _triggered(one: Scheduled, state: State, now: datetime, signals: Signals) -> tuple[list[tuple[Due, bool]], State]:
    """Say what a publication or a file made due. While such a run is open, what comes is left for it, or for after."""
    due: list[Due] = []
    grace = one.schedule.grace or TRIGGERED_GRACE
    causes = {o.due.cause for o in state.open}
    if one.schedule.after_upstream and "upstream" not in causes and signals.published_at is not None:
        due.append(Due(signals.published_at, now + grace, "upstream"))
        state = replace(state, cursor=signals.head)
    if one.schedule.on_file and "file" not in causes and signals.files and signals.files != state.files:
        due.append(Due(now, now + grace, "file"))
        state = replace(state, files=signals.files)
    return [(d, False) for d in due], replace(state, open=(*state.open, *(Open(d) for d in due)))


def answered(one: Scheduled, state: State) -> tuple[Open, ...]:
    """Return the open runs that one run answers: all of them, but one at a time where all are to be made up."""
    return state.open[:1] if one.schedule.catch_up == "all" else state.open


def ended(state: State, answers: Sequence[Open], at: datetime, status: str) -> State:
    """Return the state after the last attempt of some open runs."""
    last = Last(max(o.due.due_at for o in answers), at, status)
    return replace(state, open=tuple(o for o in state.open if o not in answers), last=last)


def put_off(state: State, answers: Sequence[Open], at: datetime, share: float) -> State:
    """Return the state after an attempt that may succeed later: each has a longer pause, with `share` (0 to 1) of it
    at random, so that workers do not come back all at once.
    """
    put = {o.due: Open(o.due, o.attempts + 1, at + pause(o.attempts, share)) for o in answers}
    return replace(state, open=tuple(put.get(o.due, o) for o in state.open))


def pause(attempts: int, share: float) -> timedelta:
    """Return how long to wait after so many earlier attempts: doubling, half of it at random."""
    whole = min(FIRST_PAUSE * float(2**attempts), LONGEST_PAUSE)
    return whole / 2 + whole / 2 * share


def is_last(answers: Sequence[Open]) -> bool:
    """Whether the attempt at hand is the last one."""
    return max(o.attempts for o in answers) + 1 >= MOST_ATTEMPTS


def wake_at(one: Scheduled, state: State, now: datetime) -> datetime | None:
    """Return when a schedule must be looked at again by the clock: its next time, or that of its next attempt."""
    times = [o.not_before or now for o in state.open[:1]]
    following = next_due(one.schedule, one.days, max(state.seen, now))
    return min([*times, *([following] if following else [])], default=None)


def is_ready(one: Scheduled, states: dict[str, State], now: datetime) -> bool:
    """Say whether the oldest open run may start: its pause is over, and nothing it reads is due before it and open."""
    mine = states[one.subject].open
    if not mine or (mine[0].not_before or now) > now:
        return False
    since = max(o.due.due_at for o in mine)
    above = (o for name in one.above if name in states for o in states[name].open)
    return not any(o.due.due_at <= since for o in above)
