"""`freehold plan`: what a change would do, before anything is done."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import chosen_environment, dialect_of, environment, loaded, opened_ledger, state_is_there
from freehold.cli.output import counted, emit, say, table

if TYPE_CHECKING:
    from freehold.delivery.plan import AssetChange, Join, Plan, Version
    from freehold.estate.model import Estate

_PAINTED = {"additive": "green", "column": "yellow", "rows": "yellow", "breaking": "red"}


@click.command(epilog="Example: freehold plan --base origin/main --format markdown > comment.md")
@click.option("--base", default=None, metavar="REVISION", help="Compare with a git revision, whatever is deployed.")
@click.option(
    "--base-dbt",
    multiple=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Compare dbt models with the artifacts in this folder.",
)
@environment
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    help="text for people, json for machines, markdown for a pull request.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.pass_obj
def plan(
    start: str | None, base: str | None, base_dbt: tuple[Path, ...], env: str | None, format_: str, as_json: bool
) -> None:
    """Show what the files here would change, before anything is built.

    Compares them with what is deployed, column by column: what changed, what must be built again, what can be kept, who
    reads it. Where there is no ledger, as on a CI runner, it compares with the main branch and says so. Asks no
    warehouse.

    Models of a dbt project that the estate names are compared by what they compile to: with --base-dbt, with the
    artifacts of the base, if it holds any, or with those that the last `freehold run` kept.

    Ends with 0 when nothing is against it, with 1 when something is. What is found in products that only watch or
    advise is told, and is against nothing.
    """
    found = _planned(loaded(start), base, base_dbt, env)
    if as_json or format_ == "json":
        emit(found.to_json())
    elif format_ == "markdown":
        from freehold.delivery.plan.markdown import comment

        click.echo(comment(found))
    else:
        _print(found)
    sys.exit(int(found.exit_code))


def _planned(estate: Estate, base: str | None, base_dbt: tuple[Path, ...], env: str | None) -> Plan:
    from freehold.delivery.plan import NO_PAST, KeptMeanings, past_of
    from freehold.delivery.plan import plan as plan_of
    from freehold.delivery.template import KeptCompiled

    chosen = chosen_environment(estate, env)
    kept, compiled = KeptMeanings(estate.root), KeptCompiled(estate.root)
    before, past = None, NO_PAST
    if state_is_there(estate):
        with opened_ledger(estate) as ledger:
            past = past_of(ledger, chosen.name)
            before = _before(estate, base, chosen.name, ledger)
    else:
        before = _before(estate, base, chosen.name, None)
    join = None
    if estate.dbt or base_dbt:
        before, join = _with_dbt(estate, before, chosen.name, base_dbt)
    dialect = dialect_of(estate, chosen)
    found = plan_of(estate, before, chosen.name, dialect, past=past, kept=kept, compiled=compiled, join=join)
    kept.save()
    compiled.save()
    return found


def _with_dbt(estate: Estate, before: Version | None, env: str, named: tuple[Path, ...]) -> tuple[Version | None, Join]:
    """Return the version to compare with, the dbt projects named in its label, and what puts them into the graphs."""
    from freehold.connect.dbt import joining, pairs_of, uncompiled
    from freehold.delivery.plan import Version

    pairs = pairs_of(estate, env, before.commit if before else "", named)
    against = [pair.against for pair in pairs if pair.against]
    for pair in pairs:
        if not pair.against:
            say(
                f"No earlier artifacts of the dbt project {pair.now.name} are known, so nothing of it counts as "
                "changed: `freehold run` keeps them, --base-dbt names them."
            )
        without = sum(1 for _ in uncompiled(pair.now))
        if without:
            say(
                f"{counted(without, 'models')} of {pair.now.name} have no compiled SQL and are compared by their text: "
                "run `dbt compile`."
            )
    if before is None and against:  # the files of the estate are new, what dbt builds is not
        before = Version(estate, "", is_deployed=False)
    if before is not None and against:
        before = replace(before, label=" and ".join(part for part in (before.label, *against) if part))
    return before, joining([(pair.now, pair.before) for pair in pairs], estate.root)


def _before(estate: Estate, base: str | None, env: str, ledger: object) -> Version | None:
    from freehold.delivery.plan import at_revision, deployed
    from freehold.ledger import Ledger

    if base is None and isinstance(ledger, Ledger) and (found := deployed(ledger, estate.root, env)):
        return found
    return at_revision(estate.root, base)


def _print(found: Plan) -> None:
    say(f"Compared with {found.against}." + ("" if found.is_deployed else " What is deployed was not asked."))
    if not found.changes:
        say(f"Nothing changes: {counted(found.unchanged, 'assets')} unchanged.")
    else:
        _print_changes(found)
    for said in dict.fromkeys(f"{f.subject}: {f.reason}" for c in found.changes for f in c.broken):
        say(f"Broken  {said}")
    for finding in found.findings:
        say()
        say(click.style(str(finding).splitlines()[0], fg="red", bold=True))
        for line in str(finding).splitlines()[1:]:
            say(line)
    for finding in found.advice:
        say(f"\n{click.style('Advice', bold=True)}  {finding}")
    if found.findings:
        say(f"\nBlocked: {counted(len(found.findings), 'findings')}.")


def _print_changes(found: Plan) -> None:
    from freehold.delivery.plan.markdown import spent

    apart = [c for c in found.changes if c.change.name == "METADATA"]
    words = [c for c in apart if not c.is_judged_otherwise]
    rows = [_row(c) for c in found.changes if c not in apart]
    if rows:
        table(rows, ("asset", "change", "what", "then", "cost", "readers (30 days)"), right=(4,))
    if words:
        products = sorted({c.product for c in words})
        say(f"Words only, nothing to build: {counted(len(words), 'assets')} of {', '.join(products)}.")
    for change in found.changes:
        if change.is_judged_otherwise:
            say(f"Other checks of {change.asset}: the next run judges what is live by them.")
    said = f"{counted(len(found.built), 'assets')} to build"
    if found.downstream > len(found.built):
        said += f" (all below the change: {found.downstream})"
    if found.seconds is not None:
        said += f", {spent(found.seconds)} by past runs"
    say(f"{said}; {found.unchanged:,} unchanged.")


def _row(change: AssetChange) -> tuple[str, ...]:
    from freehold.delivery.plan.markdown import described, spent

    colour = _PAINTED.get(str(change.change), "dim")
    cost = "" if change.seconds is None else spent(change.seconds)
    then = str(change.action) + (f" {counted(change.intervals, 'intervals')}" if change.intervals > 1 else "")
    readers = ", ".join(f"{r.name.rpartition('/')[2]} ({r.reads:,})" for r in change.readers)
    what = described(change)
    if change.because and change.own <= change.own.METADATA:
        what += f" [dim]from {', '.join(name.rpartition('.')[2] for name in change.because)}[/dim]"
    return (change.asset, f"[{colour}]{change.change}[/{colour}]", what, then, cost, readers)
