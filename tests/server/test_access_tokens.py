"""Access tokens of the identity provider: what holds opens the API and the agents' way in, and no lie does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey, RSAKey
from mcp.shared.auth import ProtectedResourceMetadata

from live_agent import asked, signing_in, told
from live_provider import CLIENT, Provider, provided
from live_server import PAGE, Running, token_of

ALL = "catalog:read metrics:query"
ME = "/api/v1/me"
PRODUCTS = "/api/v1/products"


@pytest.fixture(autouse=True)
def truthful(provider: Provider) -> Iterator[None]:
    """The provider tells the truth of nobody in particular."""
    provider.lies, provider.person = "", {}
    yield
    provider.lies, provider.person = "", {}


def got(running: Running, token: str, path: str = PRODUCTS, method: str = "GET", **more: Any) -> httpx2.Response:
    """Return the answer to a request that shows a token."""
    with running.client(authorization=f"Bearer {token}") as program:
        return program.request(method, path, **more)


def test_a_token_for_this_server_reads_in_the_name_of_whom_it_names(team_server: Running, provider: Provider) -> None:
    """By their name at the provider and their groups, as after signing in, yet with what a token is sure of."""
    token = provider.access_token(team_server.url, ALL, name="Anna Smith", groups=["shop-data", "all staff"])
    me = got(team_server, token, ME).json()

    assert (me["principal"], me["name"]) == ("user:idp/anna", "Anna Smith")
    assert me["groups"] == ["group:idp/shop-data", "group:idp/all-staff"]
    assert me["assurance"] == "token"
    assert got(team_server, token).status_code == 200


@pytest.mark.parametrize(
    "aud",
    ["{url}", "{url}/", ["https://other.example", "{url}"]],
    ids=["the address", "with a slash at its end", "among others"],
)
def test_the_servers_address_is_the_audience(team_server: Running, provider: Provider, aud: Any) -> None:
    """In each form in which providers write it."""
    filled = [a.format(url=team_server.url) for a in aud] if isinstance(aud, list) else aud.format(url=team_server.url)

    assert got(team_server, provider.access_token("", ALL, aud=filled)).status_code == 200


NOW = int(time.time())
LIES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "for another server": ({"aud": "https://other.example"}, {}, "aud"),
    "for a server whose address begins so": ({"aud": "{url}.evil.example"}, {}, "aud"),
    "for something below": ({"aud": "{url}/mcp/other"}, {}, "aud"),
    "for agents, shown to the API": ({"aud": "{url}/mcp"}, {}, "aud"),
    "for the client that people sign in by": ({"aud": CLIENT}, {}, "aud"),
    "for nobody": ({"aud": None}, {}, "aud"),
    "for an empty name": ({"aud": ""}, {}, "aud"),
    "for an object": ({"aud": {"url": "{url}"}}, {}, "aud"),
    "of another issuer": ({"iss": "https://other.example"}, {}, "iss"),
    "of the issuer with a slash": ({"iss": "{iss}/"}, {}, "iss"),
    "of no issuer": ({"iss": None}, {}, "iss"),
    "expired": ({"exp": NOW - 3600, "iat": NOW - 7200}, {}, "expired"),
    "without an end": ({"exp": None}, {}, "exp"),
    "with an end that is no number": ({"exp": "tomorrow"}, {}, "exp"),
    "not yet valid": ({"nbf": NOW + 3600}, {}, "nbf"),
    "made in time to come": ({"iat": NOW + 3600}, {}, "iat"),
    "without a time": ({"iat": None}, {}, "iat"),
    "of nobody": ({"sub": None}, {}, "sub"),
    "of a number": ({"sub": 7}, {}, "sub"),
    "of somebody without letters": ({"sub": ""}, {}, "sub"),
    "of somebody too long": ({"sub": "a" * 201}, {}, "sub"),
    "of a program": ({"sub": "robot", "client_id": "robot"}, {}, "program"),
    "of a program, as others write it": ({"sub": "robot", "azp": "robot"}, {}, "program"),
    "bound to a key": ({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, {}, "bound"),
    "an identity, no access": ({}, {"typ": "JWT"}, "jwt"),
    "of a kind nobody names": ({}, {"typ": None}, "jwt"),
    "of an event": ({}, {"typ": "secevent+jwt"}, "secevent"),
    "of an unknown key": ({}, {"kid": "two"}, "key"),
    "longer than any": ({"padding": "a" * 20_000}, {}, "characters"),
}


@pytest.mark.parametrize(("said", "header", "why"), LIES.values(), ids=LIES)
def test_what_does_not_hold_opens_nothing(
    team_server: Running, provider: Provider, said: dict[str, Any], header: dict[str, Any], why: str
) -> None:
    """401, the kind of what is wrong, where to sign in, and no word of the token or of the estate."""

    def fill(value: Any) -> Any:
        return value.format(url=team_server.url, iss=provider.issuer) if isinstance(value, str) else value

    token = provider.access_token(team_server.url, ALL, header, **{k: fill(v) for k, v in said.items()})
    answer = got(team_server, token)
    challenge = answer.headers["www-authenticate"]

    assert (answer.status_code, answer.json()["code"]) == (401, "FH-A125")
    assert why in answer.json()["title"].lower()
    assert 'error="invalid_token"' in challenge
    assert f'resource_metadata="{team_server.url}/.well-known/oauth-protected-resource"' in challenge
    assert token not in answer.text
    assert "shop.orders" not in answer.text


def _text(header: dict[str, Any], claims: dict[str, Any], signature: Callable[[bytes], bytes]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (header, claims)]
    body = b".".join(parts)
    return (body + b"." + base64.urlsafe_b64encode(signature(body)).rstrip(b"=")).decode()


def _claims(provider: Provider, running: Running) -> dict[str, Any]:
    return {
        "iss": provider.issuer, "aud": running.url, "sub": "anna", "iat": NOW, "exp": NOW + 3600, "scope": ALL,
    }  # fmt: skip


@pytest.mark.parametrize("signing", ["none", "None", "HS256", "HS512"])
def test_nobody_signs_by_what_everybody_knows(team_server: Running, provider: Provider, signing: str) -> None:
    """No signature at all, or one whose secret is the public key: the words of the token decide nothing."""
    public = provider.key.as_pem(private=False)
    hashed = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}.get(signing)
    header = {"alg": signing, "typ": "at+jwt", "kid": "one"}
    text = _text(
        header, _claims(provider, team_server), lambda body: hmac.digest(public, body, hashed) if hashed else b""
    )

    assert got(team_server, text).status_code == 401


def test_a_key_that_the_token_brings_along_is_not_looked_at(team_server: Running, provider: Provider) -> None:
    """Nor an address to fetch one from: `jwk`, `jku`, `x5u`."""
    mine = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    before, provider.key, elsewhere = provider.key, mine, f"{provider.issuer}/evil"
    try:
        for brought in ({"jwk": mine.as_dict(private=False)}, {"jku": elsewhere}, {"x5u": elsewhere}):
            text = provider.access_token(team_server.url, ALL, brought)
            provider.key = before
            assert got(team_server, text).status_code == 401
            provider.key = mine
    finally:
        provider.key = before


@pytest.mark.parametrize("change", ["signature", "claims", "parts", "no base64", "five parts"])
def test_a_token_that_was_changed_opens_nothing(team_server: Running, provider: Provider, change: str) -> None:
    """Whatever part of it."""
    head, body, signature = provider.access_token(team_server.url, "catalog:read").split(".")
    wider = base64.urlsafe_b64encode(json.dumps({**_claims(provider, team_server)}).encode()).rstrip(b"=").decode()
    text = {
        "signature": f"{head}.{body}.{signature[:-6]}AAAAAA",
        "claims": f"{head}.{wider}.{signature}",
        "parts": f"{head}.{body}",
        "no base64": f"{head}.%%%.{signature}",
        "five parts": f"{head}.{body}.{signature}.{body}.{signature}",
    }[change]

    assert got(team_server, text).status_code == 401


def test_a_token_does_what_its_scopes_say(team_server: Running, provider: Provider) -> None:
    """Those of ours that it carries; what is missing is named as programs expect it (RFC 6750)."""
    token = provider.access_token(team_server.url, "openid catalog:read everything:*")
    answer = got(team_server, token, "/api/v1/query", "POST", json={"metrics": ["shop.revenue"]})

    assert got(team_server, token).status_code == 200
    assert (answer.status_code, answer.json()["code"]) == (403, "FH-A102")
    assert 'error="insufficient_scope", scope="metrics:query"' in answer.headers["www-authenticate"]
    assert got(team_server, provider.access_token(team_server.url, "openid")).status_code == 403
    assert got(team_server, provider.access_token(team_server.url, None, scp=["catalog:read"])).is_success


def test_a_token_changes_nothing_and_opens_no_settings(team_server: Running, provider: Provider) -> None:
    """Whatever its scopes: no page of tokens, no cookie, no job."""
    token = provider.access_token(team_server.url, f"{ALL} jobs:read jobs:start server:observe lineage:write")
    asked_for = got(team_server, token, "/api/v1/jobs", "POST", json={"kind": "collect"})

    assert got(team_server, token, "/settings/tokens").status_code == 403
    assert asked_for.status_code == 403
    assert got(team_server, token, "/products", headers=PAGE).cookies == {}


def test_tokens_of_this_server_go_on_working(team_server: Running) -> None:
    """And a text that is neither ours nor the provider's is told so, with the way in."""
    ours = token_of(team_server, "user:idp/anna", scopes=("catalog:read",))
    neither = got(team_server, "fh_user_x")

    assert got(team_server, ours).status_code == 200
    assert (neither.status_code, neither.json()["code"]) == (401, "FH-A101")
    assert "resource_metadata=" in neither.headers["www-authenticate"]


