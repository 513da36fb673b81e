"""`freehold demo`: a retailer's days on a fresh estate, and the story of what went wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.output import as_json, emit, say

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from freehold.catalog import Catalog
    from freehold.demo.deliveries import Arrival
    from freehold.demo.replay import Stage, Summary

DAYS = 60
SEED = 7


@click.command(
    epilog="Example: `freehold demo`, or on real daily files: `freehold demo --data ../data/by-day --dir replay`."
)
@click.option(
    "--days", type=click.IntRange(1, 1500), default=None, help=f"How many days, ending yesterday; default {DAYS}."
)
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path("freehold-demo"), show_default=True)
@click.option(
    "--data", type=click.Path(path_type=Path), default=None, help="A folder of YYYY-MM-DD.csv to replay instead."
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Another seed, another shop and other faults.")
@click.option("--force", is_flag=True, help="Start over although files were edited, or go beside what is there.")
@as_json
def demo(days: int | None, folder: Path, data: Path | None, seed: int, force: bool, as_json: bool) -> None:
    """See it work: a retailer's days are built, checked and published; three faults are caught, a change is taken back.

    Makes an estate in DIR, brings its files morning by morning under a simulated clock, and ends with the story of what
    went wrong. Everything it tells is computed from the ledger and the warehouse in DIR, which are yours to look into.
    """
    from freehold.demo.deliveries import collect, generate
    from freehold.demo.estate_files import begin, prepare
    from freehold.demo.replay import Stage, first_instant, replay
    from freehold.demo.story import tell
    from freehold.demo.telling import story_json

    now = datetime.now(UTC)
    real = collect(data, days) if data else None
    prepare(folder, force=force)
    arrivals = real if real is not None else generate(folder, seed, now.date() - timedelta(days=1), days or DAYS)
    if not as_json:
        say(_opening(folder, arrivals, real is not None))
    began = first_instant(arrivals)
    repository = begin(folder, began) if real is None else None  # real days are told as they were
    with Stage(folder, began, seed) as stage, catalog_of(stage) as catalog:
        with _progress(not as_json) as progress:
            summary = replay(stage, arrivals, progress, not_after=now, catalog=catalog, repository=repository)
        story, zone = tell(stage.delivery, str(folder), summary.notes, summary.read), stage.zone
    if as_json:
        emit({"demo": {"dir": str(folder), **_counted(summary), **story_json(story)}})
    else:
        _print(folder, summary, story, zone, without_git=real is None and repository is None)


@contextmanager
def catalog_of(stage: Stage) -> Iterator[Callable[[], Catalog]]:
    """Give out what brings the catalog of a stage up to date."""
    from freehold.catalog import Catalog
    from freehold.connect.listing import listed

    env, dialect = stage.delivery.env, stage.engine.capabilities.dialect
    with Catalog(stage.folder, clock=stage.clock) as made:

        def looked_up() -> Catalog:
            made.update(listed(stage.delivery.estate, env, dialect, stage.ledger), stage.ledger, env=env)
            return made

        yield looked_up


def _print(folder: Path, summary: Summary, story: Any, zone: ZoneInfo, *, without_git: bool) -> None:
    from freehold.cli.output import console
    from freehold.demo.telling import print_story

    out = console()
    out.print(
        f"{summary.files:,} files on {summary.mornings:,} mornings: {summary.published:,} versions published, "
        f"{summary.checks:,} checks, {summary.quarantined} candidates quarantined, {summary.held} held back "
        f"[dim]({summary.seconds:.1f} s)[/dim]"
    )
    if without_git:
        out.print("[dim]No git here, or the folder is a repository already: nobody changes a file in this demo.[/dim]")
    for line in summary.unexpected:
        out.print(f"[red]failed[/red] {line}")
    print_story(story, out, zone)
    out.print(f"\n[bold]Next[/bold]  freehold -C {folder} status\n      freehold -C {folder} audit verify")


def _opening(folder: Path, arrivals: tuple[Arrival, ...], real: bool) -> str:
    first, last = min(a.day for a in arrivals), max(a.day for a in arrivals)
    kind = "Real daily files" if real else "Generated days"
    return f"{kind} of {first} to {last}, replayed morning by morning in {folder}/"


def _counted(summary: Summary) -> dict[str, Any]:
    names = (
        "mornings",
        "files",
        "runs_with_nothing_to_do",
        "published",
        "quarantined",
        "held",
        "failed",
        "deployments",
    )
    return {name: getattr(summary, name) for name in (*names, "checks", "reads", "seconds")}


@contextmanager
def _progress(wanted: bool) -> Iterator[Callable[[date, int, int], None] | None]:
    """Show a bar where somebody watches; say nothing where nobody does."""
    if not (wanted and sys.stderr.isatty()):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from freehold.cli.output import console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("mornings", total=None)

        def show(morning: date, done: int, total: int) -> None:
            bar.update(task, description=str(morning), completed=done, total=total)

        yield show
