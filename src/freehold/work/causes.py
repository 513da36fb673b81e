"""Causes of incidents: that one was caused by a deployment, or by what came from elsewhere, is an event of its own.

Whoever links an incident states the cause: `basis: explicit`. Change failure rate and time to detect count that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError
from freehold.work.recording import EVENT, RECORD

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import Workflow
    from freehold.ledger import Ledger

CAUSED_BY = "caused_by"
_SHORTEST = 6  # signs of the end of a deployment's id by which it may be named


def is_of_incidents(workflow: Workflow) -> bool:
    """Whether items of a workflow are incidents: it records that one was opened."""
    entered = (one for state in workflow.states.values() for one in state.on_enter)
    return any(what == RECORD and given.get(EVENT) == "incident.opened" for what, given, _ in entered)


def cause_of(target: str, ledger: Ledger, estate: Estate) -> tuple[str, Mapping[str, Any] | None]:
    """Return what caused an incident by its whole id, and what the event says of it; None for an item or a resource.

    Args:
        target: a deployment, the end of its id, an asset of ours, or anything else.
        ledger: where deployments are recorded.
        estate: its assets.

    Raises:
        FreeholdError: FH-W503 several deployments end so.
    """
    end = target.rpartition("…")[2]
    found = _deployments(end, ledger)
    if len(found) > 1:
        fix = f"Give more of it: {', '.join(found[:4])}."
        problem = f"{len(found)} deployments end in `{end}`."
        raise FreeholdError("FH-W503", problem, fix=fix, exit_code=Exit.USAGE)
    if found:
        return found[0], {"deploy_id": found[0]}
    if target in estate.contracts:
        return target, {"source": target}
    return target, None


def _deployments(end: str, ledger: Ledger) -> list[str]:
    """Return the deployments that have an id, or, where it is long enough, end in it."""
    found: dict[str, None] = {}
    for event in ledger.read(types=("deploy.completed",)) if end else ():
        id_ = str(event.data["deploy_id"])
        if id_ == end:
            return [id_]
        if len(end) >= _SHORTEST and id_.endswith(end):
            found[id_] = None
    return list(found)
