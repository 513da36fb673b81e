"""Saying which suspect did it: stated by a person, counted by the KPIs, and learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError
from freehold.ledger.event import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.ledger import Ledger
    from freehold.reliability.incidents.incident import Incident


def blame(ledger: Ledger, incident: Incident, suspect: int, *, is_taken_back: bool = False) -> Mapping[str, Any]:
    """Record that a suspect is the cause of an incident, or was not after all; return the suspect.

    Args:
        ledger: whoever opened it is who says so.
        incident: with its suspects.
        suspect: its place among them, 1 for the first.
        is_taken_back: whether this takes it back.

    Raises:
        FreeholdError: FH-E356 there is no such suspect.
    """
    if not 1 <= suspect <= len(incident.suspects):
        count = len(incident.suspects)
        problem = f"`{incident.id}` has no suspect {suspect}."
        fix = (
            f"There are {count}: `freehold incidents suspects {incident.id}`."
            if count
            else "No change has a path to it."
        )
        raise FreeholdError("FH-E356", problem, fix=fix, exit_code=Exit.USAGE)
    found = incident.suspects[suspect - 1]
    said = {
        "incident": incident.id, "basis": "explicit", "event": found["event"], "change": found["kind"],
        "symptom": incident.symptom or None, "deploy_id": found.get("deploy_id"), "ended": is_taken_back or None,
    }  # fmt: skip
    ledger.append(
        Event("incident.cause_linked", said, subject=incident.id, product=incident.product, correlation_id=incident.id)
    )
    return found
