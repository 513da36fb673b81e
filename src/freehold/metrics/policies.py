"""The policies of an estate as the compiler takes them: what a caller may see of each dataset, or that they may not.

A policy is of an asset, whatever version of it is published, and holds wherever Freehold answers. It is part of every
scan, so that joins, filters and groups see what the caller sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from freehold.estate.operating import DataGrant, DataPolicy, Written
from freehold.foundation import Caller, FreeholdError, Problems, near
from freehold.metrics.expressions import condition, expression
from freehold.metrics.model import Dataset
from freehold.metrics.rows import Policy
from freehold.work import Raci

if TYPE_CHECKING:
    from freehold.estate.model import Estate

EVERYONE = "everyone"


def policies_of(estate: Estate, caller: Caller) -> Callable[[Dataset], Policy | None]:
    """Return what tells what a caller may see of a dataset; None where no policy is of what it reads.

    What it returns raises FreeholdError FH-N506 where a policy names no grant for the caller, and what
    `policy_findings` finds.
    """
    known: dict[str, Policy | None] = {}

    def of(dataset: Dataset) -> Policy | None:
        asset = asset_of(estate, dataset.source)
        if asset not in known:
            known[asset] = policy_for(estate, asset, caller)
        return known[asset]

    return of


def policy_for(estate: Estate, asset: str, caller: Caller) -> Policy | None:
    """Return what a caller may see of an asset, by the id that files give it; None where no policy is of it.

    Raises:
        FreeholdError: FH-N506 its policy names no grant for the caller; what `policy_findings` finds.
    """
    said = next((policy for policy in estate.policies.values() if asset in policy.of), None)
    return None if said is None else _seen_by(estate, said, asset, caller)


def asset_of(estate: Estate, source: str) -> str:
    """Return the id that files give an asset, whichever version of it a name means."""
    if source in estate.earlier:
        return estate.earlier[source].declared
    return estate.declared.get(source, source)


def grant_for(estate: Estate, policy: DataPolicy, asset: str, caller: Caller) -> DataGrant | None:
    """Return the grant of a policy that holds for a caller: the first that names them; None where none does."""
    raci, names = Raci.of(estate), {caller.principal, *caller.groups}
    product = asset.rpartition(".")[0]
    for grant in policy.grants:
        if EVERYONE in grant.to or any(not names.isdisjoint({to, *raci.meant(to, product)}) for to in grant.to):
            return grant
    return None


def policy_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return all that is wrong with the policies of an estate: FH-N421 to FH-N423, and what is no expression."""
    found: list[FreeholdError] = []
    first: dict[str, DataPolicy] = {}
    for policy in estate.policies.values():
        found += _of_names(estate, policy)
        for asset in policy.of:
            if asset in first:
                problem = f"`{asset}` has two policies, `{policy.id}` and `{first[asset].id}` at {first[asset].where}."
                found.append(FreeholdError("FH-N422", problem, where=policy.where, fix="Put their grants into one."))
            first.setdefault(asset, policy)
        for grant in policy.grants:
            try:
                for asset in policy.of:
                    _compiled(estate, policy, asset, grant)
            except Problems as problems:
                found += problems.errors
            except FreeholdError as error:
                found.append(error)
    return tuple(dict.fromkeys(found))


def _of_names(estate: Estate, policy: DataPolicy) -> Iterator[FreeholdError]:
    assets = [*estate.models, *estate.contracts]
    for asset in policy.of:
        if asset not in assets and estate.contract_of(asset) is None:
            yield FreeholdError(
                "FH-N421", f"The policy `{policy.id}` is of `{asset}`, which no file declares.", where=policy.where,
                fix=near(asset, assets) or "Name an asset: sales.customers.customers.",
            )  # fmt: skip
    is_everyone = False
    for grant in policy.grants:
        if is_everyone:
            yield FreeholdError(
                "FH-N421", f"No caller comes to this grant of `{policy.id}`: everyone has the one before.",
                where=grant.where, fix="Put the grant to everyone last.",
            )  # fmt: skip
        is_everyone = is_everyone or EVERYONE in grant.to
        for team in (to.removeprefix("team:") for to in grant.to if to.startswith("team:")):
            if team not in estate.teams:
                yield FreeholdError(
                    "FH-N421", f"The policy `{policy.id}` names the team `{team}`, which no file declares.",
                    where=grant.where, fix=near(team, estate.teams) or "Declare the team.",
                )  # fmt: skip


def _seen_by(estate: Estate, policy: DataPolicy, asset: str, caller: Caller) -> Policy:
    grant = grant_for(estate, policy, asset, caller)
    if grant is None:
        raise FreeholdError(
            "FH-N506", f"The policy `{policy.id}` of `{asset}` has no grant for {caller.principal}.",
            where=policy.where,
            fix=f"Ask {policy.owner} for one." if policy.owner else "Ask whoever answers for the policy.",
        )  # fmt: skip
    return _compiled(estate, policy, asset, grant)


def _compiled(estate: Estate, policy: DataPolicy, asset: str, grant: DataGrant) -> Policy:
    """Return a grant as the compiler takes it, its names those of the columns of the asset.

    Raises:
        FreeholdError: FH-N201 to FH-N203 what stands there is no condition, or no expression; FH-N423 a column is not
            there.
    """
    found = estate.contract_of(asset)
    columns = {p.name.lower(): p.column for p in found[1].columns} if found else {}
    columns |= {p.column.lower(): p.column for p in found[1].columns} if found else {}
    what = f"the policy `{policy.id}`"
    rows = None
    if grant.rows is not None:
        rows = _bound(condition(grant.rows.text, what, grant.rows.at), columns, asset, grant.rows)
    masks = {}
    for name, value in grant.masks.items():
        if columns and name.lower() not in columns:
            raise _no_column(name, columns, asset, value)
        tree = expression(value.text, what, value.at)
        masks[columns.get(name.lower(), name)] = _bound(tree, columns, asset, value)
    return Policy(rows, masks, policy.id, policy.smallest_group, policy.answer_from)


def _bound(tree: exp.Expr, columns: Mapping[str, str], asset: str, at: Written) -> exp.Expr:
    for node in list(tree.find_all(exp.Column)):
        name = node.name
        if len(node.parts) > 1 or (columns and name.lower() not in columns):
            raise _no_column(".".join(part.name for part in node.parts), columns, asset, at)
        node.this.replace(exp.to_identifier(columns.get(name.lower(), name), quoted=True))
    return tree


def _no_column(name: str, columns: Mapping[str, str], asset: str, at: Written) -> FreeholdError:
    return FreeholdError(
        "FH-N423", f"`{asset}` has no column `{name}`.", where=at.where,
        fix=near(name.lower(), columns) or f"It has {', '.join(sorted(set(columns.values())))}.",
    )  # fmt: skip
