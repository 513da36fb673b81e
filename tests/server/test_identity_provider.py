"""Signing in at an identity provider: real HTTP, real signatures, and each way in which its answer may not hold."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from freehold.server.entry.provider import named_in, provider_of
from live_provider import Provider
from live_server import PAGE, Running


@pytest.fixture
def person(team_server: Running, provider: Provider) -> Iterator[httpx2.Client]:
    """Somebody's browser, before signing in; the provider tells the truth unless a test says otherwise."""
    provider.lies, provider.person = "", {}
    provider.asked.clear()
    with team_server.client(**PAGE) as client:
        yield client
    provider.lies, provider.person = "", {}


def came_back(client: httpx2.Client, wanted: str = "/products") -> httpx2.Response:
    """Follow the way to the provider and back; return the server's answer to that."""
    sent = client.get("/sign-in/oidc", params={"next": wanted})
    assert sent.status_code == 303, sent.text
    back = httpx2.get(sent.headers["location"]).headers["location"]
    return client.get(back)


def test_somebody_signs_in_and_is_known_by_their_groups(person: httpx2.Client, provider: Provider) -> None:
    """As the estate's teams name them, by what the provider vouches for."""
    provider.person = {"name": "Anna Smith", "groups": ["shop-data", "all staff"]}
    answer = came_back(person)

    assert (answer.status_code, answer.headers["location"]) == (303, "/products")
    me = person.get("/api/v1/me", headers={"accept": "application/json"}).json()
    assert me["principal"] == "user:idp/anna"
    assert me["name"] == "Anna Smith"
    assert me["groups"] == ["group:idp/shop-data", "group:idp/all-staff"]
    assert me["assurance"] == "oidc"


def test_an_owner_is_whoever_has_that_role_at_the_provider(person: httpx2.Client, provider: Provider) -> None:
    """As `freehold init` writes teams: a role there is a role here, and what owners may follows from it."""
    provider.person = {"roles": ["shop-data-owner", "all staff"], "groups": "shop-data"}
    came_back(person)
    me = person.get("/api/v1/me", headers={"accept": "application/json"}).json()
    shown = person.get("/settings/sessions.json").json()["page"]["facts"]
    facts = {fact["term"]: fact["text"] for fact in shown}

    assert me["groups"] == ["group:idp/shop-data", "role:idp/shop-data-owner", "role:idp/all-staff"]
    assert facts["Roles"] == "owner of shop.orders"
    assert "apply" in facts["May"]


@pytest.mark.parametrize(
    ("claims", "names"),
    [
        ({"realm_access": {"roles": ["owner"]}}, ("role:idp/owner",)),
        ({"realm_access.roles": ["other"], "realm_access": {"roles": ["owner"]}}, ("role:idp/other",)),
        ({"realm_access": ["roles"]}, ()),
        ({"realm_access": {"roles": {"owner": True}}}, ()),
        ({"realm_access": {"roles": [None, 7, "", ["owner"]]}}, ()),
        ({"roles": ["owner"]}, ()),
    ],
    ids=["within a claim", "by its whole name first", "within a list", "an object", "no names", "another claim"],
)
def test_roles_are_read_from_where_files_say(claims: dict[str, object], names: tuple[str, ...]) -> None:
    """And nowhere else; what is no name of a role is none."""
    said = {"issuer": "https://id.example.com", "client_id": "x", "roles_claim": "realm_access.roles"}
    told = provider_of(said, None)
    assert told is not None
    found = named_in(told, {"sub": "anna", **claims})

    assert found is not None
    assert found.groups == names


