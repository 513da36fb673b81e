"""Service accounts: who answers for them, until when, and what is said where nobody does."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declared_access import estate
from freehold.access import access_findings, accounts_of, overdue_accounts
from freehold.access.identities import Identity
from freehold.estate.schemas import OURS, validator

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


GITHUB = "https://token.actions.githubusercontent.com"
JOB = {
    "iss": GITHUB,
    "aud": "https://d.example",
    "repository": "shop/data",
    "ref": "refs/heads/main",
    "n": 7,
    "is_so": True,
}


@pytest.mark.parametrize(
    ("claims", "missed"),
    [
        ({"repository": "shop/data"}, ()),
        ({"repository": "shop/data", "ref": "refs/heads/main"}, ()),
        ({"ref": "refs/heads/*"}, ()),
        ({"ref": "refs/tags/*"}, ("ref",)),
        ({"repository": "shop/dat"}, ("repository",)),
        ({"repository": "shop/data/"}, ("repository",)),
        ({"repository": "SHOP/data"}, ("repository",)),
        ({"n": "7", "is_so": "true"}, ()),
        ({"n": "07", "is_so": "True"}, ("n", "is_so")),
        ({"environment": "prod"}, ("environment",)),
        ({"environment": "None"}, ("environment",)),
    ],
)
def test_a_claim_is_as_its_file_says_or_begins_so(claims: dict[str, str], missed: tuple[str, ...]) -> None:
    """Letter by letter; numbers and truths as JSON spells them; what is not said fits nothing."""
    assert Identity(GITHUB, "https://d.example", claims).missed(JOB) == missed


@pytest.mark.parametrize(
    ("issuer", "audience", "missed"),
    [
        (GITHUB, "https://d.example", ()),
        (f"{GITHUB}/", "https://d.example", ("iss",)),
        (GITHUB.upper(), "https://d.example", ("iss",)),
        (GITHUB, "https://d.example/", ("aud",)),
        (GITHUB, "https", ("aud",)),
    ],
)
def test_issuer_and_audience_are_no_patterns(issuer: str, audience: str, missed: tuple[str, ...]) -> None:
    """Nor nearly equal."""
    assert Identity(issuer, audience, {"repository": "shop/data"}).missed(JOB) == missed


@given(st.text(), st.text(min_size=1).filter(lambda text: "*" not in text))
def test_a_pattern_fits_what_begins_so_and_nothing_else(told: str, begins: str) -> None:
    """Whatever letters there are."""
    fits = not Identity("i", "a", {"ref": f"{begins}*"}).missed({"iss": "i", "aud": ["b", "a"], "ref": told})

    assert fits == told.startswith(begins)


WHOLE = {"issuer": "https://ci.example", "audience": "https://d.example", "claims": {"repository": "shop/data"}}


@pytest.mark.parametrize(
    ("changed", "is_one"),
    [
        ({}, True),
        ({"claims": {"repository": "shop/*"}}, True),
        ({"claims": {"repository": "*"}}, False),
        ({"claims": {"repository": "*/data"}}, False),
        ({"claims": {"repository": "shop/*/data"}}, False),
        ({"claims": {"repository": "shop/**"}}, False),
        ({"claims": {"repository": ""}}, False),
        ({"claims": {"ref_protected": True}}, False),
        ({"claims": {"aud": "x"}}, False),
        ({"claims": {}}, False),
        ({"claims": None}, False),
        ({"issuer": "https://*.example"}, False),
        ({"issuer": "ci.example"}, False),
        ({"issuer": "https://ci.example/?x"}, False),
        ({"audience": "https://*"}, False),
        ({"audience": None}, False),
        ({"scopes": None}, False),
    ],
)
def test_a_file_says_whole_names_and_how_some_begin(changed: dict[str, Any], is_one: bool) -> None:
    """What could mean more than it seems to is refused when the file is read."""
    identity = {name: value for name, value in (WHOLE | changed).items() if value is not None and name != "scopes"}
    spec = {"review_by": "2999-01-31", "identities": [identity]}
    spec |= {} if "scopes" in changed else {"scopes": ["catalog:read"]}
    said = {"apiVersion": OURS, "kind": "ServiceAccount", "metadata": {"id": "ci", "owner": "shop"}, "spec": spec}

    assert validator("ServiceAccount").is_valid(said) is is_one


@pytest.mark.parametrize(
    ("claims", "codes"),
    [
        ({"repository": "shop/data"}, []),
        ({"repository": "shop/*"}, []),
        ({"repository_owner": "shop"}, []),
        ({"sub": "repo:shop/data:*"}, []),
        ({"repository": "shop*"}, ["FH-A171"]),
        ({"repository_owner": "sh*"}, ["FH-A171"]),
        ({"ref": "refs/heads/main", "environment": "prod"}, ["FH-A171"]),
        ({"job_workflow_ref": "shop/data/.github/workflows/x.yml@main"}, ["FH-A171"]),
    ],
)
def test_a_job_that_anybody_could_have_made_is_told(claims: dict[str, str], codes: list[str]) -> None:
    """Where everybody has jobs, a claim says whose they are, its owner whole; an issuer of one's own needs none."""
    for issuer, expected in ((GITHUB, codes), ("https://gitlab.com", codes), ("https://git.shop.example", [])):
        said = {"issuer": issuer, "audience": "https://d.example", "claims": claims}
        declared = estate({}, TEAMS, accounts={
            "ci": {"owner": "sales", "review_by": "2999-01-31", "scopes": ["catalog:read"], "identities": [said]}
        })  # fmt: skip
        assert [found.code for found in access_findings(declared)] == expected
