"""`freehold run`: build, check and publish what is new."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.calling_dbt import expect_applied, keep_compiled, tool_of
from freehold.cli.evaluated import evaluated_after
from freehold.cli.opened import (
    as_of,
    chosen_environment,
    delivery_of,
    environment,
    estate_in_force,
    instant,
    only_in,
    opened_ledger,
    selecting,
    state_is_there,
    waiting,
)
from freehold.cli.output import as_json, counted, emit, in_a_line, say, table
from freehold.cli.reporting import reports
from freehold.foundation import FreeholdError, Problems

if TYPE_CHECKING:
    from rich.progress import Progress

    from freehold.delivery import Return, RunOutcome, StepOutcome
    from freehold.estate.model import Environment, Estate

AHEAD = timedelta(days=2)  # no file is dated later than tomorrow, wherever its clock stands
MOST_ROWS = 20
MOST_NOTICES = 5
_PROMISES = ("FH-V501", "FH-V502", "FH-V503", "FH-P005")  # of findings: a promise that is broken
_MARKS = {
    "published": "[green]published[/green]",
    "quarantined": "[red]quarantined[/red]",
    "held": "[yellow]held[/yellow]",
    "failed": "[red]failed[/red]",
}


@click.command(epilog="Example: freehold run --select sales.orders+ --interval 2011-03-01..2011-03-07")
@selecting
@click.option("--interval", default=None, metavar="FROM..TO", help="Only these days, the last one included.")
@as_of
@environment
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=None,
    help="Steps at once; default: one for each core.",
)
@waiting
@as_json
@click.pass_obj
def run(
    start: str | None,
    select: tuple[str, ...],
    interval: str | None,
    as_of: str | None,
    env: str | None,
    jobs: int | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Build, check and publish what is new.

    Everything new is built beside what is live, judged by its contract, and published in one move, or kept in
    quarantine while the last good version stays live. With nothing new, nothing is done. Ends with 1 when anything was
    kept from being published.

    In an environment that is not protected it puts the files here in force, unless they break a promise or begin a new
    major version: that takes `freehold apply`.

    Products in another mode than publish are left to whoever builds them. Of a dbt project that the estate names, the
    artifacts are kept, for later plans to compare with.
    """
    from freehold.connect.traces import tracing
    from freehold.delivery import parse_interval
    from freehold.delivery.watching import take_back

    span = parse_interval(interval) if interval else None
    estate = estate_in_force(start, env)
    chosen = chosen_environment(estate, env)
    expect_kept(estate, chosen)
    tool = tool_of(estate, chosen)
    if estate.dbt and tool is None:
        keep_artifacts(estate, env)
    if only_in(estate, ("watch", "advise", "check")):
        _leave(estate, as_json=as_json)
        return
    opened = delivery_of(estate, env, wait_s=wait_s, jobs=jobs, at=as_of, compiling=True)
    with tracing() as traces, opened as delivery, progress_shown(shown=not as_json) as progress:
        if tool is not None:
            expect_applied(estate, chosen, tool)
        outcome = delivery.run(select, span, progress, until=instant(as_of) if as_of else datetime.now(UTC) + AHEAD)
        taken = take_back(delivery, outcome.judged)
        evaluated_after(delivery, outcome.touched)
        if traces is not None:
            traces.run(delivery.ledger, chosen.name, outcome.run_id)
        if tool is not None:
            keep_compiled(estate, chosen)
    if as_json:
        emit(outcome_object(outcome) | {"taken_back": [r.product for r in taken]})
    else:
        print_outcome(outcome, env)
        print_taken(taken)
    sys.exit(int(outcome.exit_code))


def expect_kept(estate: Estate, chosen: Environment) -> None:
    """Make sure that files which a run puts in force by itself break no promise: that takes a plan, and `apply`.

    Raises:
        Problems: what of the change `freehold plan` is blocked by, as far as it is about promises.
        FreeholdError: FH-D226 an output takes a new major version, which is published whole.
    """
    from freehold.changing import planned
    from freehold.delivery.plan.versions import last_applied

    if chosen.protected or not state_is_there(estate):
        return
    with opened_ledger(estate) as ledger:
        last = last_applied(ledger, chosen.name)
        if last is None or last.data.get("resources") == dict(estate.hashes):
            return
        found, _ = planned(estate, chosen.name, ledger=ledger, tell=say)
    broken = [error for error in found.findings if error.code in _PROMISES]
    if broken:
        raise Problems(broken) if len(broken) > 1 else broken[0]
    beside = [change.asset for change in found.changes if change.beside is not None]
    if beside:
        raise FreeholdError(
            "FH-D226",
            f"`{beside[0]}` is a new major version: it is published beside the one before, whole or not at all.",
            fix=f"See `freehold plan`, then freehold apply --env {chosen.name}.",
        )


