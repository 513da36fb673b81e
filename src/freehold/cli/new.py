"""`freehold new`: begin a file of your operating model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from freehold.cli.opened import loaded
from freehold.cli.output import as_json, emit, say
from freehold.foundation import Exit, FreeholdError, Where

if TYPE_CHECKING:
    from freehold.estate.model import Estate

_NEXT = {
    "workflow": "freehold items new {id} -f what='…'",
    "rule": "freehold rules scorecard --set {id}",
    "kpi": "freehold kpi show {id}",
    "document": "freehold document render {id}",
}


@click.command(epilog="Example: freehold new workflow 'Stock count'")
@click.argument("kind", type=click.Choice(tuple(_NEXT)))
@click.argument("name")
@as_json
@click.pass_obj
def new(start: str | None, kind: str, name: str, as_json: bool) -> None:
    """Begin a file of a KIND, called NAME: one that holds as it is, for you to change.

    Nothing but that file is written, and nothing needs to know of it: `freehold validate` reads it where it lies.
    """
    from freehold.estate.beginning import beginning, put

    estate = loaded(start)
    made = beginning(kind, name)
    _expect_free(estate, made.kind, made.id)
    put(estate.root, made)
    after = _NEXT[kind].format(id=made.id)
    if as_json:
        emit({"kind": made.kind, "id": made.id, "file": made.path, "next": after})
    else:
        say(f"Wrote {made.path}. It holds as it is: {after}")


def _expect_free(estate: Estate, kind: str, id: str) -> None:
    """Refuse an id that is taken, by a file or by what comes along.

    Raises:
        FreeholdError: FH-X506.
    """
    where = _there(estate, kind).get(id)
    if where is not None:
        told = f"is there already, in {where}" if where.path else "comes along with Freehold"
        fix = "Edit that file, or give another name." if where.path else "Give another name."
        problem = f"The {kind} `{id}` {told}; nothing was written."
        raise FreeholdError("FH-X506", problem, where=where if where.path else None, fix=fix, exit_code=Exit.USAGE)


def _there(estate: Estate, kind: str) -> dict[str, Where]:
    """Return what there is of a kind by id, with its place; that of what comes along is empty."""
    from freehold.insight import kpis_of
    from freehold.insight.documents.declared import documents_of
    from freehold.rules.shipped import rule_sets_in
    from freehold.work import workflows_of

    declared = {id_: one.where for (known, id_), one in estate.resources.items() if known == kind}
    declared |= {id_: one.where for id_, one in estate.workflows.items() if kind == "Workflow"}
    declared |= {id_: one.where for id_, one in estate.rule_sets.items() if kind == "RuleSet"}
    come = {"Workflow": workflows_of, "RuleSet": rule_sets_in, "KPI": kpis_of, "Document": documents_of}[kind](estate)
    return {**dict.fromkeys(come, Where("")), **declared}
