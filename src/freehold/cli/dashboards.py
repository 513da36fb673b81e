"""`freehold dashboards`: who reads the estate from outside, and what of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from freehold.changing import dashboards_of
from freehold.cli.opened import as_published, chosen_environment, dialect_of, loaded
from freehold.cli.output import as_json, counted, emit, say, table

if TYPE_CHECKING:
    from freehold.connect.bi import Told
    from freehold.delivery.consumers import Consumers
    from freehold.estate.dashboards import Dashboard
    from freehold.estate.model import Estate

_MOST_ASSETS = 4


@click.group(epilog="Example: freehold dashboards list")
def dashboards() -> None:
    """See who reads the estate from outside: dashboards, reports, whatever `spec.dashboards` of estate.yaml names."""


@dashboards.command("list", epilog="Example: freehold dashboards list --json | jq '.unresolved'")
@as_json
@click.pass_obj
def list_(start: str | None, as_json: bool) -> None:
    """List dashboards with their owners, viewers of 30 days, and what they read, the most looked at first.

    Read from files alone. What an export leaves open, and what it names that the estate has not, is listed too. Ends
    with 1 when a file could not be read.
    """
    estate = loaded(start)
    chosen = chosen_environment(estate, None)
    dialect = dialect_of(estate, chosen)
    told = dashboards_of(estate, dialect)
    found = known_consumers(estate, told, dialect, cache=True)
    open_ = (*told.unresolved, *found.strange)
    if as_json:
        emit(_as_object(told, found))
    else:
        _print(told, found)
        for one in (*told.errors, *open_):
            say(f"\n{one}")
        if open_:
            say(f"\n{counted(len(open_), 'readings')} unresolved.")
    if told.errors:
        raise SystemExit(1)


def known_consumers(estate: Estate, told: Told, dialect: str, *, cache: bool) -> Consumers:
    """Return who reads which asset, held against the columns that models give."""
    from freehold.delivery.consumers import ANY, NOBODY, consumers_of
    from freehold.delivery.graph import Graph, default_environment
    from freehold.delivery.plan import KeptMeanings, meanings_of
    from freehold.delivery.template import KeptCompiled

    if not told.dashboards:
        return NOBODY
    env = default_environment(estate)
    kept, compiled = (KeptMeanings(estate.root), KeptCompiled(estate.root)) if cache else (None, None)
    graph = Graph.of(as_published(estate, env), env, dialect, compiled)
    meant = meanings_of(graph, dialect, kept)
    if kept is not None and compiled is not None:
        kept.save()
        compiled.save()
    columns = {id_: (*m.columns, ANY) if m.is_open else tuple(m.columns) for id_, m in meant.items()}
    return consumers_of(told.dashboards, graph.assets.values(), env, dialect, columns)


def _read_by(found: Consumers, id_: str) -> dict[str, tuple[str, ...]]:
    """Return the assets that a dashboard reads and which columns of each; `*` for all of it."""
    return {
        asset: (*sorted(read.columns), *(("*",) if read.is_whole else ()))
        for asset, reads in found.reads.items()
        for read in reads
        if read.dashboard.id == id_
    }


def _as_object(told: Told, found: Consumers) -> dict[str, Any]:
    from freehold.delivery.consumers import dashboard_json

    return {
        "dashboards": [
            dashboard_json(one)
            | {"reads": [{"asset": a, "columns": list(c)} for a, c in _read_by(found, one.id).items()]}
            for one in _ordered(told)
        ],
        "unresolved": [error.to_json() for error in (*told.unresolved, *found.strange)],
        "errors": [error.to_json() for error in told.errors],
    }


def _ordered(told: Told) -> list[Dashboard]:
    from freehold.delivery.consumers import by_viewers

    return sorted(told.dashboards, key=by_viewers)


def _print(told: Told, found: Consumers) -> None:
    if not told.dashboards:
        say("No dashboard is told of. Name their files in `spec.dashboards` of estate.yaml.")
        return
    rows = []
    for one in _ordered(told):
        reads = _read_by(found, one.id)
        shown = [f"{asset} ({', '.join(columns)})" for asset, columns in list(reads.items())[:_MOST_ASSETS]]
        more = [f"and {len(reads) - _MOST_ASSETS} more"] if len(reads) > _MOST_ASSETS else []
        viewers = "" if one.viewers is None else f"{one.viewers:,}"
        rows.append((one.name, one.kind, one.tool, viewers, one.owner, ", ".join([*shown, *more])))
    table(rows, ("dashboard", "kind", "tool", "viewers", "owner", "reads"), right=(3,))
