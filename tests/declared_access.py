"""Small estates whose access is declared, made as values; and random ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from freehold.estate.model import NOWHERE, Estate, Product, Resource, Team
from freehold.foundation import Caller


def estate(
    products: Mapping[str, tuple[str | None, Mapping[str, Any]]],
    teams: Mapping[str, tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]],
    access: Mapping[str, tuple[str, ...]] | None = None,
    accounts: Mapping[str, Mapping[str, Any]] | None = None,
) -> Estate:
    """Return an estate: products with their team and access, teams with members and roles, and what it says itself."""
    return Estate(
        id="shop",
        root=Path("/nowhere"),
        name="Shop",
        state_url="",
        connections={},
        environments={},
        defaults={},
        products={
            id_: Product(id_, NOWHERE, team=team, custom={"freehold:access": said} if said else {})
            for id_, (team, said) in products.items()
        },
        contracts={},
        models={},
        teams={id_: Team(id_, NOWHERE, members=members, roles=roles) for id_, (members, roles) in teams.items()},
        calendars={},
        access=access or {},
        resources={
            ("ServiceAccount", id_): Resource("ServiceAccount", id_, NOWHERE, {"id": id_, "owner": said["owner"]}, said)
            for id_, said in (accounts or {}).items()
        },
    )


PEOPLE = ("user:idp/ana", "user:idp/bo", "group:idp/sales", "group:idp/finance", "service:nightly")
WORDS = ("everyone", "member", "owner", "steward", "team:sales", "team:buying", *PEOPLE)
lists = st.lists(st.sampled_from(WORDS), max_size=3, unique=True).map(tuple)
said = st.dictionaries(st.sampled_from(("see", "ask", "see_rows", "run", "apply", "approve", "roll_back")), lists)
teams = st.fixed_dictionaries(
    {
        id_: st.tuples(
            st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True).map(tuple),
            st.dictionaries(
                st.sampled_from(("owner", "steward")), st.lists(st.sampled_from(PEOPLE), max_size=2).map(tuple)
            ),
        )
        for id_ in ("sales", "buying")
    }
)
products = st.fixed_dictionaries(
    {
        id_: st.tuples(st.sampled_from(("sales", "buying", None)), said)
        for id_ in ("shop.orders", "shop.prices", "hr.pay")
    }
)
estates = st.builds(
    lambda products, teams, usual, administers: estate(
        products, teams, dict(usual) | ({"administer": administers} if administers else {})
    ),
    products,
    teams,
    said,
    st.lists(st.sampled_from(PEOPLE), max_size=1).map(tuple),
)
callers = st.builds(
    lambda principal, groups, assurance: Caller(principal, groups, assurance=assurance),
    st.sampled_from(("user:idp/ana", "user:idp/bo", "service:nightly", "user:idp/stranger")),
    st.lists(st.sampled_from(("group:idp/sales", "group:idp/finance")), unique=True).map(tuple),
    st.sampled_from(("oidc", "token")),
)
