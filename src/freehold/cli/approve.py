"""`freehold approve` and `freehold reject`: the fallback where there is no code review."""

from __future__ import annotations

import click

from freehold.changing import approved, expect_plan, expect_reason, planned, rejected
from freehold.cli.opened import environment, loaded, opened_ledger
from freehold.cli.output import as_json, emit, say
from freehold.foundation import Caller


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
    expect_reason(why)
    _record(start, plan, env, as_json=as_json, why=why)


def _record(start: str | None, plan: str, env: str | None, *, as_json: bool, why: str | None) -> None:
    estate, caller = loaded(start), Caller.at_the_shell()
    with opened_ledger(estate) as ledger:
        found, before = planned(estate, env, ledger=ledger, first=True, tell=say)
        expect_plan(found, plan)
        if why is None:
            decided = approved(found, estate, before, ledger, caller)
        else:
            decided = rejected(found, estate, before, ledger, caller, why)
    verb = "approved" if decided.is_approval else "rejected"
    if as_json:
        emit({"plan": plan, "env": found.env, verb: True, "by": caller.principal})
    else:
        said = "is" if decided.is_new else "was already"
        say(f"Plan {plan} for `{found.env}` {said} {verb} by {caller.principal}.")
