"""`freehold impact`: who is hit when something changes or goes, over all that files and other tools tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from freehold.cli.catalog import opened_catalog
from freehold.cli.opened import environment
from freehold.cli.output import as_json, counted, emit, put, say, table

if TYPE_CHECKING:
    from freehold.catalog.impact import BlastRadius, Node, Reach


@click.command(epilog="Example: freehold impact sales.orders.lines.amount")
@click.argument("what", metavar="NAME[.COLUMN]")
@click.option("--up", is_flag=True, help="What it comes from, instead of what it goes into.")
@click.option("--depth", type=click.IntRange(1, 30), default=None, help="Hops to walk; default: all of them, up two.")
@click.option("--indirect", is_flag=True, help="Also by columns that only decide: windows, conditions, filters, joins.")
@environment
@as_json
@click.pass_obj
def impact(
    start: str | None, what: str, up: bool, depth: int | None, indirect: bool, env: str | None, as_json: bool
) -> None:
    """Show who is hit when NAME changes or goes: tables, metrics, dashboards, jobs, and whom to tell.

    NAME is an asset, a metric, a dashboard or a data set of another tool, or one column of it. The catalog is asked: it
    has what files say, and what Airflow, Spark, dbt and others told as OpenLineage. `freehold lineage` says by which
    line of which file a column goes into another.
    """
    from freehold.catalog.walking import DEEPEST

    with opened_catalog(start, env) as opened:
        opened.update_or_say()
        named = opened.catalog.find(what)
        if up:
            reach = opened.catalog.reach(named, down=False, depth=depth or 2, indirect=indirect)
            told = reach.to_json()
        else:
            radius = opened.catalog.blast_radius(named, depth=depth or DEEPEST, indirect=indirect)
            reach, told = radius.reach, radius.to_json()
    if as_json:
        emit(told)
        return
    if not reach.count:
        say(f"{named} {'comes from' if up else 'goes into'} nothing that is known.")
        return
    many, of = counted(reach.count, "columns" if named.column else "entries"), counted(len(reach.products), "products")
    far = counted(len(reach.hops), "hops")
    put(f"{named} {'comes from' if up else 'goes into'} {many} of {of}, {far} away at most.")
    table(_rows(reach), ("hop", "what", "kind", "product", "owner", ""), right=(0,), least=(1, 5))
    if reach.is_cut:
        put("There is more than was walked.")
    if not up:
        _say_who(radius)


def _rows(reach: Reach) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for hop in reach.hops:
        rows += [(str(hop.hop), str(n), n.key.kind, n.product, n.owner, n.status) for n in hop.nodes]
        if hop.more:
            most = ", ".join(
                f"{product or 'no product'} {count:,}" for product, count in list(hop.products.items())[:3]
            )
            rows.append((str(hop.hop), f"and {hop.more:,} more", "", most, "", ""))
    return rows


def _say_who(radius: BlastRadius) -> None:
    """Say what people look at, who reads it, and whom to tell."""
    for title, nodes in (("Metrics", radius.metrics), ("Dashboards", radius.dashboards), ("Jobs", radius.jobs)):
        if nodes:
            put(f"{title:<12}{', '.join(map(_named, nodes))}")
    if radius.owners:
        put(f"{'Tell':<12}{', '.join(f'{owner} ({count:,})' for owner, count in radius.owners.items())}")
    services = ", ".join(f"{one.name} ({counted(one.reads, 'reads')})" for one in radius.services)
    people = counted(radius.persons, "people") if radius.persons else ""
    put(f"{'In 30 days':<12}{' and '.join(filter(None, (people, services))) or 'nobody'} read it")


def _named(node: Node) -> str:
    return f"{node} ({node.status})" if node.status else str(node)
