"""Service accounts: who answers for them, until when, and what is said where nobody does."""

from __future__ import annotations

from datetime import date

import pytest

from declared_access import estate
from freehold.access import access_findings, accounts_of, overdue_accounts

TEAMS = {"sales": (("user:idp/ana",), {"owner": ("user:idp/lead",)})}


def _account(owner: str, review_by: str = "2027-01-31"):
    return estate({}, TEAMS, accounts={"nightly": {"owner": owner, "review_by": review_by}})


@pytest.mark.parametrize(
    ("owner", "codes"),
    [
        ("sales", []),
        ("team:sales", []),
        ("user:idp/ana", []),
        ("user:idp/lead", []),
        ("user:idp/gone", ["FH-A203"]),
        ("buying", ["FH-A203"]),
    ],
)
def test_an_account_whose_owner_left_is_told(owner: str, codes: list[str]) -> None:
    """A team that is gone, or a person whom no team names any more."""
    assert [found.code for found in access_findings(_account(owner))] == codes


@pytest.mark.parametrize(("today", "codes"), [(date(2027, 1, 31), []), (date(2027, 2, 1), ["FH-A204"])])
def test_an_account_nobody_looked_over_in_time_is_told(today: date, codes: list[str]) -> None:
    """From the day after."""
    assert [found.code for found in overdue_accounts(_account("sales"), today)] == codes


def test_an_account_goes_by_its_principal() -> None:
    """As teams name it."""
    assert list(accounts_of(_account("sales"))) == ["service:nightly"]


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (("everyone", "member", "owner", "group:idp/x", "user:idp/y", "team:sales", "service:nightly"), []),
        (("team:seles",), ["FH-A201"]),
        (("service:nightli",), ["FH-A201"]),
        (("onwer",), ["FH-A202"]),
    ],
    ids=["all that means somebody", "a team that is not there", "an account that is not there", "a role nobody has"],
)
def test_a_word_that_means_nobody_is_told(words: tuple[str, ...], codes: list[str]) -> None:
    """In estate.yaml as at a product, with the near match."""
    accounts = {"nightly": {"owner": "sales", "review_by": "2027-01-31"}}
    at_estate = estate({}, TEAMS, {"see": words}, accounts)
    at_product = estate({"a.b": ("sales", {"see": list(words)})}, TEAMS, accounts=accounts)

    for one in (at_estate, at_product):
        found = access_findings(one)
        assert [error.code for error in found] == codes
        assert all("Did you mean" in error.fix for error in found)


def test_who_administers_is_named_by_reference() -> None:
    """A role of just any team would open everything to it."""
    found = access_findings(estate({}, TEAMS, {"administer": ("owner",)}))

    assert [error.code for error in found] == ["FH-A202"]