@pytest.mark.parametrize(("path", "resource"), [("", ""), ("/mcp", "/mcp")])
def test_anybody_learns_whose_tokens_are_taken(
    team_server: Running, provider: Provider, path: str, resource: str
) -> None:
    """As RFC 9728 has it: of the server, and of what agents ask; as the official SDK reads it."""
    with team_server.client() as stranger:
        answer = stranger.get(f"/.well-known/oauth-protected-resource{path}")
    read = ProtectedResourceMetadata.model_validate_json(answer.content)

    assert str(read.resource).removesuffix("/") == f"{team_server.url}{resource}"
    assert str(read.authorization_servers[0]).removesuffix("/") == provider.issuer
    assert {"catalog:read", "metrics:query"} <= set(read.scopes_supported or ())


def test_without_a_provider_there_is_nothing_to_learn(server: Running) -> None:
    """And a token of anybody's provider is nobody's here."""
    with server.client(authorization="Bearer a.b.c") as stranger:
        told_ = stranger.get("/.well-known/oauth-protected-resource")
        answer = stranger.get(PRODUCTS)

    assert told_.status_code == 404
    assert (answer.status_code, answer.json()["code"]) == (401, "FH-A101")


def test_a_stock_agent_finds_how_to_sign_in(team_server: Running, provider: Provider) -> None:
    """It knows the address alone: it is refused, reads where to go, signs in there, and asks; nothing is configured."""
    tools, number = signing_in(team_server, ("query_metric", {"metrics": ["shop.revenue"]}))

    assert len(tools) == 6
    assert told(number)["provenance"]["certified"] is True
    assert provider.asked[-1]["resource"] == f"{team_server.url}/mcp"
    assert set(provider.asked[-1]["scope"].split()) == {"catalog:read", "metrics:query"}


