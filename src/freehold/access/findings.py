"""What `validate` says of access: words that mean nobody, service accounts whom nobody answers for or looked over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from freehold.access.accounts import PREFIX, ServiceAccount, accounts_of
from freehold.access.words import EVERYONE, MEMBER, OF_PRODUCT, is_reference
from freehold.foundation import FreeholdError, Where, near

if TYPE_CHECKING:
    from freehold.estate.model import Estate

_ESTATE = Where("estate.yaml")


def access_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with who may what, FH-A171 and FH-A201 to FH-A203."""
    accounts = accounts_of(estate)
    found: list[FreeholdError] = []
    for where, said in _lists(estate):
        found += _of_words(estate, accounts, where, said)
    for account in accounts.values():
        found += _of_account(estate, account)
    return tuple(found)


def overdue_accounts(estate: Estate, today: date) -> tuple[FreeholdError, ...]:
    """Return the service accounts that somebody should have looked over by a day, FH-A204: a doubt, and no error."""
    return tuple(
        FreeholdError(
            "FH-A204", f"`{one.principal}` was to be looked over by {one.review_by}; it gets no new token.",
            where=one.where, fix=f"Have {one.owner} say whether it is needed, and set `review_by`, or remove it.",
        )
        for one in accounts_of(estate).values()
        if one.is_overdue(today)
    )  # fmt: skip


def _lists(estate: Estate) -> Iterator[tuple[Where, Mapping[str, Sequence[str]]]]:
    yield _ESTATE, estate.access
    for product in estate.products.values():
        if said := product.custom.get(OF_PRODUCT):
            yield product.custom_where.get(OF_PRODUCT, product.where), said


def _of_words(
    estate: Estate, accounts: Mapping[str, ServiceAccount], where: Where, said: Mapping[str, Sequence[str]]
) -> Iterator[FreeholdError]:
    roles = {role for team in estate.teams.values() for role in team.roles}
    for action, words in said.items():
        for word in words:
            if word.startswith("team:") and word.removeprefix("team:") not in estate.teams:
                fix = near(word.removeprefix("team:"), estate.teams) or "Declare the team."
                yield _nobody("FH-A201", action, word, "a team that no file declares", where, fix)
            elif word.startswith(PREFIX) and word not in accounts:
                fix = near(word, accounts) or "Declare it: `freehold schema ServiceAccount`."
                yield _nobody("FH-A201", action, word, "a service account that no file declares", where, fix)
            elif not is_reference(word) and word not in (EVERYONE, MEMBER, *roles):
                fix = near(word, (EVERYONE, MEMBER, *roles)) or "Name it in `spec.roles` of a team."
                yield _nobody("FH-A202", action, word, "a role that no team gives anybody", where, fix)
            elif action == "administer" and not is_reference(word):
                yield _nobody("FH-A202", action, word, "no reference", where, "Write one: group:idp/platform.")


def _nobody(code: str, action: str, word: str, what: str, where: Where, fix: str) -> FreeholdError:
    return FreeholdError(code, f"`{action}` names `{word}`, {what}.", where=where, fix=fix)


def _of_account(estate: Estate, one: ServiceAccount) -> Iterator[FreeholdError]:
    if not one.has_owner(estate):
        yield FreeholdError(
            "FH-A203", f"Nobody answers for `{one.principal}`: no team is, or names, `{one.owner}`.", where=one.where,
            fix=near(one.owner, estate.teams) or "Name a team, or somebody whom one names among members or roles.",
        )  # fmt: skip
    for identity in one.identities:
        if identity.is_anybodys():
            yield FreeholdError(
                "FH-A171", f"Anybody could have a job that acts as `{one.principal}`: no claim says whose it is.",
                where=one.where, fix="Name its repository or project, its owner whole: `repository: shop/data`.",
            )  # fmt: skip
