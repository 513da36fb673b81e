"""`freehold approve` and `freehold reject`: the fallback where there is no code review."""

from __future__ import annotations

import click

from freehold.cli.gated import judgement, recording_of
from freehold.cli.opened import environment, loaded, opened_ledger
from freehold.cli.output import as_json, emit, say
from freehold.cli.plan import planned
from freehold.foundation import Caller, Exit, FreeholdError


@click.command(epilog="Example: freehold approve 3f9c2a7be410")
@click.argument("plan")
@environment
@as_json
@click.pass_obj
def approve(start: str | None, plan: str, env: str | None, as_json: bool) -> None:
    """Approve PLAN, as `freehold plan` names it, where there is no code review.

    The usual approval is the code review: by somebody else than the author, who holds the role. An approval from a
    shell is never enough in a protected environment, and nobody approves a change of their own: such a one is refused,
    with the rule named, and ends with 4.
    """
    _record(start, plan, env, as_json=as_json, why=None)


@click.command(epilog="Example: freehold reject 3f9c2a7be410 --why 'finance closes the month on these columns'")
@click.argument("plan")
@click.option("--why", required=True, help="Kept in the side store, not in the ledger itself.")
@environment
@as_json
@click.pass_obj
def reject(start: str | None, plan: str, why: str, env: str | None, as_json: bool) -> None:
    """Reject PLAN: it is not applied until whoever rejected it approves, or it is another plan."""
    if not why.strip():
        raise FreeholdError(
            "FH-C013",
            "A rejection without a reason helps nobody.",
            fix="Say why: --why 'finance closes the month on these columns'",
            exit_code=Exit.USAGE,
        )
    _record(start, plan, env, as_json=as_json, why=why)


def _record(start: str | None, plan: str, env: str | None, *, as_json: bool, why: str | None) -> None:
    from freehold.ledger import Event

    estate, caller = loaded(start), Caller.at_the_shell()
    with opened_ledger(estate) as ledger:
        found, before = planned(estate, env, ledger=ledger, first=True)
        if found.id != plan:
            raise FreeholdError(
                "FH-C009",
                f"The files here are not plan `{plan}`; they are plan `{found.id}`.",
                fix="Look at it first: freehold plan",
                exit_code=Exit.USAGE,
            )
        if why is None:
            judged = judgement(found, estate, before, ledger)
            recording_of(found, estate, before, judged, caller)
            event = Event(
                "change.approved", {"change_id": plan, "approver": caller.principal}, env=found.env, subject=plan
            )
        else:
            kept = ledger.side.put("rejection", {"text": why}, subject=plan)
            said = {"decision": "rejected", "item": plan, "options": ["approve", "reject"], "outcome": kept}
            event = Event("decision.recorded", said | {"deciders": [caller.principal]}, env=found.env, subject=plan)
        ledger.append(event)
    verb = "approved" if why is None else "rejected"
    if as_json:
        emit({"plan": plan, "env": found.env, verb: True, "by": caller.principal})
    else:
        say(f"Plan {plan} for `{found.env}` is {verb} by {caller.principal}.")
