"""`freehold policies`: who may see what of which asset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import chosen_environment, dialect_of, loaded
from freehold.cli.output import as_json, emit, say, table
from freehold.foundation import Caller, Exit, FreeholdError, Problems, near

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import DataGrant, DataPolicy


@click.command(epilog="Example: freehold policies sales.customers.customers --for group:idp/emea")
@click.argument("asset", required=False)
@click.option(
    "--for",
    "who",
    multiple=True,
    metavar="WHO",
    help="Only the grant that holds for WHO: user:idp/ana, group:idp/emea.",
)
@as_json
@click.pass_obj
def policies(start: str | None, asset: str | None, who: tuple[str, ...], as_json: bool) -> None:
    """Show who may see what of ASSET, or of all assets with a policy.

    Policies hold where Freehold answers: for metrics, each scan of the asset shows what the caller may see. They are no
    substitute for the rights of the warehouse. Assets that are built from one with a policy and have none themselves
    are named.
    """
    from freehold.metrics import policy_findings

    estate = loaded(start)
    if wrong := policy_findings(estate):
        raise Problems(wrong)
    known = {name: policy for policy in estate.policies.values() for name in policy.of}
    if asset is not None and asset not in known:
        raise FreeholdError(
            "FH-N421", f"No policy is of `{asset}`.", fix=near(asset, known) or "See `freehold policies`.",
            exit_code=Exit.USAGE,
        )  # fmt: skip
    chosen = {asset: known[asset]} if asset is not None else known
    bare = _unguarded(estate, set(chosen)) if chosen else {}
    found = [_as_object(estate, name, policy, who, bare.get(name, [])) for name, policy in chosen.items()]
    if as_json:
        emit({"policies": found})
        return
    table(list(_rows(found)), ("asset", "to", "rows", "instead of columns", "smallest group", "policy"), right=(4,))
    for one in found:
        if one["open_below"]:
            say(f"Built from {one['asset']}, with no policy of their own: {', '.join(one['open_below'])}.")
    if found:
        you = Caller.at_the_shell()
        say(f"You are {you.principal} here.")
    else:
        say("No file declares a DataPolicy: whoever may ask sees all. `freehold schema DataPolicy` tells how.")


def _as_object(
    estate: Estate, asset: str, policy: DataPolicy, who: tuple[str, ...], below: list[str]
) -> dict[str, Any]:
    from freehold.metrics.policies import grant_for

    grants = list(policy.grants)
    if who:
        held = grant_for(estate, policy, asset, Caller(who[0], who[1:]))
        grants = [held] if held is not None else []
    return {
        "asset": asset,
        "policy": policy.id,
        "owner": policy.owner or None,
        "smallest_group": policy.smallest_group,
        "answer_from": list(policy.answer_from) or None,
        "grants": [_grant(grant) for grant in grants],
        "open_below": below,
        "where": str(policy.where),
    }


def _grant(grant: DataGrant) -> dict[str, Any]:
    return {
        "to": list(grant.to),
        "rows": grant.rows.text if grant.rows else None,
        "masks": {column: value.text for column, value in grant.masks.items()},
    }


def _rows(found: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for one in found:
        smallest = str(one["smallest_group"]) if one["smallest_group"] > 1 else ""
        for grant in one["grants"] or [{"to": ["nobody of these"], "rows": "none", "masks": {}}]:
            masks = ", ".join(f"{column}: {value}" for column, value in grant["masks"].items())
            yield one["asset"], ", ".join(grant["to"]), grant["rows"] or "all", masks, smallest, one["policy"]


def _unguarded(estate: Estate, guarded: set[str]) -> dict[str, list[str]]:
    """Return the assets that are built from each of some, and of which no policy is."""
    from freehold.delivery.graph import Graph, default_environment

    env = chosen_environment(estate, default_environment(estate))
    graph = Graph.of(estate, env.name, dialect_of(estate, env))
    known = {name for policy in estate.policies.values() for name in policy.of}
    return {
        name: sorted(graph.downstream([estate.published(name)]) - known - {estate.published(name)})
        for name in guarded
        if estate.published(name) in graph.assets
    }
