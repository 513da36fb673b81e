"""`freehold apply` and `freehold promote`: put a change in force, whole or not at all."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from freehold.changing import Judgement, exit_code, expect_plan, judgement, plan_object, planned, release
from freehold.cli.calling_dbt import compiled_projects, keep_compiled
from freehold.cli.evaluated import evaluated_after
from freehold.cli.opened import chosen_environment, delivery_of, environment, loaded, opened_ledger, waiting
from freehold.cli.output import as_json, counted, emit, say
from freehold.cli.plan import print_judgement, print_plan
from freehold.cli.relations import begins_to_publish, print_relations, reason
from freehold.cli.run import outcome_object, print_outcome, progress_shown
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.delivery import Delivery, RunOutcome
    from freehold.delivery.plan import Plan
    from freehold.estate.model import Estate

_yes = click.option("--yes", "-y", is_flag=True, help="Do not ask; without a terminal nothing is asked.")
_unpin = click.option("--unpin", is_flag=True, help="Let what is pinned go on with this change, and from then on.")
_take_over = click.option(
    "--take-over", is_flag=True, help="Move aside what is not Freehold's and stands where something is published."
)
_jobs = click.option("--jobs", type=click.IntRange(1, 64), default=None, help="Steps at once; default: one a core.")


@click.command(epilog="Example: freehold apply --env pr-12")
@environment
@click.option(
    "--plan", default="", metavar="PLAN", help="Only if the files here are that plan, as `freehold plan` names it."
)
@_yes
@_unpin
@_take_over
@_jobs
@waiting
@as_json
@click.pass_obj
def apply(
    start: str | None,
    env: str | None,
    plan: str,
    yes: bool,
    unpin: bool,
    take_over: bool,
    jobs: int | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Put the files here in force: build what they change, publish all of it in one move, or nothing.

    Shows the plan first and, on a terminal, asks. Everything is built beside what is live and judged by its contract;
    only when all of it passes does it go live, in one deployment that `freehold deployments` names. Ends with 1 when
    something is against it or fails, with 4 when an approval is missing; then nothing has changed.

    Where a product begins to be published, every relation is listed that this creates, replaces or takes over. What
    stands there and is not Freehold's is refused, or, with --take-over, moved aside with all its rows: to
    `<name>__before`. Whoever had rights on it has them on the view in its place.
    """
    _put_in_force(
        *(loaded(start), env, ""),
        is_at_hand=True,
        wanted=plan,
        ask=not yes,
        unpin=unpin,
        take_over=take_over,
        jobs=jobs,
        wait_s=wait_s,
        as_json=as_json,
    )


