"""Service accounts: programs that sign in as themselves, declared in files, each with somebody who answers for it.

Teams name them among their members and roles as `service:ID`, as they name people; so what they may follows from that.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from freehold.access.identities import Identity

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Resource
    from freehold.foundation import Where

KIND = "ServiceAccount"
PREFIX = "service:"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A program that has a name of its own.

    Attributes:
        owner: who answers for it: a team's id, or a person whom a team names.
        review_by: the last day on which it counts as looked over.
        scopes: the most that its tokens may; empty where its file sets no bound.
        identities: the CI jobs that may act as it for a while, and so need no secret.
    """

    id: str
    where: Where
    name: str
    owner: str
    review_by: date
    scopes: tuple[str, ...] = ()
    purpose: str = ""
    identities: tuple[Identity, ...] = ()

    @property
    def principal(self) -> str:
        """The name it goes by: `service:nightly-report`."""
        return f"{PREFIX}{self.id}"

    def is_overdue(self, today: date) -> bool:
        """Whether its owner should have looked by now whether it is still needed."""
        return today > self.review_by

    def has_owner(self, estate: Estate) -> bool:
        """Whether who answers for it is still a team of the estate, or somebody whom one names."""
        return self.owner.removeprefix("team:") in estate.teams or self.owner in _people(estate)


def accounts_of(estate: Estate) -> dict[str, ServiceAccount]:
    """Return the service accounts of an estate, by principal."""
    found = map(_account, estate.resources_of(KIND))
    return {one.principal: one for one in found}


def _account(said: Resource) -> ServiceAccount:
    return ServiceAccount(
        id=said.id,
        where=said.where,
        name=str(said.metadata.get("name") or said.id),
        owner=str(said.metadata["owner"]),
        review_by=date.fromisoformat(str(said.spec["review_by"])),
        scopes=tuple(said.spec.get("scopes", ())),
        purpose=str(said.spec.get("purpose", "")),
        identities=tuple(Identity.of(one) for one in said.spec.get("identities", ())),
    )


def _people(estate: Estate) -> Collection[str]:
    named: set[str] = set()
    for team in estate.teams.values():
        named.update(team.members, *team.roles.values())
    return named
