"""`freehold objectives`: what is to be reached, and how far the metrics say it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import chosen_environment, environment, loaded, opened_ledger, waiting
from freehold.cli.output import as_json, counted, emit, put, say, table

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.insight.objectives import Measured
    from freehold.ledger import Ledger
    from freehold.metrics import Answer, Query

_STATES = {
    "measured": "measured", "reached": "[green]reached[/green]", "stale": "[yellow]stale[/yellow]",
    "not measured": "[dim]not measured[/dim]",
}  # fmt: skip
_HEADS = ("key result", "start", "now", "target", "progress", "by", "is", "measured")


@click.group(invoke_without_command=True, epilog="Example: freehold objectives show 2011-q4.trusted-revenue")
@as_json
@click.pass_context
def objectives(context: click.Context, as_json: bool) -> None:
    """See objectives: which there are, and how far each of their key results has come by its last measure."""
    if context.invoked_subcommand is not None:
        return
    from freehold.insight.objectives import objective_object, objectives_of, standings

    estate = loaded(context.obj)
    found = objectives_of(estate).values()
    with opened_ledger(estate) as ledger:
        stood = standings(found, ledger, ledger.clock.now())
    told = [objective_object(one, stood[one.id]) for one in found]
    if as_json:
        emit({"objectives": told})
    elif told:
        figure = _figures(estate)
        rows = [(f"[bold]{o['id']}[/bold]", o["period"], *_cells(kr, figure)) for o in told for kr in o["key_results"]]
        table(rows, ("objective", "period", *_HEADS), right=(3, 4, 5, 6), least=(9, 1, 3))
    else:
        say("No file declares an objective: see docs/concepts/roadmap.md.")


@objectives.command(epilog="Example: freehold objectives show 2011-q4.trusted-revenue --json")
@click.argument("id")
@as_json
@click.pass_obj
def show(start: str | None, id: str, as_json: bool) -> None:
    """Show the objective ID: its key results, and the work items that contribute to it."""
    from freehold.insight.objectives import linked_items, objective_named, objective_object, objectives_of, standings
    from freehold.work import Work
    from freehold.work.described import item_object

    estate = loaded(start)
    one = objective_named(objectives_of(estate), id)
    with opened_ledger(estate) as ledger:
        work = Work(estate, ledger, clock=ledger.clock)
        told = objective_object(one, standings([one], ledger, ledger.clock.now())[one.id])
        items = [item_object(work, item) for item in linked_items(one.id, work.items())]
    if as_json:
        emit({**told, "items": items})
        return
    put(f"{one.name}\n{one.id}, {one.period}; of {one.owner or 'nobody'}. {one.description}".rstrip())
    figure = _figures(estate)
    table([_cells(kr, figure) for kr in told["key_results"]], _HEADS, right=(1, 2, 3, 4), least=(7, 1))
    for item in items:
        put(f"  {item['id']}, {item['state']}: {item['title']}")
    if not items:
        say("Nothing contributes to it: freehold items link ITEM contributes_to " + one.id)


@objectives.command(epilog="Example: freehold objectives measure")
@click.argument("ids", nargs=-1, metavar="[ID]…")
@environment
@waiting
@as_json
@click.pass_obj
def measure(start: str | None, ids: tuple[str, ...], env: str | None, wait_s: float, as_json: bool) -> None:
    """Measure the key results of the objectives that run, or of those with an ID, and record what they came to.

    A key result is recorded once a day, and again where it has changed. What cannot be measured says why.
    """
    from freehold.insight.objectives import events_of, objective_named, objectives_of

    estate = loaded(start)
    all_ = objectives_of(estate)
    chosen_env = chosen_environment(estate, env).name
    with opened_ledger(estate) as ledger:
        now = ledger.clock.now()
        running = [one for one in all_.values() if one.period.start <= now < one.period.end]
        chosen = [objective_named(all_, id_) for id_ in ids] or running
        with _measuring(start, estate, ledger, chosen_env, wait_s) as each:
            found: tuple[Measured, ...] = tuple(m for one in chosen for m in each(one))
        events = events_of(found, ledger, chosen_env, str(estate.defaults.get("timezone", "UTC")))
        ledger.append(*events)
    if as_json:
        emit({"measures": [_object(one) for one in found], "recorded": len(events)})
    elif found:
        figure = _figures(estate)
        table(
            [_measure_row(one, figure) for one in found],
            ("objective", "key result", "now", "progress", ""),
            right=(2, 3),
        )
        say(f"{counted(len(events), 'measures')} recorded.")
    else:
        say("No objective runs now.")


@contextmanager
def _measuring(
    start: str | None, estate: Estate, ledger: Ledger, env: str, wait_s: float
) -> Iterator[Callable[..., Iterator[Measured]]]:
    """Yield what measures an objective; the warehouse is opened once a metric is asked of it."""
    from contextlib import ExitStack

    from freehold import opening
    from freehold.insight import Asking, kpis_of
    from freehold.insight.objectives import Measuring
    from freehold.work.clocks import working_time

    with ExitStack() as closing, ledger.evidence(ledger.clock.now()) as evidence:
        asks: list[Any] = []

        def answers(query: Query) -> Answer:
            if not asks:
                asks.append(closing.enter_context(opening.asking(start, env, wait_s=wait_s, tell=say)))
            found: Answer = asks[0].answerer.answer(query)
            for note in found.notes:
                say(note)
            return found

        asking = Asking(env, str(estate.defaults.get("timezone", "UTC")), None, working_time(estate))
        yield Measuring(kpis_of(estate), evidence, asking, answers).each


Figure = Callable[[str, "float | None"], str]


def _figures(estate: Estate) -> Figure:
    """Return what says a figure of a metric in its unit; metrics of the estate are read where one is asked for."""
    from functools import cache

    from freehold.insight import kpis_of
    from freehold.insight.objectives import said_of
    from freehold.metrics import catalogue_of

    kpis, catalogue = kpis_of(estate), cache(lambda: catalogue_of(estate))
    return lambda metric, value: said_of(metric, value, kpis, catalogue)


def _cells(one: dict[str, Any], figure: Figure) -> tuple[Any, ...]:
    measured = f"{one['measured_at']:%Y-%m-%d}" if one["measured_at"] else ""
    figures = [figure(one["metric"], one[name]) for name in ("start", "now", "target")]
    return (one["id"], *figures, _share(one["progress"]), one["by"], _STATES[one["state"]], measured)


def _measure_row(one: Measured, figure: Figure) -> tuple[Any, ...]:
    why = f"[yellow]{one.why}[/yellow]: {one.fix}" if one.why else ""
    return (one.objective.id, one.key_result.id, figure(one.key_result.metric, one.now), _share(one.progress), why)


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value * 100:.0f} %"


def _object(one: Measured) -> dict[str, Any]:
    return {
        "objective": one.objective.id, "key_result": one.key_result.id, "metric": one.key_result.metric,
        "now": one.now, "progress": one.progress, "data_until": one.data_until, "why": one.why or None,
        "fix": one.fix or None,
    }  # fmt: skip
