"""Where products are built by dbt at our order: the tool for an environment, what it compiles, and what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, Where
from freehold.opening import compile_beside, tool_of

__all__ = ["compile_beside", "compiled_projects", "expect_applied", "keep_compiled", "tool_of"]

if TYPE_CHECKING:
    from freehold.connect.dbt import DbtTool, Project
    from freehold.delivery import Delivery
    from freehold.estate.model import Environment, Estate


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
