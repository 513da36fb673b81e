"""Building again what stands: a span of intervals, in pieces, beside what is live, and published once at the end.

A backfill that was interrupted goes on where it was when it is asked for again: what it has built is kept as
candidates, under the name of the attempt, which stays until it is published.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from freehold.delivery.asset import Kind
from freehold.delivery.interval import Interval
from freehold.delivery.outcome import Again, RunOutcome
from freehold.delivery.plan.past import Past
from freehold.delivery.run import Progress, Run
from freehold.delivery.step import StepOutcome
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery

_KEPT = "backfill"
_NOT_STORED = (Kind.VIEW, Kind.EXTERNAL, Kind.FROZEN)


@dataclass(frozen=True, slots=True)
class Extent:
    """What a backfill builds: assets again, those below them anew, and what it cost in the past; None if unknown."""

    again: tuple[str, ...]
    below: tuple[str, ...]
    intervals: int
    seconds: float | None


def extent(delivery: Delivery, select: Collection[str], span: Interval | None, past: Past) -> Extent:
    """Return what a backfill would build.

    Args:
        delivery: the environment.
        select: what is built again, as selectors.
        span: the intervals of it; None: all.
        past: what building cost.

    Raises:
        FreeholdError: FH-D002 a selector names nothing; FH-D217 what it names is not built here.
    """
    chosen = delivery.graph.select(select)
    again = tuple(a.id for a in delivery.graph.assets.values() if a.id in chosen and a.kind not in _NOT_STORED)
    if not again:
        raise FreeholdError(
            "FH-D217",
            f"Nothing of {', '.join(select)} is built here, so nothing can be built again.",
            fix="Name a model or a source with files.",
            exit_code=Exit.USAGE,
        )
    below = tuple(a for a in delivery.graph.assets if a in delivery.graph.downstream(again) and a not in again)
    with delivery.reading() as session:
        live = delivery.publication.live(session)
    intervals, seconds, known = 0, 0.0, True
    for name in (*again, *below):
        members = live[name].members if name in live else ()
        within = [m for m in members if m.interval is None or span is None or span.overlaps(m.interval)]
        each = past.each(name)
        known = known and each is not None
        seconds += len(within) * (each or 0.0)
        intervals += len(within) if name in again else 0
    return Extent(again, below, intervals, seconds if known else None)


def backfill(
    delivery: Delivery,
    found: Extent,
    span: Interval | None,
    *,
    chunk: timedelta | None = None,
    most_seconds: float | None = None,
    progress: Progress | None = None,
) -> RunOutcome:
    """Build what an extent names again, and what reads it anew; publish all of it in one move, or nothing.

    Args:
        delivery: the environment.
        found: what is built.
        span: the intervals of it; None: all.
        chunk: after how much of the span the cost is looked at; None: after each interval.
        most_seconds: what building may cost.
        progress: called with each step.

    Raises:
        FreeholdError: FH-D218 it costs more than it may; what was built is kept for when it is asked for again.
    """
    if most_seconds is not None and found.seconds is not None and found.seconds > most_seconds:
        raise _too_dear(f"It would cost {found.seconds:,.1f} s by past runs", most_seconds, "Nothing was built")
    key = f"{delivery.env} {' '.join(found.again)} {span or ''}"
    kept = (delivery.ledger.state.get(_KEPT, key) or {}).get("id")
    attempt = kept or delivery.caller.job or delivery.ids.new()  # by its job, what was published is not built again
    delivery.ledger.state.put(_KEPT, key, {"id": attempt})
    watched = _Watch(progress, chunk, most_seconds)
    with delivery.writing() as (session, token):
        again = Again(attempt, frozenset(found.again), span)
        select = (*found.again, *found.below)
        run = Run(delivery, session, token, select, None, None, watched, again=again, trigger="backfill")
        outcome = run.execute()
    delivery.forget()
    delivery.ledger.state.put(_KEPT, key, {})
    return outcome


class _Watch:
    """Adds up what steps cost, and ends the run where it is too much: what was built stays, nothing is published."""

    def __init__(self, progress: Progress | None, chunk: timedelta | None, most_seconds: float | None) -> None:
        self._progress, self._chunk, self._most = progress, chunk, most_seconds
        self._spent, self._since = 0.0, timedelta()

    def __call__(self, step: StepOutcome | None, done: int, total: int) -> None:
        """Look at a finished step, or at how far the intervals are."""
        if self._progress is not None:
            self._progress(step, done, total)
        if step is not None:
            self._spent += step.seconds
            self._since += step.interval.end - step.interval.start if step.interval else timedelta()
        elif self._most is not None and (self._chunk is None or self._since >= self._chunk):
            self._since = timedelta()
            if self._spent > self._most and done < total:
                told = f"It has cost {self._spent:,.1f} s after {done:,} of {total:,} intervals"
                raise _too_dear(told, self._most, "What was built is kept, nothing was published")


def _too_dear(told: str, most_seconds: float, left: str) -> FreeholdError:
    return FreeholdError(
        "FH-D218",
        f"{told}, and may cost {most_seconds:,.1f} s. {left}.",
        fix="Allow more with --max-cost, or take a shorter span; asked for again, it goes on where it was.",
    )
