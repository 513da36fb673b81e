"""Somebody's word on a plan: approval, rejection, and the asking for it. Recorded as theirs, once, if it can count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.changing.judging import expect_a_say, expect_to_count, judgement, proposal_of
from freehold.foundation import Caller, Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.delivery.plan import Plan, Version
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of somebody's word on a plan. `is_new` is false where they had said the same before."""

    plan: str
    env: str
    is_approval: bool
    by: str
    is_new: bool


def expect_plan(found: Plan, id_: str) -> None:
    """Make sure that a plan is the one that somebody looked at.

    Raises:
        FreeholdError: FH-C009 it is another by now.
    """
    if found.id != id_:
        raise FreeholdError(
            "FH-C009",
            f"The files here are not plan `{id_}`; they are plan `{found.id}`.",
            fix="Look at it first: freehold plan",
            exit_code=Exit.USAGE,
        )


def expect_reason(note: str) -> None:
    """Make sure that a rejection says why.

    Raises:
        FreeholdError: FH-C013 it does not.
    """
    if not note.strip():
        raise FreeholdError(
            "FH-C013",
            "A rejection without a reason helps nobody.",
            fix="Say why: 'finance closes the month on these columns'",
            exit_code=Exit.USAGE,
        )


def approved(
    found: Plan, estate: Estate, before: Version | None, ledger: Ledger, caller: Caller, note: str = ""
) -> Decided:
    """Record an approval of a plan, unless the caller has approved it already.

    Args:
        found: the plan.
        estate: the files it is made from.
        before: what is in force; by its teams and rules an approval counts.
        ledger: where it is recorded, as of the caller.
        caller: whose word it is.
        note: what they say to it; kept in the side store.

    Raises:
        FreeholdError: FH-G003 to FH-G006, FH-G011 it could not count.
    """
    judged = judgement(found, estate, before, ledger, brought_by=None)
    expect_to_count(found, estate, before, judged, caller)
    known = {approval.by for approval in judged.approvals} if judged else set()
    is_new = caller.principal not in known
    if is_new:
        from freehold.ledger import Event

        kept = ledger.side.put("approval", {"text": note}, subject=found.id) if note.strip() else None
        said = {"change_id": found.id, "approver": caller.principal, "groups": list(caller.groups), "note": kept}
        ledger.acting(caller).append(Event("change.approved", said, env=found.env, subject=found.id))
    return Decided(found.id, found.env, True, caller.principal, is_new)


def rejected(found: Plan, estate: Estate, before: Version | None, ledger: Ledger, caller: Caller, note: str) -> Decided:
    """Record a rejection of a plan, unless the caller's rejection is its last word already.

    Raises:
        FreeholdError: FH-C013 without a reason; FH-G006 somebody who is signed in has no say in any of it.
    """
    expect_reason(note)
    judged = judgement(found, estate, before, ledger, brought_by=None)
    expect_a_say(found, estate, before, judged, caller)
    is_new = judged is None or judged.rejected_by != caller.principal
    if is_new:
        from freehold.ledger import Event

        kept = ledger.side.put("rejection", {"text": note}, subject=found.id)
        said = {"decision": "rejected", "item": found.id, "options": ["approve", "reject"], "outcome": kept}
        event = Event("decision.recorded", said | {"deciders": [caller.principal]}, env=found.env, subject=found.id)
        ledger.acting(caller).append(event)
    return Decided(found.id, found.env, False, caller.principal, is_new)


def asked_for(found: Plan, ledger: Ledger, caller: Caller, commit: str | None = None) -> None:
    """Record that somebody asks for approval of a plan; said again, it is the same event."""
    ledger.acting(caller).append(proposal_of(found, caller.principal, commit))
