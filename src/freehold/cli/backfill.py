"""`freehold backfill`: build again what stands, published once at the end."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import environment, opened_delivery, waiting
from freehold.cli.output import as_json, counted, emit, say
from freehold.cli.run import outcome_object, print_outcome, progress_shown
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.delivery import Interval
    from freehold.delivery.backfilling import Extent


@click.command(epilog="Example: freehold backfill orders --from 2011-03-01 --to 2011-03-31 --chunk 7d --max-cost 30m")
@click.argument("select", nargs=-1, required=True)
@click.option("--from", "first", default=None, metavar="DAY", help="The first day; default: all there are.")
@click.option("--to", "last", default=None, metavar="DAY", help="The last day, included.")
@click.option("--chunk", default=None, metavar="7d", help="Look at the cost after so much; default: each interval.")
@click.option("--max-cost", default=None, metavar="30m", help="How long building may take, all steps added up.")
@click.option("--dry-run", is_flag=True, help="Only say what would be built, and what it cost in the past.")
@environment
@waiting
@as_json
@click.pass_obj
def backfill(
    start: str | None,
    select: tuple[str, ...],
    first: str | None,
    last: str | None,
    chunk: str | None,
    max_cost: str | None,
    dry_run: bool,
    env: str | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Build again what stands of SELECT (an asset, product or domain), and what reads it.

    For rows that would come out otherwise today: a corrected table of somebody else, a model that was wrong about the
    world. Everything is built beside what is live, judged, and published in one move, or nothing is. Interrupted, by
    whatever, it goes on where it was when you ask for it again.
    """
    from freehold.delivery.backfilling import backfill as backfill_of
    from freehold.delivery.backfilling import extent
    from freehold.delivery.plan import past_of

    span, piece, most = _span(first, last), _length(chunk, "--chunk"), _length(max_cost, "--max-cost")
    with opened_delivery(start, env, wait_s=wait_s) as delivery:
        found = extent(delivery, select, span, past_of(delivery.ledger, delivery.env))
        if not found.intervals and not as_json:
            say(_nothing(found, first, last))
            return
        if dry_run or not found.intervals:
            emit(_as_object(found)) if as_json else say(_told(found))
            return
        if not as_json:
            say(_told(found))
        with progress_shown(shown=not as_json) as progress:
            most_seconds = most.total_seconds() if most else None
            outcome = backfill_of(delivery, found, span, chunk=piece, most_seconds=most_seconds, progress=progress)
    if as_json:
        emit(_as_object(found) | {"outcome": outcome_object(outcome)})
    else:
        print_outcome(outcome, env)
        if outcome.is_refused:
            say("Nothing was published: a backfill goes live whole or not at all.")
    sys.exit(int(outcome.exit_code))


def _nothing(found: Extent, first: str | None, last: str | None) -> str:
    what = ", ".join(found.again)
    within = " ".join(part for part in (f"from {first}" if first else "", f"to {last}" if last else "") if part)
    return (
        f"Nothing is there to build again: {what} has no interval {within or 'at all'}. `freehold status` says what is."
    )


def _told(found: Extent) -> str:
    from freehold.delivery.plan.markdown import spent

    what = ", ".join(found.again) if len(found.again) <= 3 else counted(len(found.again), "assets")
    below = f", and {counted(len(found.below), 'assets')} that read it" if found.below else ""
    cost = f"; {spent(found.seconds)} by past runs" if found.seconds is not None else ""
    return f"Builds {what} again ({counted(found.intervals, 'steps')}){below}{cost}."


def _as_object(found: Extent) -> dict[str, object]:
    return {"again": found.again, "below": found.below, "steps": found.intervals, "seconds": found.seconds}


def _span(first: str | None, last: str | None) -> Interval | None:
    from freehold.delivery import parse_interval

    if first is None and last is None:
        return None
    begins, ends = (parse_interval(day) if day else None for day in (first, last))
    return parse_interval(
        f"{begins.start.date() if begins else date.min}..{ends.start.date() if ends else date(9998, 12, 31)}"
    )


def _length(text: str | None, option: str) -> timedelta | None:
    from freehold.delivery.arrival import duration

    if text is None:
        return None
    try:
        found = duration(text)
    except ValueError as error:
        raise FreeholdError(
            "FH-C008", f"{option}: {error}.", fix="Write 30m, 8h or 7d.", exit_code=Exit.USAGE
        ) from None
    if found <= timedelta(0):
        raise FreeholdError(
            "FH-C008", f"{option}: `{text}` is no time at all.", fix="Write 30m, 8h or 7d.", exit_code=Exit.USAGE
        )
    return found