def keep_artifacts(estate: Estate, env: str | None) -> None:
    """Keep the artifacts of the dbt projects that an estate names, and say so where they are new."""
    from freehold.connect.dbt import keep

    for project in keep(estate, chosen_environment(estate, env).name):
        when = project.generated_at[:16].replace("T", " ")
        say(f"Kept the artifacts of the dbt project {project.name}, written {when} UTC, to compare with.")


def _leave(estate: Estate, *, as_json: bool) -> None:
    """Say that there is nothing to build where others build everything."""
    from freehold.delivery import RunOutcome

    if as_json:
        emit(outcome_object(RunOutcome("", (), (), 0, (), 0.0)))
    modes = dict.fromkeys(product.mode for product in estate.products.values())
    say(f"Nothing to build: {counted(len(estate.products), 'products')} in mode {' or '.join(modes)}, built by others.")


def print_taken(taken: Sequence[Return]) -> None:
    """Say which products were taken back by themselves."""
    for back in taken:
        at = f"{back.to_published_at:%Y-%m-%d %H:%M}"
        say(f"{back.product} is watched and was taken back by itself, to the deployment of {at}.")
        say(f"Pinned until: freehold rollback {back.product} --unpin")


def print_outcome(outcome: RunOutcome, env: str | None = None, *, is_change: bool = False) -> None:
    """Print what a run came to for people; `env` is the environment, where it was named.

    What a change (`is_change`) put into quarantine is no newer data that waits: it is looked at by its number.
    """
    if outcome.nothing_to_do and not outcome.steps:
        say(f"Nothing new: {outcome.unchanged:,} steps are up to date. ({outcome.seconds:.1f} s)")
    if outcome.later:
        files = f"{outcome.later[0]} is" if len(outcome.later) == 1 else f"{len(outcome.later):,} files are"
        say(f"{files} dated in the future and left where {'it is' if len(outcome.later) == 1 else 'they are'}.")
    for notice in outcome.notices[:MOST_NOTICES]:
        say(notice)
    if len(outcome.notices) > MOST_NOTICES:
        say(f"And {len(outcome.notices) - MOST_NOTICES:,} more such files.")
    for name in outcome.pinned:
        say(f"{name} is pinned and was left as it is; `freehold rollback PRODUCT --unpin` lets it go on.")
    shown = _worth_showing(outcome)
    if shown:
        table(
            [_row(step) for step in shown],
            ("asset", "interval", "outcome", "rows", "checks", "why"),
            right=(3,),
        )
    _print_warnings(outcome)
    for asset, evaluation in outcome.judged.items():
        bad = [r for r in evaluation.results if r.blocks]
        verdict = f"fails {len(bad)} of them" if bad else "passes them all"
        say(f"The checks of {asset} changed since it was published. What is live was judged by them: it {verdict}.")
        for result in bad:
            say(f"  {result.check.id}: {in_a_line(result.told)}")
    by_status = {status: len(outcome.of(status)) for status in dict.fromkeys(s.status for s in outcome.steps)}
    if outcome.steps:
        said = ", ".join(f"{n:,} {status}" for status, n in by_status.items())
        say(f"{said}; {counted(len(outcome.deployments), 'deployments')} in {outcome.seconds:.1f} s.")
    if any(r.blocks for e in outcome.judged.values() for r in e.results):
        say("It stays live: nothing else passes. Next: freehold check")
    kept = [s.candidate for s in outcome.steps if s.status == "quarantined"]
    if kept:
        look = f"show {kept[0]}" if is_change and kept[0] else "list"
        named = f" --env {env}" if env else ""
        say(f"Consumers keep the last good version. Next: freehold quarantine {look}{named}")


