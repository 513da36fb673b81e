"""Saying which suspect did it: stated by a person, counted by the KPIs, and learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError
from freehold.ledger.event import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.ledger import Ledger
    from freehold.reliability.incidents.incident import Incident


def blame(ledger: Ledger, incident: Incident, suspect: int | str, *, is_taken_back: bool = False) -> Mapping[str, Any]:
    """Record that a suspect is the cause of an incident, or was not after all; return the suspect.

    Args:
        ledger: whoever opened it is who says so.
        incident: with its suspects.
        suspect: its place among them, 1 for the first; or the event that tells of it, for places change with alerts.
        is_taken_back: whether this takes it back.

    Raises:
        FreeholdError: FH-E356 there is no such suspect.
    """
    numbered = enumerate(incident.suspects, start=1)
    found = next((one for place, one in numbered if suspect in (place, one["event"])), None)
    if found is None:
        count = len(incident.suspects)
        problem = f"`{incident.id}` has no suspect {suspect if isinstance(suspect, int) else f'`{suspect[:80]}` now'}."
        fix = (
            f"There are {count}: `freehold incidents suspects {incident.id}`."
            if count
            else "No change has a path to it."
        )
        raise FreeholdError("FH-E356", problem, fix=fix, exit_code=Exit.USAGE)
    said = {
        "incident": incident.id, "basis": "explicit", "event": found["event"], "change": found["kind"],
        "symptom": incident.symptom or None, "deploy_id": found.get("deploy_id"), "ended": is_taken_back or None,
    }  # fmt: skip
    ledger.append(
        Event("incident.cause_linked", said, subject=incident.id, product=incident.product, correlation_id=incident.id)
    )
    return found
