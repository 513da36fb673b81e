"""Hooks as files declare them: which programs file work items, of which types, in whose name, by which secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.access import accounts_of
from freehold.foundation import FreeholdError, near
from freehold.work import workflows_of

if TYPE_CHECKING:
    from freehold.access import ServiceAccount
    from freehold.estate.model import Estate, Resource
    from freehold.estate.operating import Workflow
    from freehold.foundation import Where

HOOK = "Hook"


@dataclass(frozen=True, slots=True)
class Hook:
    """A program that files work items. `secrets` are references, each of which is taken; `account` is `service:ID`."""

    id: str
    where: Where
    secrets: tuple[str, ...]
    account: str
    types: tuple[str, ...]


def hooks_of(estate: Estate) -> dict[str, Hook]:
    """Return the hooks of an estate, by id."""
    found = {}
    for one in estate.resources_of(HOOK):
        secret = one.spec["secret"]
        secrets = (secret,) if isinstance(secret, str) else tuple(secret)
        found[one.id] = Hook(one.id, one.where, secrets, str(one.spec["as"]), tuple(one.spec["types"]))
    return found


def hook_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with the hooks of an estate: FH-W324, FH-W325."""
    accounts, workflows = accounts_of(estate), workflows_of(estate)
    return tuple(error for one in estate.resources_of(HOOK) for error in _wrong(one, accounts, workflows))


def _wrong(
    one: Resource, accounts: Mapping[str, ServiceAccount], workflows: Mapping[str, Workflow]
) -> Iterator[FreeholdError]:
    account = str(one.spec["as"])
    if account not in accounts:
        problem = f"`{one.id}` files as `{account}`, a service account that no file declares."
        fix = near(account, accounts) or "Declare it: `freehold schema ServiceAccount`."
        yield FreeholdError("FH-W324", problem, where=one.at("spec", "as"), fix=fix)
    for n, type_ in enumerate(one.spec["types"]):
        if type_ not in workflows:
            fix = near(type_, workflows) or "`freehold items types` lists those there are."
            problem = f"`{one.id}` files `{type_}`, which has no workflow."
            yield FreeholdError("FH-W325", problem, where=one.at("spec", "types", n), fix=fix)
