"""What publishing a product for the first time does to the relations of a warehouse, told before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from freehold.cli.output import counted, say, table
from freehold.foundation import FreeholdError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.delivery.ownership import Taking
    from freehold.engines import Relation
    from freehold.estate.model import Environment, Estate

_COLOURS = {"create": "green", "replace": "dim", "take over": "yellow"}


def begins_to_publish(estate: Estate, before: Estate | None) -> dict[str, str]:
    """Return the products that others build, or nobody, and that Freehold is to publish; with the mode they had."""
    then = before.products if before is not None else {}
    return {
        p.id: then[p.id].mode if p.id in then else ""
        for p in estate.products.values()
        if p.mode == "publish" and (p.id not in then or then[p.id].mode != "publish")
    }


def relations_here(
    estate: Estate, chosen: Environment, products: Mapping[str, str] | None = None
) -> tuple[Taking, ...] | FreeholdError:
    """Ask the warehouse what publishing some products (default: all) would do; return why it cannot be asked.

    Asking makes no warehouse where none is.
    """
    from freehold.cli.opened import opened_engine
    from freehold.delivery.ownership import takings
    from freehold.foundation import LOCAL

    wanted = _wanted(estate, chosen, products)
    if not wanted:
        return ()
    try:
        if not _is_there(estate, chosen):
            return takings(_Nothing(), chosen.name, wanted)  # type: ignore[arg-type]
        with opened_engine(estate, chosen) as engine:
            session = engine.session(LOCAL, {"task": "plan"})
            try:
                return takings(session, chosen.name, wanted)
            finally:
                session.close()
    except FreeholdError as error:
        return error


def print_relations(found: tuple[Taking, ...] | FreeholdError, why: str, *, sql: bool = False) -> None:
    """Print what is created, replaced and taken over, and whose rights stay; the statements too, if `sql`."""
    if isinstance(found, FreeholdError):
        say(f"{why} What stands in the warehouse could not be asked: {found.problem}")
        return
    if not found:
        return
    said = {what: sum(t.what == what for t in found) for what in _COLOURS}
    say(f"{why} " + ", ".join(f"{counted(n, 'relations')} to {what}" for what, n in said.items() if n) + ":")
    rows = [(f"[{_COLOURS[t.what]}]{t.what}[/]", str(t.relation), t.asset, _aside(t), _rights(t)) for t in found]
    table(rows, ("", "relation", "asset", "what stands there", "rights"), least=(3, 4))
    if any(t.what == "take over" for t in found):
        say("What is not Freehold's is moved aside, never dropped, and only by: freehold apply --take-over")
    for t in found:
        if t.standing:
            say(f"{', '.join(t.standing)} stand on {t.relation} and go on reading it as {t.aside}.")
    for statement in (s for t in found for s in t.statements) if sql else ():
        click.echo(f"{statement};")


def relations_object(found: tuple[Taking, ...] | FreeholdError) -> dict[str, Any]:
    """Return it for machines."""
    if isinstance(found, FreeholdError):
        return {"relations": None, "relations_unread": found.to_json()}
    return {"relations": [t.to_json() for t in found]}


def reason(products: Mapping[str, str]) -> str:
    """Say which products begin to be published."""
    modes = [f"{name} goes from {mode} to publish" for name, mode in products.items() if mode]
    return "; ".join(modes) + "." if modes else "Published for the first time."


def _aside(one: Taking) -> str:
    return f"a {one.was}, moved to {one.aside}" if one.aside else "a view of ours" if one.was else ""


def _rights(one: Taking) -> str:
    if not one.rights:
        return ""
    verb = "given on the view" if one.what == "take over" else "kept"
    return f"{', '.join(map(str, one.rights))}: {verb}"


def _wanted(estate: Estate, chosen: Environment, products: Mapping[str, str] | None) -> dict[str, Relation]:
    from freehold.cli.calling_dbt import tool_of
    from freehold.cli.opened import dialect_of
    from freehold.delivery.asset import NOT_BUILT
    from freehold.delivery.graph import Graph, default_environment

    graph = Graph.of(estate, chosen.name, dialect_of(estate, chosen))
    tool = tool_of(estate, chosen)
    if tool is not None:
        graph = tool.joined(graph, chosen.name, default_environment(estate))
    return {
        a.id: a.relation
        for a in graph.assets.values()
        if a.kind not in NOT_BUILT and a.product.mode == "publish" and (products is None or a.product.id in products)
    }


def _is_there(estate: Estate, chosen: Environment) -> bool:
    """Whether the warehouse is on a server, or its file exists."""
    scheme, _, path = estate.connections[chosen.connection].url.partition(":///")
    return scheme != "duckdb" or (estate.root / path).is_file()


class _Nothing:
    """The catalog of a warehouse that is not there yet."""

    def relations(self, schema: str | None = None) -> tuple[Relation, ...]:  # noqa: ARG002
        """Return nothing."""
        return ()
