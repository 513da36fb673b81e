"""`freehold plan`: what a change would do, before anything is done."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from freehold.changing import Judgement, compiled_for_plan, exit_code, judgement, plan_object, planned
from freehold.cli.gated import tell
from freehold.cli.opened import (
    as_published,
    chosen_environment,
    environment,
    loaded,
    opened_ledger,
    state_is_there,
)
from freehold.cli.output import counted, emit, put, say, table
from freehold.cli.relations import begins_to_publish, print_relations, reason, relations_here, relations_object
from freehold.foundation import Caller, Exit

if TYPE_CHECKING:
    from freehold.delivery.plan import AssetChange, Plan, Version
    from freehold.estate.model import Estate
    from freehold.metrics.comparing import Change

_MOST_DECLARED = 8
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
@click.option(
    "--relations", is_flag=True, help="Also list every relation that publishing makes, replaces or takes over."
)
@click.option("--sql", is_flag=True, help="The same, with the statements.")
@click.option("--values", is_flag=True, help="Also compute metrics that are defined otherwise, before and after.")
@click.option(
    "--comment", "as_comment", is_flag=True, help="In CI: also write it to the pull request, asking reviewers."
)
@click.pass_obj
def plan(
    start: str | None,
    base: str | None,
    base_dbt: tuple[Path, ...],
    env: str | None,
    format_: str,
    as_json: bool,
    relations: bool,
    sql: bool,
    values: bool,
    as_comment: bool,
) -> None:
    """Show what the files here would change, before anything is built.

    Compares them with what is deployed, column by column: what changed, what must be built again, what can be kept, who
    reads it. Where there is no ledger, as on a CI runner, it compares with the main branch and says so. Asks no
    warehouse, but where a product begins to be published by Freehold: then every relation is listed that this creates,
    replaces or takes over, with the rights on it, as with --relations; and with --values, which asks it for metrics by
    both definitions.

    Models of a dbt project that the estate names are compared by what they compile to: with --base-dbt, with the
    artifacts of the base, if it holds any, or with those that the last `freehold run` kept.

    Ends with 0 when nothing is against it, with 1 when something is, with 4 when an approval is missing. What is found
    in products that only watch or advise is told, and is against nothing.
    """
    estate = loaded(start)
    with ExitStack() as closing:
        ledger = closing.enter_context(opened_ledger(estate)) if state_is_there(estate) else None
        compiled = compiled_for_plan(estate, chosen_environment(estate, env), say) if estate.dbt else None
        found, before = planned(estate, env, base=base, base_dbt=base_dbt, ledger=ledger, compiled=compiled, tell=say)
        judged = judgement(found, estate, before, ledger, brought_by=Caller.at_the_shell())
    known = begins_to_publish(estate, before.estate) if before is not None else {}
    begins = {name: mode for name, mode in known.items() if mode}  # a product that is new takes nothing from others
    taken = None
    if begins or relations or sql:
        chosen = chosen_environment(estate, env)
        whole = relations or sql
        taken = relations_here(as_published(estate, chosen.name), chosen, None if whole else begins)
    numbers = _numbers(start, env, estate, before, found) if values and before is not None else ()
    if as_comment:
        tell(found, judged, before.estate if before else estate, numbers)
    if as_json or format_ == "json":
        told = {"values": [one.to_json() for one in numbers]} if values else {}
        emit(plan_object(found, judged) | told | (relations_object(taken) if taken is not None else {}))
    elif format_ == "markdown":
        from freehold.delivery.plan.markdown import comment

        click.echo(comment(found, judged.verdict if judged else None, numbers))
    else:
        print_plan(found, numbers)
        if taken is not None:
            print_relations(taken, reason(begins) if begins else "Of all that is published:", sql=sql)
        print_judgement(found, judged)
    sys.exit(int(exit_code(found, judged)))


def _numbers(start: str | None, env: str | None, estate: Estate, before: Version, found: Plan) -> tuple[Change, ...]:
    """Return the metrics that are defined otherwise by both definitions, computed on the data that is live."""
    from freehold.cli.query import asking
    from freehold.metrics.comparing import changes

    names = [one.id for one in found.metrics if one.what == "changed"]
    if not names:
        return ()
    with asking(start, env, estate=estate) as asks:
        return tuple(changes(asks.answerer, before.estate, names=names))


def _print_metrics(found: Plan, numbers: Sequence[Change]) -> None:
    from freehold.cli.metrics import print_values
    from freehold.delivery.plan.markdown import told_of_metric

    for one in found.metrics:
        put(f"metric {click.style(one.id, bold=True)} {told_of_metric(one)}")
        if one.through or not one.is_another_number:
            continue
        for sign, text, colour in (("-", one.before, "red"), ("+", one.after, "green")):
            if text:
                put(click.style(f"  {sign} {text}", fg=colour))
        for change in (change for change in numbers if change.id == one.id):
            print_values(change)
    if any(one.what == "changed" for one in found.metrics) and not numbers:
        say("By how much the numbers change: freehold plan --values")


def print_plan(found: Plan, numbers: Sequence[Change] = ()) -> None:
    """Print a plan for people; `numbers` are metrics before and after."""
    put(f"Compared with {found.against}." + ("" if found.is_deployed else " What is deployed was not asked."))
    _print_dashboards(found)
    _print_metrics(found, numbers)
    if not found.changes:
        unchanged = f"{counted(found.unchanged, 'assets')} unchanged."
        is_other = bool(found.metrics or found.declared)
        put(f"No data changes: {unchanged}" if is_other else f"Nothing changes: {unchanged}")
    else:
        _print_changes(found)
    _print_declared(found)
    for said, beside in {f"{f.subject}: {f.reason}": c.beside for c in found.changes for f in c.broken}.items():
        put(f"{f'Not in {beside.latest}' if beside else 'Broken'}  {said}")
    for finding in found.findings:
        put()
        put(click.style(str(finding).splitlines()[0], fg="red", bold=True))
        for line in str(finding).splitlines()[1:]:
            put(line)
    for finding in found.advice:
        put(f"\n{click.style('Advice', bold=True)}  {finding}")
    if found.findings:
        put(f"\nBlocked: {counted(len(found.findings), 'findings')}.")


def print_judgement(found: Plan, judged: Judgement | None) -> None:
    """Print what the gate says of a plan, and how to go on."""
    if judged is None or found.is_blocked:
        return
    for error in judged.verdict.errors():
        first, *rest = str(error).splitlines()
        put("\n" + click.style(first, fg="yellow" if int(error.exit_code) == int(Exit.APPROVAL) else "red", bold=True))
        for line in rest:
            put(line)
    for result in judged.verdict.warnings:
        put(f"Mind: {result.rule.id}, `{result.subject}`: {result.remedy or result.reason}")
    if judged.rejected_by:
        put(f"\nRejected by {judged.rejected_by}.")
    elif judged.verdict.blocked:
        put(f"\nBlocked by {counted(len(judged.verdict.blocked), 'rules')}.")
    elif judged.verdict.needs_approval:
        put(f"\nApproval needed. Plan {found.id}.")


def _print_dashboards(found: Plan) -> None:
    """Name the dashboards that a change reaches, before anything else of it."""
    from freehold.delivery.plan.reached import sentence

    for one in found.dashboards:
        said = sentence(one).replace("**", "").replace("`", "")
        put(click.style(said, fg="yellow" if str(one.verdict) in ("changes", "must move") else "red"))
    for error in found.unread:
        put(click.style(f"Not known whom this reaches: {error.problem} See `freehold validate`.", fg="yellow"))


def _print_changes(found: Plan) -> None:
    from freehold.delivery.plan.markdown import spent, versioned

    apart = [c for c in found.changes if c.change.name == "METADATA"]
    words = [c for c in apart if not c.is_judged_otherwise]
    rows = [_row(c) for c in found.changes if c not in apart]
    if rows:
        table(rows, ("asset", "change", "what", "then", "cost", "readers (30 days)"), right=(4,))
    if words:
        products = sorted({c.product for c in words})
        put(f"Words only, nothing to build: {counted(len(words), 'assets')} of {', '.join(products)}.")
    for change in found.changes:
        if change.beside is not None:
            put(versioned(change).replace("**", "").replace("`", ""))
            if change.readers or any(t.asset == change.beside.asset for d in found.dashboards for t in d.touches):
                say("To tell those who read it: freehold notice send")
        if change.is_judged_otherwise:
            put(f"Other checks of {change.asset}: the next run judges what is live by them.")
    said = f"{counted(len(found.built), 'assets')} to build"
    if found.downstream > len(found.built):
        said += f" (all below the change: {found.downstream})"
    if found.seconds is not None:
        said += f", {spent(found.seconds)} by past runs"
    put(f"{said}; {found.unchanged:,} unchanged.")


def _print_declared(found: Plan) -> None:
    """Say what else the files declare otherwise, of a first plan only how much of it: all of it is new."""
    if found.declared:
        shown = found.declared[:_MOST_DECLARED]
        more = f" and {len(found.declared) - len(shown)} more (--json)" if len(shown) < len(found.declared) else ""
        put(f"Beside data: {', '.join(map(str, shown)).replace('`', '')}{more}.")


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
