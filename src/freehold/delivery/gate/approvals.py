"""Which approvals count, for which roles. What does not count is told apart by why it does not.

That the author's own, a stale one, and in a protected environment one vouched for by a shell alone never count is
decided here, and no file can say otherwise; files say which roles are asked, and what else must hold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError
from freehold.foundation.caller import Assurance

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.work import Raci


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's approval of a change.

    Attributes:
        by: the name it was given under: a principal, or `github:NAME`, `gitlab:NAME`.
        principals: who that is to the identity provider, groups included; empty for somebody no team names.
        assurance: how surely we know; `local` for what a shell alone vouches for.
        is_stale: whether the change was changed after it.
    """

    by: str
    principals: tuple[str, ...]
    assurance: Assurance
    given_at: datetime
    is_stale: bool = False
    url: str = ""

    @property
    def identities(self) -> frozenset[str]:
        """All names of this one person; groups are shared, and name nobody."""
        return frozenset((self.by, *(p for p in self.principals if p.startswith("user:"))))


@dataclass(frozen=True, slots=True)
class Counted:
    """What approvals of one change come to.

    Attributes:
        needed: the roles that have to approve.
        given: whose approval counts for a role.
        missing: the roles that have not approved, in the order they are asked for.
        of_author, local, stale, of_nobody: those that do not count: the author's own, vouched for by a shell alone,
            given before the last change, by somebody without any role.
    """

    needed: tuple[str, ...]
    given: Mapping[str, Approval]
    missing: tuple[str, ...]
    of_author: tuple[Approval, ...] = ()
    local: tuple[Approval, ...] = ()
    stale: tuple[Approval, ...] = ()
    of_nobody: tuple[Approval, ...] = ()


def counted(
    approvals: Sequence[Approval],
    needed: Sequence[str],
    product: str,
    authors: Collection[str],
    raci: Raci,
    *,
    is_protected: bool,
) -> Counted:
    """Count approvals of a change of one product.

    Args:
        approvals: all there are.
        needed: the roles that have to approve.
        product: whose roles they are.
        authors: every name of everybody who made the change.
        raci: who holds which role.
        is_protected: whether the environment takes no word of a shell.
    """
    of_author = tuple(a for a in approvals if not a.identities.isdisjoint(authors))
    local = tuple(a for a in approvals if is_protected and a.assurance == "local")
    stale = tuple(a for a in approvals if a.is_stale)
    sound = [a for a in approvals if a not in of_author and a not in local and a not in stale]
    held = {role: raci.holders(role, product) for role in dict.fromkeys((*needed, "owner", "steward"))}
    given: dict[str, Approval] = {}
    for role, holders in held.items():
        found = next((a for a in sound if not holders.isdisjoint(a.principals)), None)
        if found is not None:
            given[role] = found
    roles = frozenset(person for holders in held.values() for person in holders)
    return Counted(
        needed=tuple(needed),
        given=given,
        missing=tuple(role for role in needed if role not in given),
        of_author=of_author,
        local=local,
        stale=stale,
        of_nobody=tuple(a for a in sound if roles.isdisjoint(a.principals)),
    )


def needed_roles(estate: Estate, tier: int) -> tuple[str, ...]:
    """Return the roles that approve a change of a product of a tier, as `estate.yaml` says."""
    said = estate.defaults.get("tiers", {}).get(tier, {})
    return tuple(dict.fromkeys(said.get("approvals", ())))


def handles_of(estate: Estate, forge: str) -> dict[str, tuple[str, ...]]:
    """Return who somebody is by the name used elsewhere, names in lower case.

    Args:
        estate: whose teams name them.
        forge: `github` or `gitlab`, or another place that teams name: `jira`, `slack`.
    """
    found: dict[str, dict[str, None]] = {}
    for team in estate.teams.values():
        for handle, principals in team.spec.get("handles", {}).get(forge, {}).items():
            found.setdefault(handle.lower(), {}).update(dict.fromkeys(principals))
    return {handle: tuple(principals) for handle, principals in found.items()}


def refusal(
    approval: Approval, needed: Sequence[str], product: str, authors: Collection[str], raci: Raci, *, is_protected: bool
) -> FreeholdError | None:
    """Return why an approval cannot be taken, naming the rule; None if it counts for a role that is asked for."""
    found = counted((approval,), needed, product, authors, raci, is_protected=is_protected)
    if found.of_author:
        problem = f"`{approval.by}` made the change, and nobody approves a change of their own."
        return _refused("FH-G003", problem, "not-approved-by-its-author", "Have somebody else approve it.")
    if found.local:
        problem = f"`{approval.by}` is known by a shell alone, which a protected environment does not take."
        fix = "Approve it in the code review, or signed in."
        return _refused("FH-G004", problem, "not-approved-from-a-shell", fix)
    if found.stale:
        problem = f"The change was changed after `{approval.by}` approved it."
        return _refused("FH-G005", problem, "approved-as-it-is", "Ask for approval again.")
    if needed and set(found.missing) == set(needed):
        holders = sorted({person for role in needed for person in raci.holders(role, product)})
        problem = f"`{approval.by}` holds none of the roles {', '.join(needed)} of `{product}`."
        fix = f"Ask {', '.join(holders)}." if holders else "Name them in the file of the team."
        return _refused("FH-G006", problem, "approved-by-the-roles-of-its-tier", fix)
    return None


def _refused(code: str, problem: str, rule: str, fix: str) -> FreeholdError:
    return FreeholdError(code, f"{problem} The rule is `release/{rule}`.", fix=fix, exit_code=Exit.APPROVAL)
