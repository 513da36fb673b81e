"""`freehold schedule`: what is due when, what ran, what was missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import (
    chosen_environment,
    dialect_of,
    environment,
    estate_in_force,
    opened_ledger,
    state_is_there,
)
from freehold.cli.output import as_json, counted, emit, say, table

if TYPE_CHECKING:
    from freehold.delivery.scheduling import Standing, Time
    from freehold.estate.model import Estate

MOST_MISSED = 5
_MARKS = {
    "success": "[green]success[/green]",
    "skipped": "[green]nothing new[/green]",
    "open": "[yellow]due, not run yet[/yellow]",
    "held": "[yellow]held[/yellow]",
}


@click.command(epilog="Example: freehold schedule --days 30")
@click.option("--days", type=click.IntRange(1, 366), default=7, help="How far to look, back and ahead; default: 7.")
@environment
@as_json
@click.pass_obj
def schedule(start: str | None, days: int, env: str | None, as_json: bool) -> None:
    """Show what runs when: what is due next, what ran, what was missed.

    A product, or an asset, runs by itself where its file says `freehold:schedule`: at times (cron), after what it reads
    was published, or when a file came. `freehold work` runs what is due. What fell due while no worker was up is
    recorded by the first that looks, this command among them. Times are shown in the zone of each schedule.
    """
    estate = estate_in_force(start, env)
    now = datetime.now(UTC)
    found = _standings(start, estate, env, now, timedelta(days=days))
    if as_json:
        emit({"env": chosen_environment(estate, env).name, "schedules": [_as_object(s) for s in found]})
    elif found:
        _print(found, days)
    else:
        say("Nothing is scheduled. Give a product `freehold:schedule`: see docs/concepts/schedules.md.")


def _standings(
    start: str | None, estate: Estate, env: str | None, now: datetime, span: timedelta
) -> tuple[Standing, ...]:
    from freehold.cli.scheduled import AroundHere
    from freehold.delivery.graph import Graph
    from freehold.delivery.scheduling import Worker, board_of, standings_of

    chosen, dialect = chosen_environment(estate, env), dialect_of(estate, chosen_environment(estate, env))
    board = board_of(estate, Graph.of(estate, chosen.name, dialect))
    if not board or not state_is_there(estate):
        return standings_of(board, {}, None, chosen.name, now, span)
    with opened_ledger(estate) as ledger:
        worker = Worker(AroundHere(start, env, ledger), ledger, chosen.name, dialect)
        states = worker.look()
        return standings_of(board, states, ledger, chosen.name, now, span)


def _print(found: tuple[Standing, ...], days: int) -> None:
    rows = [
        (
            f"[bold]{s.scheduled.subject}[/bold]",
            s.scheduled.schedule.told,
            _at(s, s.past[-1].due_at if s.past else None),
            _ended(s.past[-1]) if s.past else "",
            f"[red]{len(s.missed)}[/red]" if s.missed else "",
            _at(s, s.coming[0] if s.coming else None) or "[dim]when it comes[/dim]",
        )
        for s in found
    ]
    table(rows, ("schedule", "when", "last due", "it", "missed", "next due"), right=(4,), least=(4, 1))
    for standing in found:
        for time in standing.missed[-MOST_MISSED:]:
            say(f"{standing.scheduled.subject} missed {_at(standing, time.due_at)}: nobody ran it in time.")
        if len(standing.missed) > MOST_MISSED:
            say(f"And {len(standing.missed) - MOST_MISSED:,} times before, within {counted(days, 'days')}.")
        if standing.coming[1:]:
            then = ", ".join(_at(standing, at) for at in standing.coming[:3])
            say(f"Next of {standing.scheduled.subject}: {then} ({standing.scheduled.schedule.zone})")
    if any(s.state is None for s in found):
        say("No worker has looked yet, so nothing is due: `freehold work` begins.")
    elif any(s.past and s.past[-1].status == "open" for s in found):
        say("What is due is run by: freehold work")


def _at(standing: Standing, at: datetime | None) -> str:
    from freehold.cli.scheduled import written

    return written(at, standing.scheduled.schedule.zone) if at else ""


def _ended(time: Time) -> str:
    mark = _MARKS.get(time.status, f"[red]{time.status}[/red]")
    tries = f", at attempt {time.attempts}" if time.attempts > 1 else ""
    return mark + (" too late" if time.is_late and time.status in ("success", "skipped") else "") + tries


def _as_object(s: Standing) -> dict[str, Any]:
    one = s.scheduled
    return {
        "schedule": one.subject,
        "product": one.product,
        "when": one.schedule.told,
        "timezone": one.schedule.zone,
        "catch_up": one.schedule.catch_up,
        "assets": one.assets,
        "where": str(one.schedule.where),
        "past": [
            {
                "due_at": t.due_at,
                "cause": t.cause,
                "status": t.status,
                "attempts": t.attempts,
                "ended_at": t.ended_at,
                "late": t.is_late,
            }
            for t in s.past
        ],
        "missed": len(s.missed),
        "next": list(s.coming),
    }
