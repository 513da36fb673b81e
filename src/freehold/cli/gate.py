"""`freehold gate report`: what the gate would have done, before anybody turns it on."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import chosen_environment, dialect_of, environment, loaded, opened_ledger, state_is_there
from freehold.cli.output import as_json, counted, emit, say, table
from freehold.foundation import FreeholdError, Problems, SystemClock

if TYPE_CHECKING:
    from freehold.delivery.gate.report import Past
    from freehold.estate.model import Estate

_MOST = 30


@click.group(epilog="Example: freehold gate report --days 30")
def gate() -> None:
    """Look at the gate: the rules that a change must fulfil before it is released."""


@gate.command(epilog="Example: freehold gate report --days 90 --json")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back.")
@environment
@as_json
@click.pass_obj
def report(start: str | None, days: int, env: str | None, as_json: bool) -> None:
    """Show what the gate would have said of every change of the last days, as the branch checked out has them.

    Each commit that changes the estate is planned against the one before it and judged by today's rules, as though the
    environment were protected and nobody had approved. Nothing is built and nothing is recorded. Beside it stands the
    data that checks kept from readers in that time.
    """
    from freehold.delivery.gate.report import summary

    estate = loaded(start)
    since = SystemClock().now() - timedelta(days=days)
    past = list(_with_progress(estate, env, days, shown=not as_json))
    kept: Counter[str] = Counter()
    if state_is_there(estate):
        with opened_ledger(estate) as ledger:
            name = chosen_environment(estate, env).name
            kept.update(e.subject for e in ledger.read(types=("candidate.quarantined",), env=name, since=since))
    found = summary(past, kept)
    if as_json:
        emit({"days": days, **found, "past": [p.to_json() for p in past if not p.is_empty]})
        return
    shown = [p for p in past if not p.is_empty]
    rows = [
        (
            p.commit[:8],
            f"{p.at:%Y-%m-%d}",
            "" if p.worst is None else str(p.worst),
            f"[red]blocked[/red] by {', '.join(p.blocked_by)}"
            if p.blocked_by
            else f"[yellow]approval[/yellow] of {', '.join(p.asks)}"
            if p.asks
            else "[green]clear[/green]",
            ", ".join(name.rpartition("/")[2] for name in p.readers),
            p.title,
        )
        for p in shown[-_MOST:]
    ]
    if rows:
        table(rows, ("commit", "when", "change", "the gate", "readers", "what"), least=(4, 5))
    if len(shown) > _MOST:
        say(f"And {len(shown) - _MOST} before; --json has them all.")
    said = f"{found['blocked']} would have been blocked, {found['approval']} would have asked for approval"
    say(f"{counted(found['changes'], 'changes')} in {counted(days, 'days')}: {said}, {found['clear']} were clear.")
    if kept:
        say(f"Data kept from readers: {counted(sum(kept.values()), 'candidates')} of {', '.join(sorted(kept)[:5])}.")


def _with_progress(estate: Estate, env: str | None, days: int, *, shown: bool) -> Iterator[Past]:
    from freehold.delivery.plan.versions import changes_of

    commits = changes_of(estate.root, days)
    if not commits:
        say("No commit of these days changes the estate, or it is in no git repository.")
    if not (shown and sys.stderr.isatty()):
        for one in commits:
            yield _judged(estate, env, *one)
        return
    with click.progressbar(commits, label="planning", file=sys.stderr) as bar:
        for one in bar:
            yield _judged(estate, env, *one)


def _judged(estate: Estate, env: str | None, commit: str, at: str, title: str) -> Past:
    """Plan one commit against the one before it, and judge it by the rules of today."""
    from datetime import datetime

    from freehold.changing import changes_in_plan, changes_of_estate
    from freehold.delivery.gate import Proposal, verdict_on
    from freehold.delivery.gate.report import Past
    from freehold.delivery.plan import KeptMeanings, at_revision
    from freehold.delivery.plan import plan as plan_of
    from freehold.delivery.template import KeptCompiled

    when = datetime.fromisoformat(at)
    try:
        after = at_revision(estate.root, commit)
        if after is None:
            return Past(commit, title, when, None, None, "There is no estate.")
        chosen = chosen_environment(after.estate, env)
    except FreeholdError as error:
        return Past(commit, title, when, None, None, error.problem)
    try:
        before = at_revision(estate.root, f"{commit}^")
        kept, compiled = KeptMeanings(estate.root), KeptCompiled(estate.root)
        dialect = dialect_of(after.estate, chosen)
        found = plan_of(after.estate, before, chosen.name, dialect, kept=kept, compiled=compiled)
        kept.save()
    except Problems as error:
        return Past(commit, title, when, None, None, error.errors[0].problem)
    except FreeholdError:  # what it came after does not validate: this one mends it
        return Past(commit, title, when, None, None)
    changes = (*changes_in_plan(found, (), estate), *(changes_of_estate(after.estate, before.estate) if before else ()))
    proposal = Proposal(env=chosen.name, changes=changes, is_protected=True)
    return Past(commit, title, when, found, verdict_on(proposal, estate, SystemClock().now()))
