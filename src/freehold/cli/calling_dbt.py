"""Where products are built by dbt at our order: the tool for an environment, what it compiles, and what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.cli.output import say
from freehold.foundation import Exit, FreeholdError, Where

if TYPE_CHECKING:
    from freehold.connect.dbt import DbtTool, Project
    from freehold.delivery import Delivery
    from freehold.engines import Engine
    from freehold.estate.model import Environment, Estate


def tool_of(estate: Estate, chosen: Environment) -> DbtTool | None:
    """Return the tool that builds products of an estate for an environment; None where dbt builds none for us."""
    if not estate.dbt:
        return None
    from freehold.connect.dbt import Connection, DbtTool, declared_nodes
    from freehold.foundation.secrets import resolved

    if not declared_nodes(estate):
        return None
    there = estate.connections[chosen.connection]
    settings = {n: resolved(v, root=estate.root, where=there.where) for n, v in there.settings.items()}
    return DbtTool(estate, chosen.name, Connection(there.url, estate.root, settings, there.where))


def compile_beside(tool: DbtTool, engine: Engine, estate: Estate, chosen: Environment) -> None:
    """Have dbt compile, while it may use the warehouse; what stands there, models may ask.

    Raises:
        FreeholdError: FH-X110 to FH-X114, FH-X120 to FH-X124.
    """
    from freehold.delivery.graph import default_environment
    from freehold.delivery.orders import standing

    live = standing(engine, chosen.name, default_environment(estate))
    with engine.lent():
        tool.compile(live)


def compiled_for_plan(estate: Estate, chosen: Environment) -> tuple[Project, ...] | None:
    """Return the projects as dbt compiles them now; None where dbt builds nothing for us, or is not on this machine.

    Raises:
        FreeholdError: FH-X110 to FH-X114, FH-X121 to FH-X124.
    """
    tool = tool_of(estate, chosen)
    if tool is None:
        return None
    if not tool.can_compile():
        say("dbt is not on this machine: its project is compared as its own artifacts tell of it.")
        return None
    tool.compile({})
    return tool.projects()


def compiled_projects(delivery: Delivery) -> tuple[Project, ...] | None:
    """Return the dbt projects that a delivery has built, as they were compiled last; None where it has none built."""
    if delivery.tool is None:
        return None
    from freehold.connect.dbt import DbtTool

    return delivery.tool.projects() if isinstance(delivery.tool, DbtTool) else None


def expect_applied(estate: Estate, chosen: Environment, tool: DbtTool) -> None:
    """Make sure that in a protected environment dbt builds what is applied there, and nothing newer.

    Raises:
        FreeholdError: FH-X128 a model means something else by now.
    """
    if not chosen.protected:
        return
    from freehold.connect.dbt import changed_since_applied

    changed = changed_since_applied(estate, chosen.name, tool)
    if changed:
        named = ", ".join(f"`{name}`" for name in changed[:3]) + (
            f" and {len(changed) - 3} more" if changed[3:] else ""
        )
        raise FreeholdError(
            "FH-X128",
            f"The dbt project here is not what is applied in `{chosen.name}`: {named} would be built otherwise.",
            where=Where("estate.yaml"),
            fix=f"See `freehold plan --env {chosen.name}`; freehold apply --env {chosen.name} puts it in force.",
            exit_code=Exit.FINDING,
        )


def keep_compiled(estate: Estate, chosen: Environment) -> None:
    """Keep what dbt compiled as what is in force in an environment, to compare with."""
    from freehold.connect.dbt import keep

    keep(estate, chosen.name, compiled=True)
