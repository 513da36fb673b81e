"""Who may see and do what: a table of cases, and what holds for every estate and caller."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declared_access import PEOPLE, callers, estate, estates
from freehold.access import ACTIONS, OF_PRODUCTS, Access, may, visible_products
from freehold.access.covering import Cover
from freehold.foundation import Caller

ANA = Caller("user:idp/ana", ("group:idp/sales",), assurance="oidc")
FINANCE = Caller("user:idp/cy", ("group:idp/finance",), assurance="oidc")
STRANGER = Caller("user:idp/x", assurance="oidc")
NIGHTLY = Caller("service:nightly", assurance="token")
SHOP = estate(
    {
        "shop.orders": ("sales", {}),
        "shop.prices": ("sales", {"see": ["group:idp/finance"], "run": ["team:buying", "steward"]}),
        "hr.pay": ("people", {"see": []}),
        "lost": (None, {}),
    },
    {
        "sales": (("group:idp/sales",), {"owner": ("user:idp/lead",), "steward": ("user:idp/stew",)}),
        "buying": (("user:idp/buyer",), {}),
        "people": (("user:idp/hr", "service:nightly"), {}),
    },
    {"administer": ("group:idp/platform",), "approve": ("owner",)},
)


@pytest.mark.parametrize(
    ("caller", "action", "product", "is_allowed"),
    [
        pytest.param(STRANGER, "see", "shop.orders", True, id="everybody sees what says nothing"),
        pytest.param(STRANGER, "see", "shop.prices", False, id="a stranger does not see what names its readers"),
        pytest.param(FINANCE, "see", "shop.prices", True, id="a group that is named sees it"),
        pytest.param(ANA, "see", "shop.prices", True, id="its team sees it, though not named"),
        pytest.param(Caller("user:idp/lead", assurance="oidc"), "see", "shop.prices", True, id="so does its owner"),
        pytest.param(ANA, "see", "hr.pay", False, id="another team does not"),
        pytest.param(NIGHTLY, "see", "hr.pay", True, id="a service account is a member like a person"),
        pytest.param(ANA, "run", "shop.orders", True, id="a member runs"),
        pytest.param(FINANCE, "run", "shop.orders", False, id="a reader does not run"),
        pytest.param(ANA, "run", "shop.prices", False, id="a product's own words take the place of the usual"),
        pytest.param(Caller("user:idp/stew", assurance="oidc"), "run", "shop.prices", True, id="a role runs"),
        pytest.param(
            Caller("user:idp/buyer", assurance="oidc"), "run", "shop.prices", False, id="who may not see may not run"
        ),
        pytest.param(ANA, "approve", "shop.orders", False, id="a member does not approve"),
        pytest.param(
            Caller("user:idp/stew", assurance="oidc"), "approve", "shop.orders", False, id="the estate narrows a role"
        ),
        pytest.param(Caller("user:idp/lead", assurance="oidc"), "approve", "shop.orders", True, id="the owner does"),
        pytest.param(
            Caller("user:idp/y", ("group:idp/platform",), assurance="oidc"), "apply", "hr.pay", True,
            id="an administrator does everything",
        ),
        pytest.param(Caller("user:local/me"), "apply", "hr.pay", True, id="the shell does everything"),
        pytest.param(
            Caller("user:local/me", assurance="token"), "see", "hr.pay", True, id="a token made at the shell does"
        ),
        pytest.param(
            Caller("user:local/me", assurance="oidc"), "see", "hr.pay", False,
            id="a provider cannot name somebody of the shell",
        ),
        pytest.param(STRANGER, "administer", "", False, id="nobody administers by the way"),
        pytest.param(ANA, "run", "lost", False, id="what has no team has no members"),
        pytest.param(ANA, "apply", "", False, id="roles of one team say nothing of the whole estate"),
        pytest.param(STRANGER, "ask", "", True, id="everyone means everyone there too"),
        pytest.param(STRANGER, "see", "nope", False, id="what is not there is seen by nobody"),
    ],
)  # fmt: skip
def test_who_may(caller: Caller, action: str, product: str, is_allowed: bool) -> None:
    """As the files say, each case a sentence of the documentation."""
    verdict = may(SHOP, caller, action, product)  # type: ignore[arg-type]

    assert bool(verdict) is is_allowed, verdict.why
    assert verdict.why.endswith(".")


def test_a_refusal_names_who_could() -> None:
    """By the words of the files, so that somebody can be asked."""
    assert may(SHOP, ANA, "apply", "shop.orders").who_may == ("owner", "steward")
    assert may(SHOP, ANA, "apply", "shop.orders").why == "user:idp/ana may not apply `shop.orders`."


@given(estates, callers, st.sampled_from(OF_PRODUCTS))
def test_nobody_does_anything_to_what_they_may_not_see(estate_, caller: Caller, action: str) -> None:
    """And what may not be seen is refused in the words of what is not there."""
    access = Access(estate_)
    seen = access.visible(caller)
    for product in estate_.products:
        verdict = access.may(caller, action, product)  # type: ignore[arg-type]
        if product not in seen:
            missing = access.may(caller, action, "no.such")  # type: ignore[arg-type]
            assert not verdict
            assert (verdict.why, verdict.who_may) == (missing.why.replace("no.such", product), missing.who_may)


@given(estates, callers, st.sampled_from(PEOPLE))
def test_one_more_group_takes_nothing_away(estate_, caller: Caller, group: str) -> None:
    """Files only ever allow: nobody loses a right by being somebody more."""
    more = replace(caller, groups=(*caller.groups, group))
    for product in estate_.products:
        for action in ACTIONS:
            assert may(estate_, more, action, product) or not may(estate_, caller, action, product)


@given(estates, callers)
def test_who_is_in_a_team_sees_what_is_the_teams(estate_, caller: Caller) -> None:
    """Whatever a product says of its readers."""
    names = {caller.principal, *caller.groups}
    mine = {p.id for p in estate_.products.values() if p.team and names & set(estate_.teams[p.team].members)}

    assert mine <= visible_products(estate_, caller)


COVER = Cover.over({"shop.orders", "shop.prices", "shop", "hr.pay"}, {"shop.orders", "shop"})


@pytest.mark.parametrize(
    ("name", "is_hidden"),
    [
        ("shop.prices", True),
        ("shop.prices.list", True),
        ("shop.prices.list.amount", True),
        ("shop_prices.list", True),
        ("dev__shop_prices.list", True),
        ("pr-12__hr_pay.salaries", True),
        ("shop.orders.lines", False),
        ("shop_orders.lines", False),
        ("shop.till", False),
        ("prices", False),
        ("other.list", False),
        ("", False),
    ],
)
def test_a_cover_tells_names_of_what_is_hidden(name: str, is_hidden: bool) -> None:
    """Products, assets, columns and relations; the longest product that a name begins with decides."""
    assert COVER.hides(name) is is_hidden


def test_a_sentence_names_nothing_that_is_hidden() -> None:
    """What stands around the name stays, so that the sentence still says what is wrong."""
    told = "shop.orders.lines is not built from what is live of shop.prices.list: `freehold run`. See shop_prices.list."

    assert COVER.plain(told) == (
        "shop.orders.lines is not built from what is live of something that is not shown: `freehold run`. "
        "See something that is not shown."
    )