@click.command(epilog="Example: freehold promote pr-12 prod")
@click.argument("source")
@click.argument("target")
@_yes
@_unpin
@_take_over
@_jobs
@waiting
@as_json
@click.pass_obj
def promote(
    start: str | None,
    source: str,
    target: str,
    yes: bool,
    unpin: bool,
    take_over: bool,
    jobs: int | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Put in force in TARGET what is applied in SOURCE, taking over what was built there.

    What SOURCE built from the same inputs by the same meaning moves as it is: nothing is computed again. What TARGET
    has other inputs for is built from those. It goes live in one deployment, or nothing changes.
    """
    from freehold.delivery.plan.versions import deployed, last_applied

    files = loaded(start)
    for name in (source, target):
        chosen_environment(files, name)
    if source == target:
        raise FreeholdError(
            "FH-D224",
            f"`{source}` is promoted to itself, which changes nothing.",
            fix=f"Name another environment, or put the files here in force: freehold apply --env {target}",
            exit_code=Exit.USAGE,
        )
    with opened_ledger(files) as ledger:
        found, last = deployed(ledger, files.root, source), last_applied(ledger, source)
    if found is None or last is None:
        raise FreeholdError(
            "FH-D216",
            f"Nothing was ever applied in `{source}`, so there is nothing to promote.",
            fix=f"First: freehold apply --env {source}",
            exit_code=Exit.USAGE,
        )
    version = str(last.data["version"])
    is_at_hand = dict(files.hashes) == dict(found.estate.hashes)
    _put_in_force(
        *(found.estate, target, version),
        is_at_hand=is_at_hand,
        ask=not yes,
        unpin=unpin,
        take_over=take_over,
        jobs=jobs,
        wait_s=wait_s,
        as_json=as_json,
    )


def _put_in_force(
    estate: Estate,
    env: str | None,
    version: str,
    *,
    is_at_hand: bool,
    wanted: str = "",
    ask: bool,
    unpin: bool,
    take_over: bool,
    jobs: int | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Plan, judge and publish an estate: `version` names its files where they are kept, and not the ones here.

    `wanted` is the plan that somebody looked at; empty for whatever it is. `is_at_hand` tells that the files here say
    the same, so that the commit checked out is what is released.
    """
    from freehold.delivery.plan.versions import head_of, last_applied

    with delivery_of(estate, env, wait_s=wait_s, jobs=jobs, compiling=True) as delivery:
        compiled = compiled_projects(delivery)
        found, before = planned(estate, delivery.env, ledger=delivery.ledger, first=True, compiled=compiled, tell=say)
        if wanted:
            expect_plan(found, wanted)
        commit = head_of(estate.root) if is_at_hand else None
        caller, at_commit = delivery.caller, commit[0] if commit else ""
        judged = judgement(found, estate, before, delivery.ledger, brought_by=caller, is_release=True, commit=at_commit)
        if not as_json:
            print_plan(found)
            _print_relations(delivery, before.estate if before else None)
            print_judgement(found, judged)
        if exit_code(found, judged):
            _end(found, judged, None, as_json=as_json)
        if ask and not as_json and sys.stdin.isatty() and _is_worth_asking(found):
            click.confirm(f"Apply to `{delivery.env}`?", abort=True, err=True)
        known = last_applied(delivery.ledger, delivery.env)
        with progress_shown(shown=not as_json) as progress:
            outcome = release(
                *(delivery, found, judged, commit),
                brought_by=caller,
                begun=_to_begin(delivery) if delivery.tool is not None else (),
                version=version,
                unpin=unpin,
                take_over=take_over,
                progress=progress,
            )
        if compiled is not None and not outcome.is_refused:
            keep_compiled(estate, chosen_environment(estate, env))
        if not outcome.is_refused:
            evaluated_after(delivery, outcome.touched)
        is_new = last_applied(delivery.ledger, delivery.env) != known
        _end(found, judged, outcome, as_json=as_json, delivery=delivery, is_new=is_new)


def _to_begin(delivery: Delivery) -> list[str]:
    """Return what another tool builds at our order and nobody has published yet.

    Of that no definition changes: the tool has built it all along, somewhere else.
    """
    with delivery.reading() as session:
        live = delivery.publication.live(session)
    return [a.id for a in delivery.graph.assets.values() if a.is_ordered and a.id not in live]


def _print_relations(delivery: Delivery, before: Estate | None) -> None:
    """List what becomes of relations where products begin to be published; of a first estate, where any is there."""
    from freehold.delivery.asset import NOT_BUILT
    from freehold.delivery.ownership import takings

    begins = begins_to_publish(delivery.estate, before)
    assets = [a for a in delivery.graph.assets.values() if a.product.id in begins and a.kind not in NOT_BUILT]
    if not assets:
        return
    with delivery.reading() as session:
        found = takings(session, delivery.env, {a.id: a.relation for a in assets})
    if any(begins.values()) or any(t.what == "take over" for t in found):
        print_relations(found, reason(begins))


def _is_worth_asking(found: Plan) -> bool:
    return bool(found.changes)


def _end(
    found: Plan,
    judged: Judgement | None,
    outcome: RunOutcome | None,
    *,
    as_json: bool,
    delivery: Delivery | None = None,
    is_new: bool = True,
) -> None:
    """Say what became of it, and end with its exit code."""
    refused = outcome is None or outcome.is_refused
    if as_json:
        told: dict[str, Any] = {"plan": plan_object(found, judged), "applied": not refused}
        told |= {} if refused else {"changed": bool(is_new or (outcome and outcome.deployments))}
        emit(told | ({"outcome": outcome_object(outcome)} if outcome else {}))
    elif outcome is not None and delivery is not None:
        if outcome.steps or outcome.judged:
            print_outcome(outcome, delivery.env, is_change=True)
        if refused:
            say(f"Nothing changed in `{delivery.env}`: a change goes live whole or not at all.")
        elif outcome.deployments:
            reused = sum(step.reused for step in outcome.steps)
            taken = (
                f"; {counted(reused, 'steps')} {'was' if reused == 1 else 'were'} built before and taken over"
                if reused
                else ""
            )
            said = "taken back by: freehold deployments rollback"
            say(f"Applied to `{delivery.env}`{taken}; {said} {outcome.deployments[-1][-12:]}")
        elif is_new:
            say(f"Applied to `{delivery.env}`; nothing had to be built.")
        else:
            say(f"Nothing changed: `{delivery.env}` is as these files say already.")
    sys.exit(int(exit_code(found, judged) if outcome is None else outcome.exit_code))