def test_the_provider_is_asked_as_it_must_be(person: httpx2.Client, provider: Provider) -> None:
    """A code, with PKCE by S256, a state and a nonce that differ each time."""
    came_back(person)
    came_back(person)
    first, second = provider.asked[-2:]

    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256"
    assert {"openid", "profile"} <= set(first["scope"].split())
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ("signature", "FH-A124"),
        ("unsigned", "FH-A124"),
        ("nonce", "FH-A124"),
        ("audience", "FH-A124"),
        ("several audiences", "FH-A124"),
        ("expired", "FH-A124"),
        ("token issuer", "FH-A124"),
        ("no subject", "FH-A124"),
        ("mixed up", "FH-A124"),
        ("denied", "FH-A122"),
    ],
)
def test_an_answer_that_does_not_hold_lets_nobody_in(
    person: httpx2.Client, team_server: Running, provider: Provider, lie: str, code: str
) -> None:
    """Nobody is signed in, the page says why, and the ledger has it."""
    provider.lies = lie
    answer = came_back(person)

    assert answer.status_code == 403
    assert code in answer.text
    assert team_server.settings.cookie not in person.cookies
    assert person.get("/api/v1/me", headers={"accept": "application/json"}).status_code == 401


@pytest.mark.parametrize("lie", ["issuer", "plain http"])
def test_a_provider_that_is_not_what_was_named_is_not_asked(
    person: httpx2.Client, provider: Provider, lie: str
) -> None:
    """Metadata of another issuer, or an address that a secret must not be sent to, stops before anything is sent."""
    provider.lies = lie
    answer = person.get("/sign-in/oidc")

    assert answer.status_code == 502
    assert "FH-A121" in answer.text
    assert "location" not in answer.headers


def test_another_browser_cannot_end_what_this_one_began(person: httpx2.Client, team_server: Running) -> None:
    """A link with somebody else's code signs nobody in as them (login CSRF)."""
    sent = person.get("/sign-in/oidc")
    back = httpx2.get(sent.headers["location"]).headers["location"]
    with team_server.client(**PAGE) as victim:
        answer = victim.get(back)

        assert answer.status_code == 403
        assert "FH-A123" in answer.text
        assert team_server.settings.cookie not in victim.cookies


def test_the_same_answer_is_of_no_use_twice(person: httpx2.Client, team_server: Running) -> None:
    """Neither the state nor the code."""
    sent = person.get("/sign-in/oidc")
    held = dict(person.cookies)
    back = httpx2.get(sent.headers["location"]).headers["location"]
    assert person.get(back).status_code == 303
    with team_server.client(**PAGE) as again:
        again.cookies.update({k: v for k, v in held.items() if k.endswith("-begun")})

        assert again.get(back).status_code == 403


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x&code=y", "?state=&code=", "?error=access_denied"])
def test_answers_to_nothing_are_refused(person: httpx2.Client, query: str) -> None:
    """Whatever is sent to where people come back."""
    assert person.get(f"/sign-in/oidc/back{query}").status_code == 403


def test_with_a_provider_no_link_lets_anybody_in(team_server: Running) -> None:
    """There is one way in, and it is the team's."""
    with team_server.client(**PAGE) as client:
        assert client.get(team_server.link()).status_code == 403
        page = client.get("/sign-in").text

    assert "Continue with Shop accounts" in page
    assert "freehold serve" not in page


def test_where_somebody_wanted_to_go_stays_inside(person: httpx2.Client) -> None:
    """Also by way of the provider."""
    assert came_back(person, "https://evil.example/x").headers["location"] == "/"
    assert urlsplit(came_back(person, "//evil.example").headers["location"]).netloc == ""


def test_the_ledger_says_who_came_by_the_provider_and_who_did_not(
    person: httpx2.Client, team_server: Running, provider: Provider
) -> None:
    """Nothing of it holds the code, the state or the token."""
    from freehold.ledger import Ledger

    came_back(person)
    provider.lies = "nonce"
    came_back(person)
    with Ledger.open("sqlite:///.freehold/state.db", root=team_server.root) as ledger:
        opened = next(iter(ledger.read(types=("session.opened",), newest_first=True, limit=1)))
        refused = next(iter(ledger.read(types=("session.refused",), newest_first=True, limit=1)))

    assert (opened.actor, opened.assurance) == ("user:idp/anna", "oidc")
    assert refused.data == {"method": "oidc", "why": "FH-A124"}
