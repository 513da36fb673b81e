"""Subscriptions as files declare them: who is told, of what, with whose eyes, and by which secrets it is signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from freehold.access import accounts_of
from freehold.connect.outbound import target_of
from freehold.foundation import FreeholdError, near
from freehold.foundation.secrets import is_reference

if TYPE_CHECKING:
    from freehold.access import ServiceAccount
    from freehold.estate.model import Estate, Resource
    from freehold.foundation import Where
    from freehold.ledger import Vocabulary

KIND = "Subscription"
SCOPE = "catalog:read"  # what a service account must not be kept from, to be told of anything
_OURS = "freehold."  # before the types of events, as the standard has them
USUAL_TIMEOUT = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody who is told of events by HTTP.

    Attributes:
        owner: who answers for it: a team's id, or somebody whom one names.
        url: where events go, or a reference to it.
        secrets: references; each signs, the first is the one to stay.
        account: the service account whose eyes it sees with, `service:ID`.
        types: names and patterns of events; empty for all.
        products, environments: empty for all.
        from_start: whether it begins with the first event there is, and not with the next one.
        timeout: how long an answer may take.
        is_paused: whether events wait until its file says otherwise.
    """

    id: str
    where: Where
    name: str
    owner: str
    url: str
    secrets: tuple[str, ...]
    account: str
    types: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    from_start: bool = False
    timeout: timedelta = USUAL_TIMEOUT
    is_paused: bool = False
    description: str = ""

    @property
    def shown_url(self) -> str:
        """The address as it may be shown: a reference stays one, a query is left out."""
        return self.url if is_reference(self.url) else self.url.partition("?")[0]

    @property
    def mark(self) -> str:
        """What changes when where it goes, or what signs it, is changed: 16 hex digits."""
        return hashlib.sha256("\n".join((self.url, *self.secrets)).encode()).hexdigest()[:16]


def subscriptions_of(estate: Estate) -> dict[str, Subscription]:
    """Return the subscriptions of an estate, by id."""
    return {one.id: _subscription(one) for one in estate.resources_of(KIND)}


def subscription_findings(estate: Estate, vocabulary: Vocabulary) -> tuple[FreeholdError, ...]:
    """Return what is wrong with subscriptions: FH-A161, FH-A164 to FH-A166."""
    accounts = accounts_of(estate)
    found: list[FreeholdError] = []
    for one in estate.resources_of(KIND):
        found += _of_address(one)
        found += _of_account(one, accounts)
        found += _of_names(one, estate)
        found += _of_types(one, vocabulary)
    return tuple(found)


def _subscription(said: Resource) -> Subscription:
    spec = said.spec
    secret = spec["secret"]
    return Subscription(
        id=said.id,
        where=said.where,
        name=str(said.metadata.get("name") or said.id),
        owner=str(said.metadata["owner"]),
        url=str(spec["url"]),
        secrets=(secret,) if isinstance(secret, str) else tuple(secret),
        account=str(spec["as"]),
        types=tuple(str(one).removeprefix(_OURS) for one in spec.get("types", ())),
        products=tuple(spec.get("products", ())),
        environments=tuple(spec.get("environments", ())),
        from_start=spec.get("from", "now") == "start",
        timeout=timedelta(seconds=int(str(spec["timeout"])[:-1])) if "timeout" in spec else USUAL_TIMEOUT,
        is_paused=bool(spec.get("paused", False)),
        description=str(said.metadata.get("description", "")),
    )


def _of_address(one: Resource) -> Iterator[FreeholdError]:
    url = str(one.spec["url"])
    if not is_reference(url):
        try:
            target_of(url, one.at("spec", "url"))
        except FreeholdError as error:
            yield error


def _of_account(one: Resource, accounts: Mapping[str, ServiceAccount]) -> Iterator[FreeholdError]:
    named, place = str(one.spec["as"]), one.at("spec", "as")
    account = accounts.get(named)
    if account is None:
        yield FreeholdError(
            "FH-A164", f"`{one.id}` sees as `{named}`, a service account that no file declares.", where=place,
            fix=near(named, accounts) or "Declare it: `freehold schema ServiceAccount`.",
        )  # fmt: skip
    elif account.scopes and SCOPE not in account.scopes:
        yield FreeholdError(
            "FH-A164", f"`{one.id}` sees as `{named}`, which may not read the catalog.", where=place,
            fix=f"Add `{SCOPE}` to the scopes of {named}, or name another account.",
        )  # fmt: skip


def _of_names(one: Resource, estate: Estate) -> Iterator[FreeholdError]:
    for what, known in (("product", estate.products), ("environment", estate.environments)):
        for n, name in enumerate(one.spec.get(f"{what}s", ())):
            if name not in known:
                problem = f"`{one.id}` asks for the {what} `{name}`, which there is not."
                fix = near(name, known) or f"Name a {what} of the estate."
                yield FreeholdError("FH-A165", problem, where=one.at("spec", f"{what}s", n), fix=fix)
    owner = str(one.metadata["owner"])
    if owner.removeprefix("team:") not in estate.teams and ":" not in owner:
        yield FreeholdError(
            "FH-A165", f"Nobody answers for `{one.id}`: there is no team `{owner}`.", where=one.at("metadata", "owner"),
            fix=near(owner, estate.teams) or "Name a team, or somebody: user:idp/ana.",
        )  # fmt: skip


def _of_types(one: Resource, vocabulary: Vocabulary) -> Iterator[FreeholdError]:
    for n, said in enumerate(one.spec.get("types", ())):
        name = str(said).removeprefix(_OURS)
        try:
            vocabulary.select((name,))
        except FreeholdError as error:
            place = one.at("spec", "types", n)
            yield FreeholdError("FH-A166", f"`{one.id}`: {error.problem}", where=place, fix=error.fix)