def test_an_agents_token_is_for_agents_alone(team_server: Running, provider: Provider) -> None:
    """One for the whole server opens both; its scopes say which tools there are."""
    for_agents = provider.access_token(f"{team_server.url}/mcp", "catalog:read")
    tools, _ = asked(team_server, for_agents, ("get_health", {}))

    assert len(tools) == 4
    assert got(team_server, for_agents).status_code == 401
    assert len(asked(team_server, provider.access_token(team_server.url, ALL))[0]) == 6


def test_a_new_key_of_the_provider_is_found(serving: Callable[..., Running]) -> None:
    """Without a restart; and while it cannot be asked, the keys it had go on counting."""
    its, http = provided()
    running = serving(sign_in={"issuer": its.issuer, "client_id": CLIENT}, rates={"read": 100_000})
    keyring = running.app.state.served.access_tokens._keyring
    try:
        assert got(running, its.access_token(running.url, ALL)).status_code == 200
        its.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
        keyring._asked_at = None  # as though its pause between two questions were over
        assert got(running, its.access_token(running.url, ALL, {"kid": "two"})).status_code == 200
    finally:
        http.shutdown()
        http.server_close()
    keyring._asked_at = None
    assert got(running, its.access_token(running.url, ALL, {"kid": "three"})).status_code == 401
    assert got(running, its.access_token(running.url, ALL, {"kid": "two"})).status_code == 200


def test_a_provider_that_does_not_answer_is_no_reason_to_believe_anything(serving: Callable[..., Running]) -> None:
    """Nobody's keys are known: the request is refused as the provider's failure, and it is not asked each time."""
    its, http = provided()
    http.shutdown()
    http.server_close()
    running = serving(sign_in={"issuer": its.issuer, "client_id": CLIENT})
    answers = [got(running, its.access_token(running.url, ALL)) for _ in range(3)]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(502, "FH-A121")] * 3


def test_keys_are_asked_for_seldom(serving: Callable[..., Running]) -> None:
    """However many tokens of unknown keys anybody shows."""
    its, http = provided()
    running = serving(sign_in={"issuer": its.issuer, "client_id": CLIENT}, rates={"read": 100_000})
    try:
        for number in range(20):
            assert got(running, its.access_token(running.url, ALL, {"kid": f"k{number}"})).status_code == 401
        assert its.fetched.count("/keys") == 1
    finally:
        http.shutdown()
        http.server_close()


def test_other_kinds_of_keys_and_names_are_taken_where_files_say_so(serving: Callable[..., Running]) -> None:
    """Elliptic curves; an audience that the provider chose; tokens that do not say what they are."""
    its, http = provided()
    its.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})  # type: ignore[assignment]
    said = {
        "issuer": its.issuer,
        "client_id": CLIENT,
        "access_tokens": {"audiences": ["api://freehold"], "types": ["at+jwt", "JWT"]},
    }
    running = serving(sign_in=said, rates={"read": 100_000})
    try:
        token = its.access_token("api://freehold", ALL, {"alg": "ES256", "typ": "JWT"})
        assert got(running, token).status_code == 200
        assert got(running, its.access_token("api://other", ALL, {"alg": "ES256"})).status_code == 401
    finally:
        http.shutdown()
        http.server_close()
