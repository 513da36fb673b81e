"""`freehold decisions`: what was decided, why, and what it ended."""

from __future__ import annotations

from typing import Any

import click

from freehold.cli.opened import loaded
from freehold.cli.output import as_json, emit, put, say, table

_STATUSES = {
    "accepted": "[green]accepted[/green]", "proposed": "[yellow]proposed[/yellow]", "rejected": "[red]rejected[/red]",
}  # fmt: skip


@click.group(epilog="Example: freehold decisions show ADR-0007")
def decisions() -> None:
    """See decisions: files in Markdown, as MADR has them, in a folder named decisions."""


@decisions.command("list", epilog="Example: freehold decisions list --about metric:revenue")
@click.option("--about", default="", metavar="KIND:ID", help="Only what concerns it, or ends it: product:sales.orders.")
@click.option("--all", "everything", is_flag=True, help="Those, too, that were superseded, or no longer hold.")
@as_json
@click.pass_obj
def list_(start: str | None, about: str, everything: bool, as_json: bool) -> None:
    """List the decisions of the estate, the newest first."""
    from freehold.work.decisions import decision_object, decisions_of

    found = decisions_of(loaded(start)).values()
    chosen = [
        one
        for one in sorted(found, key=lambda one: one.on, reverse=True)
        if (everything or about or one.status not in ("superseded", "deprecated"))
        and about.removeprefix("work:") in ("", *one.concerns, *one.settles)
    ]
    if as_json:
        emit({"decisions": [decision_object(one) for one in chosen]})
    elif chosen:
        rows = [
            (
                f"[bold]{one.id}[/bold]",
                _STATUSES.get(one.status, one.status),
                one.on,
                ", ".join(one.deciders),
                one.title,
            )
            for one in chosen
        ]
        table(rows, ("decision", "is", "since", "by", ""), least=(3,))
    else:
        say("No file holds such a decision. Write one: decisions/0001-a-title.md, see docs/concepts/roadmap.md.")


@decisions.command(epilog="Example: freehold decisions show ADR-0007 --json")
@click.argument("id")
@as_json
@click.pass_obj
def show(start: str | None, id: str, as_json: bool) -> None:
    """Show the decision ID: what its file says."""
    from freehold.work.decisions import decision_named, decision_object, decisions_of

    one = decision_named(decisions_of(loaded(start)), id)
    told = decision_object(one)
    if as_json:
        emit({**told, "text": one.text})
        return
    put(f"{one.id}, {one.status} {one.on}; {one.where}")
    for name, value in told.items():
        if name in _SAID and value:
            put(f"  {name.replace('_', ' ')}: {_in_words(value)}")
    click.echo(one.text, nl=not one.text.endswith("\n"))


_SAID = ("deciders", "consulted", "informed", "concerns", "settles", "supersedes", "superseded_by")


def _in_words(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