def _print_warnings(outcome: RunOutcome) -> None:
    """Tell each check that warned once, by its newest interval and how many there were."""
    warned: dict[str, list[tuple[StepOutcome, Any]]] = {}
    for step in outcome.steps:
        for result in step.results if not step.repeated else ():
            if result.verdict == "warn":
                warned.setdefault(result.check.id, []).append((step, result))
    for same in list(warned.values())[:MOST_NOTICES]:
        step, result = same[-1]
        more = f" (and in {counted(len(same) - 1, 'intervals')} before)" if same[1:] else ""
        say(f"Warning: {step.asset} {step.interval or ''}{more}: {in_a_line(result.told)}".replace(" :", ":"))
    if len(warned) > MOST_NOTICES:
        say(f"And {len(warned) - MOST_NOTICES:,} more checks that warned: `freehold status`, or --json.")


def _worth_showing(outcome: RunOutcome) -> list[StepOutcome]:
    """Return what went wrong, and of a short run everything."""
    if len(outcome.steps) <= MOST_ROWS:
        return list(outcome.steps)
    return [s for s in outcome.steps if s.status != "published"][:MOST_ROWS]


def _row(step: StepOutcome) -> tuple[str, ...]:
    passed = sum(r.verdict == "pass" for r in step.results)
    checks = f"{passed}/{len(step.results)}" if step.results else ""
    again = " (still)" if step.repeated else " [dim](reused)[/dim]" if step.reused else ""
    return (
        *(step.asset, str(step.interval or ""), _MARKS[step.status] + again),
        *(f"{step.rows:,}" if step.rows else "", checks, in_a_line(step.reason)),
    )


def outcome_object(outcome: RunOutcome) -> dict[str, Any]:
    """Return what a run came to for machines."""
    return {
        "run_id": outcome.run_id,
        "deployments": outcome.deployments,
        "unchanged": outcome.unchanged,
        "pinned": outcome.pinned,
        "later": outcome.later,
        "notices": outcome.notices,
        "seconds": round(outcome.seconds, 3),
        "judged": [result_object(r) for e in outcome.judged.values() for r in e.results],
        "steps": [step_object(step) for step in outcome.steps],
    }


def step_object(step: StepOutcome) -> dict[str, Any]:
    """Return a step for machines, with the checks that did not pass."""
    return {
        "asset": step.asset,
        "product": step.product,
        "interval": str(step.interval) if step.interval else None,
        "status": step.status,
        "rows": step.rows,
        "reason": step.reason or None,
        "code": step.code or None,
        "repeated": step.repeated,
        "reused": step.reused,
        "candidate": step.candidate or None,
        "kept_deployment": step.kept or None,
        "checks": len(step.results),
        "not_passed": [result_object(r) for r in step.results if r.verdict not in ("pass", "skipped")],
    }


def result_object(result: Any) -> dict[str, Any]:
    """Return the verdict on a check for machines."""
    return {
        "check": result.check.id,
        "claim": result.check.claim,
        "verdict": result.verdict,
        "value": result.value,
        "operator": result.check.operator,
        "threshold": result.check.threshold,
        "unit": result.check.unit,
        "failing": result.failing,
        "total": result.total,
        "share": result.share,
        "blocking": result.check.blocking,
        "decided_by": result.decided_by,
        "reason": result.reason or None,
        "where": str(result.check.where),
        "cost_s": round(result.cost_s, 6),
    }


@contextmanager
def progress_shown(*, shown: bool) -> Iterator[Any]:
    """Show a bar on a terminal, nothing elsewhere; a job tells the server, which shows it."""
    if (reporting := reports()) is not None:
        yield reporting.progress
        return
    if not (shown and sys.stderr.isatty()):
        yield None
        return
    with bar() as shown_bar:
        task = shown_bar.add_task("building", total=None)

        def progress(step: StepOutcome | None, done: int, total: int) -> None:
            if step is None:
                shown_bar.update(task, completed=done, total=total)
            else:
                shown_bar.update(task, description=f"{step.asset} {step.interval or ''}")

        yield progress


def bar() -> Progress:
    """Return a bar for a terminal, which goes when it ends."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from freehold.cli.output import console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console(stderr=True), transient=True)
