"""`freehold ledger import`: what other tools say that they did, and what others know, as events."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import chosen_environment, dialect_of, environment, loaded, opened_ledger
from freehold.cli.output import as_json, counted, emit, say

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.estate.model import Estate
    from freehold.ledger import Event, Ledger

_RESULTS = "run_results.json"
_SKEW = timedelta(minutes=5)  # by which the clock of another system may be ahead of ours


@click.command("import", epilog="Example: freehold ledger import surveys.jsonl")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["dbt", "openlineage", "events"]),
    default=None,
    help="Default: dbt for a run_results.json or its folder, events where lines have a `type`, else openlineage.",
)
@environment
@as_json
@click.pass_obj
def import_(start: str | None, path: Path, form: str | None, env: str | None, as_json: bool) -> None:
    """Record what others did or know: dbt's run_results.json, OpenLineage events of Airflow and others, or events.

    Models and jobs that ran become run.completed, tests of dbt check.completed, and the schedules of DAGs run.expected
    for each time that they were due. Events are JSON lines of the types that are told by others, such as
    survey.answered: {"type": …, "occurred_at": …, "data": {…}}; they feed KPIs that nothing in here could. PATH is a
    file, or a folder of them. What is recorded already is not recorded again; of a file with a line that cannot be
    read, nothing is.
    """
    from freehold.connect.records import is_records, record
    from freehold.connect.records import read as read_records

    estate = loaded(start)
    chosen = chosen_environment(estate, env).name
    is_dbt = form == "dbt" or (form is None and (path.name == _RESULTS or (path / _RESULTS).is_file()))
    with opened_ledger(estate) as ledger:
        if form == "events" or (form is None and is_records(path)):
            records = read_records(path, ledger.vocabulary, ledger.clock.now(), chosen)
            fresh, told, notices = record(records, ledger), len(records), list[str]()
        else:
            made, notices = _of_dbt(estate, path, chosen) if is_dbt else _of_openlineage(path, chosen, ledger)
            fresh, told = tuple(e for e in made if e.id is None or ledger.get(e.id) is None), len(made)
            ledger.append(*fresh)
    counts: dict[str, int] = {}
    for event in fresh:
        counts[event.type] = counts.get(event.type, 0) + 1
    if as_json:
        emit({"recorded": counts, "known": told - len(fresh), "env": chosen, "notices": notices})
        return
    for notice in notices:
        say(notice)
    said = ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items())) or "nothing new"
    known = f"; {counted(told - len(fresh), 'events')} known already" if told > len(fresh) else ""
    say(f"Recorded in `{chosen}`: {said}{known}.")


def _of_dbt(estate: Estate, path: Path, env: str) -> tuple[list[Event], list[str]]:
    from freehold.connect.dbt.ran import events_of_invocation, read_invocation
    from freehold.delivery.graph import Graph

    invocation = read_invocation(path)
    graph = Graph.of(estate, env, dialect_of(estate, chosen_environment(estate, env)))
    made, unknown = events_of_invocation(invocation, env, graph)
    left = "was" if unknown == 1 else "were"
    said = f"{counted(unknown, 'results')} of nodes that the manifest beside them does not know {left} left out."
    return made, [said] if unknown else []


def _of_openlineage(path: Path, env: str, ledger: Ledger) -> tuple[list[Event], list[str]]:
    from freehold.connect.openlineage import events, read

    told = read(path, ledger.clock.now() + _SKEW)
    return events(told, env, {job: due for job in {one.job for one in told} if (due := _last_due(ledger, job, env))})


def _last_due(ledger: Ledger, job: str, env: str) -> datetime | None:
    found = ledger.read(types=("run.expected",), subject=job, env=env, newest_first=True, limit=1)
    return next((event.occurred_at for event in found), None)
