"""`freehold lineage`: where a column comes from, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from freehold.changing import dashboards_of, metrics_of
from freehold.cli.opened import as_published, chosen_environment, dialect_of, environment, loaded
from freehold.cli.output import emit, say

if TYPE_CHECKING:
    from freehold.delivery.lineage import Edge, EstateLineage, Field
    from freehold.estate.dashboards import Dashboard
    from freehold.foundation import FreeholdError

_ONE_STEP = 1  # what is shown of a whole asset, where no depth is asked for


@click.command(epilog="Example: freehold lineage sales.orders.daily_revenue.revenue --format mermaid")
@click.argument("what", metavar="ASSET[.COLUMN]")
@click.option("--up/--down", "up", default=True, help="What it comes from (the default), or what it goes into.")
@click.option("--depth", type=click.IntRange(1), default=None, help="Steps to follow; default: all, of an asset one.")
@click.option("--indirect", is_flag=True, help="Also columns that only decide: windows, conditions, filters, joins.")
@environment
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "mermaid"]),
    default="text",
    help="text for people, json for machines, mermaid for a page.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.pass_obj
def lineage(
    start: str | None,
    what: str,
    up: bool,
    depth: int | None,
    indirect: bool,
    env: str | None,
    format_: str,
    as_json: bool,
) -> None:
    """Show which columns a column comes from, or goes into, through all models, and which dashboards read them.

    Read from the files alone; nothing is built and no warehouse is asked. A name that several tables could mean is left
    out and counted, never guessed at. `freehold impact` also knows metrics, and what other tools told as OpenLineage.
    """
    from freehold.delivery.lineage import chosen

    found, problems, today = _read(start, env)
    fields = chosen(what, found, today)
    far = depth or (None if len(fields) == 1 else _ONE_STEP)
    edges = [
        (distance, edge)
        for one in fields
        for distance, edge in found.walk(one, down=not up, depth=far, indirect=indirect)
    ]
    if as_json or format_ == "json":
        emit(_as_object(found, fields, edges, down=not up))
    elif format_ == "mermaid":
        click.echo(_mermaid(found, fields, [edge for _, edge in edges], down=not up))
    else:
        for one in fields:
            for line in _tree(found, one, up=up, depth=far, indirect=indirect):
                click.echo(line)
        if indirect and up:
            _say_what_decides(found, fields)
        for asset, problem in found.unread.items():
            say(f"{asset} is known by the tables it reads alone: {problem}")
    for error in problems if not up else ():
        say(f"Not known who else reads it: {error.problem} See `freehold validate`.")


def _read(start: str | None, env: str | None) -> tuple[EstateLineage, tuple[FreeholdError, ...], dict[str, str]]:
    """Return the lineage of the estate, its dashboards in it, and which of their files could not be read.

    With it come the assets of new major versions, by the names that files give them.
    """
    from freehold.delivery.consumers import consumers_of
    from freehold.delivery.graph import Graph, default_environment
    from freehold.delivery.lineage import lineage_of
    from freehold.delivery.template import KeptCompiled

    estate = loaded(start)
    chosen = chosen_environment(estate, env)
    estate = as_published(estate, chosen.name)
    dialect = dialect_of(estate, chosen)
    compiled = KeptCompiled(estate.root)
    graph = Graph.of(estate, chosen.name, dialect, compiled)
    if estate.dbt:
        from freehold.connect.dbt import joined, projects_of

        graph = joined(graph, projects_of(estate), estate.root)
    found = lineage_of(graph, estate, dialect)
    compiled.save()
    told = dashboards_of(estate, dialect)
    default = default_environment(estate)
    readers = (*told.dashboards, *metrics_of(estate))
    found.consumers = consumers_of(readers, graph.assets.values(), default, dialect, found.columns)
    return found, told.errors, {declared: asset for asset, declared in estate.declared.items()}


def _tree(found: EstateLineage, start: Field, *, up: bool, depth: int | None, indirect: bool) -> Iterator[str]:
    """Yield the lines of a tree; what stands in it already is named and not opened again."""
    is_alone = not found.edges(start, down=not up, indirect=indirect) and (up or not found.readers(start))
    nothing = _nothing(found, start, up=up) if is_alone else ""
    yield click.style(found.name(start), bold=True) + click.style(nothing, dim=True)
    opened = {start}

    def below(at: Field, before: str, far: int) -> Iterator[str]:
        edges = found.edges(at, down=not up, indirect=indirect)
        readers = () if up else found.readers(at)
        for index, reader in enumerate(readers, start=1):
            is_last = index == len(readers) and not edges
            yield click.style(before + ("└─ " if is_last else "├─ "), dim=True) + _reader(reader)
        for index, edge in enumerate(edges):
            following = edge.source if up else edge.target
            is_last = index == len(edges) - 1
            again = following in opened and bool(
                found.edges(following, down=not up, indirect=indirect) or (not up and found.readers(following))
            )
            opened.add(following)
            branch = click.style(before + ("└─ " if is_last else "├─ "), dim=True)
            told = click.style(f"  {_how(edge)}  {edge.where}{'  (opened above)' if again else ''}", dim=True)
            yield f"{branch}{found.name(following)}{told}"
            if not again and (depth is None or far < depth):
                yield from below(following, before + ("   " if is_last else "│  "), far + 1)

    yield from below(start, "", 1)


def _reader(one: Dashboard) -> str:
    """Return a dashboard as a line of a tree ends."""
    from freehold.delivery.consumers import described

    people = described(one)
    told = f"  {one.kind}{', ' if people else ''}{people}  {one.where}"
    return click.style(one.name, fg="cyan") + click.style(told, dim=True)


def _nothing(found: EstateLineage, start: Field, *, up: bool) -> str:
    """Say why a column has no edge."""
    if not up:
        return "  goes into no other column"
    is_source = not any(one.asset == start.asset for one in found.into)
    return "  is delivered" if is_source else "  comes from no column: a constant, or a count of rows"


def _how(edge: Edge) -> str:
    """Return how a column goes in, in a word or two."""
    from freehold.sql.lineage import Use

    words = (
        (Use.AGGREGATION, "aggregated"),
        (Use.TRANSFORMATION, "changed"),
        (Use.IDENTITY, "as it is"),
        (Use.CONDITIONAL, "decides"),
        (Use.WINDOW, "windows by it"),
    )
    said = [word for use, word in words if edge.use & use]
    if edge.use & Use.MASKED:
        said.append("masked")
    if edge.use & Use.GUESSED:
        said.append("guessed")
    return ", ".join(said)


def _say_what_decides(found: EstateLineage, fields: list[Field]) -> None:
    for asset in dict.fromkeys(one.asset for one in fields):
        by: dict[str, list[str]] = {}
        for one, subtype in found.decides.get(asset, ()):
            by.setdefault(subtype, []).append(found.name(one))
        for subtype, names in by.items():
            say(f"Which rows {asset} has is decided by {subtype.lower().replace('_', ' ')}: {', '.join(names)}")


def _readers(found: EstateLineage, fields: list[Field], edges: list[Edge]) -> Iterator[tuple[Field, Dashboard]]:
    """Yield who reads the columns that were asked for, and those they go into."""
    for one in dict.fromkeys((*fields, *(edge.target for edge in edges))):
        for reader in found.readers(one):
            yield one, reader


def _mermaid(found: EstateLineage, start: list[Field], edges: list[Edge], *, down: bool) -> str:
    """Return a flowchart, one group an asset, as Markdown pages draw it; dashboards stand round at its end."""
    readers = list(_readers(found, start, edges)) if down else []
    ends = (one for edge in edges for one in (edge.source, edge.target))
    fields = dict.fromkeys((*ends, *(one for one, _ in readers)))
    lines = ["flowchart LR"]
    for asset in dict.fromkeys(one.asset for one in fields):
        lines.append(f'  subgraph {_id(asset)}["{asset}"]')
        own = [one for one in fields if one.asset == asset]
        lines += [f'    {_id(str(one))}["{found.spelt.get(one, one.column)}"]' for one in own]
        lines.append("  end")
    for source, target, how in dict.fromkeys((edge.source, edge.target, _how(edge)) for edge in edges):
        arrow = "-->" if how == "as it is" else f"-- {how} -->"
        lines.append(f"  {_id(str(source))} {arrow} {_id(str(target))}")
    for one in {reader.id: reader for _, reader in readers}.values():
        name = one.name.replace('"', "#quot;")
        lines.append(f'  {_id("reads " + one.id)}(["{name}"])')
    lines += [f"  {_id(str(at))} --> {_id('reads ' + one.id)}" for at, one in readers]
    return "\n".join(lines)


def _id(name: str) -> str:
    return re.sub(r"\W", "_", name).replace("end", "end_")  # `end` alone closes a group in Mermaid


def _as_object(
    found: EstateLineage, fields: list[Field], edges: list[tuple[int, Edge]], *, down: bool
) -> dict[str, Any]:
    from freehold.delivery.consumers import dashboard_json

    assets = {one.asset for one in fields}
    readers = list(_readers(found, fields, [edge for _, edge in edges])) if down else []
    return {
        "of": [found.name(one) for one in fields],
        "direction": "down" if down else "up",
        "edges": [
            {
                "source": _end(found, edge.source),
                "target": _end(found, edge.target),
                "transformations": _transformations(edge),
                "guessed": "guessed" in _how(edge),
                "where": str(edge.where),
                "distance": distance,
            }
            for distance, edge in edges
        ],
        "decides": [
            {"asset": asset, "source": _end(found, one), "subtype": subtype}
            for asset in sorted(assets)
            for one, subtype in found.decides.get(asset, ())
        ],
        "unread": found.unread,
        "dashboards": [
            dashboard_json(one) | {"reads": [_end(found, at) for at, reader in readers if reader.id == one.id]}
            for one in {reader.id: reader for _, reader in readers}.values()
        ],
    }


def _end(found: EstateLineage, one: Field) -> dict[str, str]:
    return {"asset": one.asset, "column": found.spelt.get(one, one.column)}


def _transformations(edge: Edge) -> list[dict[str, Any]]:
    """Return how a column goes in, as the `columnLineage` facet of OpenLineage spells it."""
    from freehold.sql.lineage import Source, Use

    source = Source(edge.source.asset, edge.source.column, edge.use)
    return [
        {"type": type_, "subtype": subtype, "masking": bool(edge.use & Use.MASKED)} for type_, subtype in source.kinds
    ]
