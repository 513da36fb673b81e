"""Who holds a role: from the role to a team, from the team to people and groups of the identity provider."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Product, Team

REQUESTER = "requester"
ON_CALL = "on-call"  # held by whoever takes turns in a team's rota, and whom it escalates to
USUAL = ("owner", "steward", "dataops-lead", ON_CALL)  # which the workflows that come with Freehold name
SYSTEM = "system"  # Freehold itself, by what evidence shows: a move that is for nobody else


class Raci:
    """Roles of an estate. A role of a product is held in its team, or in the nearest team above that names it."""

    def __init__(self, teams: Mapping[str, Team], products: Mapping[str, Product]) -> None:
        self._teams = teams
        self._products = products

    @classmethod
    def of(cls, estate: Estate) -> Raci:
        """Return the roles that an estate's files give."""
        return cls(estate.teams, estate.products)

    def holders(self, role: str, product: str = "") -> frozenset[str]:
        """Return the principals and groups that hold a role.

        Args:
            role: `owner`, `steward` …; `role:dataops-lead` is held estate-wide, whatever the product. `on-call` is
                held by everybody of a rota, whose turn it is or not, since turns are swapped by word of mouth.
            product: whose role it is; without one, holders in any team.
        """
        return frozenset(self._holders(role, product, set()))

    def meant(self, reference: str, product: str = "") -> frozenset[str]:
        """Return the principals and groups that a reference means: a team's members, a role's holders, itself."""
        return frozenset(self._expanded(reference, product, set()))

    def holds(self, principal: str, groups: Collection[str], role: str, product: str = "") -> bool:
        """Whether a principal holds a role, by name or by one of its groups."""
        return not self.holders(role, product).isdisjoint({principal, *groups})

    def roles_of(self, principals: Collection[str], product: str) -> tuple[str, ...]:
        """Return the roles of a product that any of some principals holds, in order."""
        named = {role for team in self._chain(product) for role in _roles_in(team)}
        return tuple(r for r in sorted(named) if not self.holders(r, product).isdisjoint(principals))

    def _holders(self, role: str, product: str, seen: set[object]) -> Iterator[str]:
        name = role.removeprefix("role:")
        if (role, product) in seen:  # roles that stand for each other hold nobody more
            return
        seen.add((role, product))
        if role.startswith("role:") or not product:
            said = [person for team in self._teams.values() for person in _roles_in(team).get(name, ())]
        else:
            chain = (_roles_in(team) for team in self._chain(product))
            said = next((list(roles[name]) for roles in chain if name in roles), [])
        for person in said:
            yield from self._expanded(person, product, seen)

    def _expanded(self, person: str, product: str, seen: set[object]) -> Iterator[str]:
        if person.startswith("role:") and self._is_ours(person.removeprefix("role:")):
            yield from self._holders(person, product, seen)
        elif person.startswith("team:") and person not in seen:
            seen.add(person)
            team = self._teams.get(person.removeprefix("team:"))
            for member in team.members if team else ():
                yield from self._expanded(member, product, seen)
        else:
            yield person

    def _is_ours(self, role: str) -> bool:
        """Whether a team names a role; otherwise it is one of the identity provider, and stands for itself."""
        return any(role in _roles_in(team) for team in self._teams.values())

    def _chain(self, product: str) -> Iterator[Team]:
        """Yield the team of a product and those above it, nearest first; circles are refused when files are read."""
        owner = self._products.get(product)
        name, seen = (owner.team if owner else None), set[str]()
        while name and name in self._teams and name not in seen:
            seen.add(name)
            yield self._teams[name]
            name = self._teams[name].spec.get("parent")


def _roles_in(team: Team) -> Mapping[str, Sequence[str]]:
    """Return the roles that a team names, and who holds each; who is on call stands in its rota."""
    said = team.spec.get("on_call") or {}
    rota = said.get("rota")
    turns = [
        *(rota["who"] if isinstance(rota, Mapping) else ()),
        *([said["escalation"]] if "escalation" in said else ()),
    ]
    return {ON_CALL: turns, **team.roles} if turns else team.roles
